"""A finished run whose input changed is not shown: every input is changed once, by enumeration."""

from __future__ import annotations

import shutil
from dataclasses import fields
from typing import Any

import pytest

from harness.cli.show import show
from harness.data import SPLITS
from harness.errors import UsageError
from harness.inputs import metrics as metric_inputs
from harness.inputs.finished import finished
from harness.inputs.models import KINDS
from harness.inputs.stale import since
from harness.pipeline.job import Job
from harness.progress import Bars
from harness.record import find_runs, read_predictions, read_record
from harness.record.dated import is_dated
from harness.record.inputs import MODELS, Inputs, changes
from tests.support.edits import CASES, edit_file, edit_harness, edit_json, edit_template
from tests.support.runs import edit_record
from tests.support.world import World


def enumerated() -> set[str]:
    """Every input by the code's own lists: a new one without a case fails the test below."""
    found = {each.name for each in fields(Inputs)} - {"data", *MODELS}
    found |= {f"data {split}" for split in SPLITS}
    return found | {f"{model} {kind}" for model in MODELS for kind in KINDS}


RERUN_FAST = {"data test", "backbone chat template", "plugins"}
REFUSED = {"backbone adapter", "dense_model adapter"}
"""What no run may start from: it is said, and the old run stays where it is."""


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(Bars, "say", lambda self, text: lines.append(text))
    return lines


def test_every_input_has_a_case():
    assert set(CASES) == enumerated()


def test_the_record_holds_every_input(world: World):
    """Each kind of input is there by name, so that no case below is about nothing."""
    (folder,) = find_runs([world.results])
    inputs = read_record(folder).inputs
    assert inputs is not None
    assert set(inputs.data) == set(SPLITS)
    for model in MODELS:
        names = set(getattr(inputs, model))
        assert {
            "config.json",
            "model.safetensors",
            "tokenizer.json",
            "tokenizer_config.json",
        } <= names
        assert "chat_template.jinja" in names
    assert set(inputs.plugins) == {"own", "stale_helper"}
    assert "rouge-score " in inputs.metrics["rouge1"].replace("_", "-")
    assert "harness.engine.lm" in inputs.code


def test_an_unchanged_run_is_shown_by_both_ways(world: World, said: list[str]):
    shown = world.run()
    assert shown.repeated
    assert said == []
    found = finished(world.settings(), "own", [world.root / "own.py"], world.results)
    assert found is not None
    assert found[0] == shown
    assert found[1].named == ()


@pytest.mark.parametrize("name", CASES)
def test_a_changed_input_is_found_by_name(name: str, world: World, monkeypatch: pytest.MonkeyPatch):
    (folder,) = find_runs([world.results])
    called = CASES[name](world, monkeypatch)
    record, now = read_record(folder), world.plan().inputs
    found = [each for each in changes(record.inputs, now) if each.then != "name"]
    kind = name.partition(" ")[0]
    quick = finished(world.settings(), "own", [world.root / "own.py"], world.results)
    if kind == "code":  # named, not redone
        assert found == []
        assert quick is not None
        assert called not in since(record, now).named  # still there; others are gone
        assert since(record, now).named
        return
    assert [(each.kind, each.name) for each in found] == [(kind, called)]
    assert {each.then for each in found} == {"rescore" if kind == "metrics" else "rerun"}
    assert quick is None


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in RERUN_FAST else [pytest.mark.slow])
        for name in CASES
        if name not in ("metrics", "code")
    ],
)
def test_a_changed_input_runs_again_and_keeps_the_old_record(
    name: str, world: World, monkeypatch: pytest.MonkeyPatch, said: list[str]
):
    (folder,) = find_runs([world.results])
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    called = CASES[name](world, monkeypatch)
    if name in REFUSED:
        with pytest.raises(UsageError):
            world.run()
        assert any(called in line for line in said)
        assert find_runs([world.results]) == [folder]
        return
    again = world.run()
    assert not again.repeated
    assert any(called in line and "Running again" in line for line in said)
    (old,) = [path for path in folder.parent.iterdir() if is_dated(path)]
    assert any(old.name in line for line in said)
    assert {path.name: path.read_bytes() for path in old.iterdir() if path.is_file()} == before
    assert read_predictions(old)
    assert find_runs([world.results]) == [again.folder]
    assert find_runs([old]) == [old]
    said.clear()
    assert world.run().repeated
    assert said == []


def test_a_changed_metric_scores_the_stored_texts_again(
    world: World, monkeypatch: pytest.MonkeyPatch, said: list[str]
):
    (folder,) = find_runs([world.results])
    before, texts = read_record(folder), (folder / "predictions.jsonl").read_bytes()
    weights = (folder / "model.safetensors").stat()
    called = CASES["metrics"](world, monkeypatch)

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("a model was built")

    monkeypatch.setattr(Job, "build", never)
    assert not world.run().repeated
    after = read_record(folder)
    assert (before.metrics[called].value, after.metrics[called].value) == (1.0, 0.5)
    assert after.metrics["rouge1"] == before.metrics["rouge1"]
    assert after.training == before.training
    assert {each.scores[called] for each in after.examples.values()} == {0.5}
    assert (folder / "predictions.jsonl").read_bytes() == texts
    assert (folder / "model.safetensors").stat() == weights
    (old,) = [path for path in folder.parent.iterdir() if is_dated(path)]
    assert read_record(old) == before
    assert (old / "predictions.jsonl").read_bytes() == texts
    assert called in said[0]
    said.clear()
    assert world.run().repeated
    assert said == []


def test_views_with_generated_texts_are_evaluated_again_with_the_stored_weights(
    world: World, monkeypatch: pytest.MonkeyPatch, said: list[str]
):
    asked = ("eval.forced=true", "eval.slices=[0,4]")
    before = world.run(*asked).record
    called = CASES["metrics"](world, monkeypatch)
    monkeypatch.setattr("harness.pipeline.together.train", None)
    after = world.run(*asked).record
    values = [record.forced.metrics[called].value for record in (before, after)]
    assert values == [1.0, 0.5]
    assert after.forced.windows == before.forced.windows
    assert after.backbone == before.backbone


def test_another_version_of_a_tool_scores_again(
    world: World, monkeypatch: pytest.MonkeyPatch, said: list[str]
):
    real = metric_inputs.version
    monkeypatch.setattr(
        metric_inputs, "version", lambda name: "9.9" if name == "rouge_score" else real(name)
    )
    assert not world.run().repeated
    assert "metrics rouge1: rouge_score 0.1.2 → rouge_score 9.9" in said[0]


def test_changed_code_is_named_but_nothing_is_repeated(
    world: World, monkeypatch: pytest.MonkeyPatch, said: list[str]
):
    edit_harness(world, monkeypatch)
    assert world.run().repeated
    (line,) = said
    assert "code or packages changed since this run: harness." in line
    assert "--fresh runs it again" in line


def test_reformatted_data_with_the_same_texts_is_no_change(world: World, said: list[str]):
    path = world.root / "data" / "product_review" / "test.jsonl"
    path.write_text(path.read_text().replace('", "', '",   "') + "\n")
    assert finished(world.settings(), "own", [world.root / "own.py"], world.results) is None
    assert world.run().repeated
    assert said == []


def test_fresh_deletes_the_run_and_leaves_dated_ones(world: World, said: list[str]):
    edit_file("stale_helper.py", "1", "2", "")(world, pytest.MonkeyPatch())
    again = world.run()
    assert not world.run(fresh=True).repeated
    names = [path.name for path in again.folder.parent.iterdir() if path.suffix != ".lock"]
    assert len(names) == 2
    assert again.folder.name in names


def test_a_record_without_inputs_is_shown_with_a_message(world: World, said: list[str]):
    (folder,) = find_runs([world.results])
    edit_record(folder, inputs=None)
    assert read_record(folder).inputs is None
    assert finished(world.settings(), "own", [world.root / "own.py"], world.results) is None
    assert world.run().repeated
    assert "does not list inputs" in said[0]


def test_a_model_that_changes_while_it_is_loaded_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    shutil.rmtree(world.results)
    real = Job.build

    def meanwhile(job: Job) -> Any:
        edit_json("backbone", "config.json", "attention_dropout", 0.1)(world, monkeypatch)
        return real(job)

    monkeypatch.setattr(Job, "build", meanwhile)
    with pytest.raises(UsageError, match=r"backbone config\.json changed while it was read"):
        world.run()
    assert not world.results.exists()


def test_an_unfinished_run_resumes_with_todays_inputs(world: World, said: list[str]):
    """Its texts belong to what it was begun with: a changed template generates them again."""
    (folder,) = find_runs([world.results])
    edit_record(folder, status="running")
    edit_template("backbone")(world, pytest.MonkeyPatch())
    assert finished(world.settings(), "own", [world.root / "own.py"], world.results) is None
    again = world.run()
    assert any("retraining" in line for line in said)
    assert again.record.status == "complete"
    assert [path for path in folder.parent.iterdir() if is_dated(path)] == []


def test_show_opens_an_old_record_whose_example_is_gone(
    world: World, said: list[str], capsys: pytest.CaptureFixture[str]
):
    (folder,) = find_runs([world.results])
    path = world.root / "data" / "product_review" / "test.jsonl"
    path.write_text(path.read_text().replace("Generate the review", "Write the review"))
    world.run()
    (old,) = [path for path in folder.parent.iterdir() if is_dated(path)]
    capsys.readouterr()
    show(old, None, None, True, [world.root / "own.py"])
    shown = capsys.readouterr().out
    assert "no longer in the data" in shown
    assert read_predictions(old)[0].output.split()[0] in shown
