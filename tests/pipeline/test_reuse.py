"""Runs that differ only in what is measured share one training."""

import importlib
import json
from dataclasses import replace

import pytest

from harness.inputs import provenance
from harness.pipeline import together
from harness.pipeline.single import run
from harness.record import read_predictions
from harness.record.dated import move_aside
from harness.registry import FROM_FILES, register_plugins
from tests.support.runs import edit_record, go, settings


@pytest.fixture
def trainings(monkeypatch):
    """Counts the trainings that really happen."""
    real, seen = together.train, []
    monkeypatch.setattr(together, "train", lambda *a, **k: seen.append(k["lr"]) or real(*a, **k))
    return seen


def texts(outcome):
    return [text.output for text in read_predictions(outcome.folder)]


def test_controls_are_added_without_training_again(tmp_path, reviews, backbone, trainings):
    plain = go(tmp_path, reviews, backbone, "flythinker")
    more = go(tmp_path, reviews, backbone, "flythinker", "eval.controls=zero", "data.limit=4")
    assert len(trainings) == 1
    assert more.folder != plain.folder
    assert plain.record.training.reused_from is None
    assert more.record.training.reused_from == plain.record.run_id
    assert more.record.training.curve == plain.record.training.curve
    assert more.record.backbone.weights == plain.record.backbone.weights
    assert set(texts(more)) <= set(texts(plain))
    # a third run names the one that trained, not the one it was copied from
    third = go(tmp_path, reviews, backbone, "flythinker", "eval.slices=[0,9]")
    assert third.record.training.reused_from == plain.record.run_id


@pytest.mark.parametrize("other", ["train.lr=1e-4", "budget.profile=60"])
def test_whatever_training_may_depend_on_trains_anew(tmp_path, reviews, backbone, trainings, other):
    go(tmp_path, reviews, backbone, "sft", "eval.likelihood=false")
    go(tmp_path, reviews, backbone, "sft", "eval.likelihood=false", other)
    assert len(trainings) == 2


def test_edited_code_trains_anew(tmp_path, reviews, backbone, trainings, monkeypatch):
    package = tmp_path / "edited_method"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from baselines.sft import Sft\nfrom . import loss\n\n\n"
        "class Edited(Sft):\n    name = 'edited'\n"
    )
    (package / "loss.py").write_text("WEIGHT = 1\n")
    (package / "notes.py").write_text("NOBODY = 'imports this'\n")
    monkeypatch.syspath_prepend(tmp_path)
    edited = importlib.import_module("edited_method").Edited

    def again(*assignments):
        chosen = settings(reviews, backbone, "edited", "eval.authors=false", *assignments)
        return run(chosen, "edited", tmp_path / "results", factory=edited)

    again()
    again("eval.slices=[0,9]")
    (package / "notes.py").write_text("NOBODY = 'imports it still'\n")
    again("eval.slices=[0,7]")
    assert len(trainings) == 1
    (package / "loss.py").write_text("WEIGHT = 2\n")
    again("eval.slices=[0,8]")
    assert len(trainings) == 2


def test_a_run_that_goes_on_with_edited_code_begins_anew(
    tmp_path, reviews, backbone, trainings, monkeypatch
):
    """Weights and texts of the old code go; without an edit both stay."""
    first = go(tmp_path, reviews, backbone, "sft")
    written = (first.folder / "predictions.jsonl").read_text()

    def interrupted():
        edit_record(first.folder, status="running")

    interrupted()
    go(tmp_path, reviews, backbone, "sft")
    assert len(trainings) == 1
    assert (first.folder / "predictions.jsonl").read_text() == written
    interrupted()
    monkeypatch.setattr("harness.inputs.provenance.MAKING", ())  # as if source had changed
    go(tmp_path, reviews, backbone, "sft")
    assert len(trainings) == 2
    again = read_predictions(first.folder)
    assert [text.output for text in again] == [
        json.loads(line)["output"] for line in written.splitlines()
    ]
    assert {text.fingerprint for text in again}.isdisjoint(
        json.loads(line)["fingerprint"] for line in written.splitlines()
    )


def test_times_of_another_machine_are_not_taken_over(
    tmp_path, reviews, backbone, trainings, monkeypatch
):
    go(tmp_path, reviews, backbone, "sft")
    machine = provenance.machine
    monkeypatch.setattr(provenance, "machine", lambda *words: replace(machine(*words), threads=99))
    go(tmp_path, reviews, backbone, "sft", "eval.slices=[0,9]")
    assert len(trainings) == 2


def test_another_seed_or_fresh_trains_anew(tmp_path, reviews, backbone, trainings):
    go(tmp_path, reviews, backbone, "sft")
    go(tmp_path, reviews, backbone, "sft", seed=1)
    chosen = settings(reviews, backbone, "sft", "eval.slices=[0,9]")
    run(chosen, "sft", tmp_path / "results", fresh=True)
    assert len(trainings) == 3


def test_damaged_weights_of_another_run_are_not_taken_over(
    tmp_path, reviews, backbone, trainings, capsys
):
    first = go(tmp_path, reviews, backbone, "sft")
    weights = first.folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-2000:-1000] = bytes(1000)
    weights.write_bytes(content)
    second = go(tmp_path, reviews, backbone, "sft", "eval.resamples=101")
    assert len(trainings) == 2
    assert second.record.training.reused_from is None
    assert second.record.backbone.weights == first.record.backbone.weights


TASK = """
from dataclasses import replace
from harness.data.tasks import PRODUCT_REVIEW
MINE = replace(PRODUCT_REVIEW, name="mine", instruction={!r})
"""
OLD, NEW = ". Following the given patterns ", ". In the same words as above, now do this: "


@pytest.fixture
def with_instruction(tmp_path, reviews, backbone, monkeypatch):
    """Runs sft with a task of a file, whose instruction it writes first."""
    for kind in FROM_FILES:
        monkeypatch.setitem(FROM_FILES, kind, {})
    file = tmp_path / "my_task.py"

    def go_with(instruction, out, until=None, *more):
        file.write_text(TASK.format(instruction))
        for brought in FROM_FILES.values():
            brought.clear()
        register_plugins([file])
        data = reviews / "product_review"
        chosen = settings(data, backbone, "sft", "task=mine", "train.profile_dropout=0", *more)
        return run(chosen, "sft", tmp_path / out, until=until)

    return go_with


@pytest.mark.parametrize("until", [None, "trained"])
def test_a_task_with_another_instruction_trains_anew(with_instruction, trainings, until):
    rates = "train.lr=auto", "train.lr_grid=1e-3,2e-3", "train.lr_trial_epochs=0.5"
    with_instruction(OLD, "edited", until, *rates)
    edited = with_instruction(NEW, "edited", None, *rates).record
    assert len(trainings) == 6  # two rates and the training, twice
    whole = with_instruction(NEW, "whole", None, *rates).record
    assert edited.training.reused_from is None
    assert edited.training.tokens == whole.training.tokens
    assert edited.training.curve[0].loss == whole.training.curve[0].loss
    assert edited.training.lr_search.trials[0].curve == whole.training.lr_search.trials[0].curve
    assert edited.backbone.weights == whole.backbone.weights


@pytest.mark.parametrize("edited", [True, False])
def test_weights_of_a_run_set_aside_are_reused_only_with_the_same_plugins(
    with_instruction, trainings, monkeypatch, edited
):
    """Whatever the key says: here it does not see the task."""
    monkeypatch.setattr("harness.pipeline.reuse.task_digest", lambda task: "any")
    move_aside(with_instruction(OLD, "results").folder)
    again = with_instruction(NEW if edited else OLD, "results").record
    assert (again.training.reused_from is None) == edited
    assert len(trainings) == 1 + edited
