"""PAG: the summary in the prompt, within the budget, written once, and its cost in the record."""

from dataclasses import replace

import pytest
import torch
from harness_example_methods import pag
from harness_example_methods.pag import REQUEST, Pag, Summary, key_of

from harness.conformance import check_method, failures
from harness.conformance.world import World
from harness.engine.number_types import NumberTypes
from harness.pipeline import local, repeated, single
from harness.pipeline.single import run
from harness.record.dated import move_aside
from tests.support.runs import StopNowError, edit_record, settings, stop_now, texts

FINGERPRINT = Pag._fingerprint


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(Pag, tmp_path_factory.mktemp("pag"))


@pytest.mark.slow
def test_the_kit_passes():
    assert not failures(check_method(Pag))


def test_the_summary_stands_before_the_entries_and_within_their_budget(world):
    method = world.plan().method
    example = world.shared.test.examples[3]  # three entries
    shared = method.prompt(example).views["main"]  # not prepared: the shared prompt
    assert shared == method.writer.write(example).views["main"]
    text = "likes plain tea and a quiet lamp, always in the garden"
    summary = Summary(key_of(example.profile), text, 8, 0.5, 100)
    method.summaries[summary.key] = summary
    prompt = method.prompt(example)
    before, _, rest = prompt.views["main"].partition("\n")
    assert before == summary.text
    assert rest.endswith(example.input)
    count, instruction = method.writer.cutter.count, method.writer.task.instruction
    spent, most = count(summary.text), method.settings.budget.profile
    before, entries = (part.partition(instruction)[0] for part in (shared, rest))
    assert spent + count(before) > most  # without the summary's share they would not fit
    assert spent + count(entries) <= most
    bare = replace(example, profile=())
    assert method.prompt(bare).views["main"] == example.input


def test_the_request_has_the_newest_entries_that_fit(world):
    method = world.plan().method
    budget = method.settings.budget.model_copy(update={"profile": 150})
    method.settings = method.settings.model_copy(update={"budget": budget})
    profile = world.shared.test.examples[3].profile
    most, count = method.settings.budget.profile, method.writer.cutter.count
    asked = method.request(profile).removesuffix(REQUEST)
    assert count(asked) <= most
    phrases = [method.writer.task.phrase(entry) for entry in profile]
    assert asked in {", and ".join(phrases[at:]) for at in range(3)}
    assert asked == ", and ".join(phrases) or count(", and ".join(phrases)) > most


def test_a_summary_is_written_once_and_read_again(world, monkeypatch):
    plan = world.plan()
    examples = plan.test.examples
    plan.method.prepare(examples)
    first = dict(plan.method.summaries)
    assert len(first) == 3  # of five test users, two have no profile
    work = plan.method.user_work(examples)
    assert work.tokens == sum(each.tokens for each in first.values())
    assert all(each.tokens <= plan.method.budget for each in first.values())

    def refuses(*_, **__):
        raise AssertionError("a summary was written again")

    monkeypatch.setattr(pag, "generate", refuses)
    plan.method.prepare(examples)
    again = world.plan().method
    again.workspace = plan.method.workspace
    again.prepare(examples)
    assert again.summaries == first
    assert again.user_work(examples) == work


def test_a_run_counts_summaries_as_costs(tmp_path, reviews, backbone):
    chosen = settings(reviews, backbone, "pag", "eval.lift=likelihood")
    chosen = chosen.model_copy(update={"method": {"summary_tokens": 6}})
    outcome = run(chosen, "pag", tmp_path, factory=Pag)
    record = outcome.record
    assert record.inference.user_work_s > 0
    assert 0 < record.inference.user_work_tokens <= 8 * 6  # 4 users with two profiles each
    assert record.inference.user_work_flops > 0
    assert record.training.method["summaries"]["tokens"] > 0
    val = record.training.method["val_summaries"]
    assert 0 < val["tokens"] <= 2 * 6
    assert 0 < val["seconds"] < record.training.seconds["val_targets"]
    (kept,) = outcome.folder.glob("summaries-*.jsonl")
    assert texts(outcome)
    summaries = pag.read_lines(Summary, kept)
    assert len(summaries) >= 8
    whole = sum(each.flops for each in summaries)
    assert record.training.flops["targets"] == whole - record.inference.user_work_flops > 0


@pytest.mark.parametrize(
    "earlier",
    ["a complete run", "a complete run, half moved", "an unfinished run of other weights"],
)
def test_an_interrupted_run_keeps_the_summaries_that_it_wrote_for_the_tests(
    tmp_path, reviews, backbone, monkeypatch, earlier
):
    chosen = settings(reviews, backbone, "pag", "eval.likelihood=false", "eval.authors=false")
    chosen = chosen.model_copy(update={"method": {"summary_tokens": 4}})
    # 1. what the next run replaces
    if earlier.startswith("a complete run"):
        folder = run(chosen, "pag", tmp_path, factory=Pag).folder
        (folder / "plain.txt").write_text("of the old run")
        source = FINGERPRINT
        monkeypatch.setattr(single, "show_again", lambda job, found: None)  # an input changed
        monkeypatch.setattr(Pag, "_fingerprint", lambda self, lm: source(self, lm)[::-1])
    else:
        with monkeypatch.context() as patch:
            patch.setattr(local, "generate_all", stop_now)
            with pytest.raises(StopNowError):
                run(chosen, "pag", tmp_path, factory=Pag)
        (path,) = tmp_path.rglob("record.json")
        folder = path.parent
        edit_record(folder, backbone={"name": "another", "fingerprint": "0" * 16})
        for file in folder.glob("summaries-*.jsonl"):
            file.unlink()
        assert (folder / "model.safetensors").is_file()
    # 2. interrupted once its test summaries are written, twice
    monkeypatch.setattr(local, "opening", stop_now)
    written, write = [], Pag._write

    def noted(self, lm, requests, path):
        written.append(len(requests))
        write(self, lm, requests, path)

    monkeypatch.setattr(Pag, "_write", noted)
    with monkeypatch.context() as patch:
        if earlier.endswith("half moved"):
            patch.setattr(repeated, "move_aside", lambda folder: stop_now(move_aside(folder)))
        with pytest.raises(StopNowError):
            run(chosen, "pag", tmp_path, factory=Pag)
    first = list(written)
    with pytest.raises(StopNowError):
        run(chosen, "pag", tmp_path, factory=Pag)
    assert written == first != []
    assert not [*folder.parent.glob(".*.next")]
    assert not (folder / "model.safetensors").exists()
    assert not (folder / "plain.txt").exists()


def test_all_summaries_of_a_run_have_its_number_type(tmp_path, reviews, backbone, monkeypatch):
    types = NumberTypes(torch.bfloat16, torch.bfloat16)
    monkeypatch.setattr("harness.pipeline.job.number_types", lambda *_: types)
    chosen = settings(reviews, backbone, "pag", "model.dtype=auto")
    chosen = chosen.model_copy(update={"method": {"summary_tokens": 4}})
    used, write = [], Pag._write

    def noted(self, *args):
        used.append(self.settings.model.dtype)
        write(self, *args)

    monkeypatch.setattr(Pag, "_write", noted)
    outcome = run(chosen, "pag", tmp_path, factory=Pag)
    assert set(used) == {"bfloat16"}
    assert len([*outcome.folder.glob("summaries-*.jsonl")]) == 1
    assert outcome.record.settings["model"]["dtype"] == "auto"


@pytest.mark.parametrize("changed", ["task", "template"])
def test_summaries_of_another_task_or_template_are_not_read(world, monkeypatch, changed):
    method = world.plan().method
    method.workspace = world.folder
    lm = method._backbone()
    before = method._fingerprint(lm)
    assert method._fingerprint(lm) == before
    if changed == "task":
        method.writer.task = replace(method.writer.task, entry="{reviewText}")
    else:
        monkeypatch.setattr(pag, "describe_template", lambda tokenizer: {"rendered": "other"})
    assert method._fingerprint(lm) != before
