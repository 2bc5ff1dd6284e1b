"""An interrupted run is continued: it ends as an uninterrupted one, and nothing is done twice."""

import json
import shutil

import pytest
import torch

from harness.engine import train as train_module
from harness.engine.number_types import NumberTypes
from harness.errors import UsageError
from harness.pipeline import generate as generate_module
from harness.pipeline import generator as generator_module
from harness.pipeline import job as job_module
from harness.pipeline import local as run_module
from harness.pipeline import training as training_module
from harness.pipeline.kept_texts import fingerprints
from harness.pipeline.plan import Plan
from harness.pipeline.renewal import ONCE
from harness.pipeline.single import run
from harness.record import read_predictions, read_record
from tests.support.runs import (
    StopNowError,
    go,
    settings,
    stop_now,
    texts,
    without_times,
)
from tests.support.saved_backbones import save_backbone


@pytest.mark.parametrize("batches", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_run_stopped_while_writing_ends_as_an_uninterrupted_one(
    tmp_path, reviews, backbone, monkeypatch, batches
):
    sampled = ["decode.temperature=0.8", "decode.top_p=0.9", "decode.samples=2"]
    whole = go(tmp_path / "whole", reviews, backbone, "sft", *sampled)
    real, calls = generate_module.append_lines, []

    def stop(path, predictions):
        real(path, predictions)
        calls.append(1)
        if len(calls) == batches:
            raise StopNowError

    monkeypatch.setattr(generate_module, "append_lines", stop)
    with pytest.raises(StopNowError):
        go(tmp_path / "cut", reviews, backbone, "sft", *sampled)
    monkeypatch.undo()
    file = next((tmp_path / "cut").rglob("predictions.jsonl"))
    assert read_record(file.parent).status == "running"
    file.write_text(file.read_text() + '{"id": "half a li')
    resumed = go(tmp_path / "cut", reviews, backbone, "sft", *sampled)
    assert texts(resumed) == texts(whole)
    found, known = (
        without_times(json.loads((o.folder / "record.json").read_text())) for o in (resumed, whole)
    )
    assert found == known


def test_a_run_stopped_after_its_last_text_keeps_what_computed_the_steps(
    tmp_path, reviews, backbone, monkeypatch
):
    monkeypatch.setattr(run_module, "Trained", stop_now)
    with pytest.raises(StopNowError):
        go(tmp_path, reviews, backbone, "sft", "decode.step=auto")
    monkeypatch.undo()
    assert (
        go(tmp_path, reviews, backbone, "sft", "decode.step=auto").record.inference.step == "lean"
    )


def test_a_stopped_training_of_a_backbone_that_was_tried_first_goes_on(
    tmp_path, reviews, backbone, monkeypatch
):
    often = ["train.checkpoint_minutes=1e-9", "train.epochs=4", "train.batch_size=2"]
    often += ["decode.step=auto"]  # its check joins weights before training
    whole = go(tmp_path / "whole", reviews, backbone, "sft", *often)
    real, taken = train_module.TrainLog.add, []

    def stop(log, step, rows):
        real(log, step, rows)
        taken.append(step.step)
        if len(taken) == 3:
            raise StopNowError

    monkeypatch.setattr(train_module.TrainLog, "add", stop)
    with pytest.raises(StopNowError):
        go(tmp_path / "cut", reviews, backbone, "sft", *often)
    resumed = go(tmp_path / "cut", reviews, backbone, "sft", *often)
    assert taken == [1, 2, 3, *range(3, len(whole.record.training.curve) + 1)]
    assert texts(resumed) == texts(whole)


def test_a_run_stopped_after_training_does_not_train_again(
    tmp_path, reviews, backbone, monkeypatch
):
    monkeypatch.setattr(run_module, "generate_all", stop_now)
    with pytest.raises(StopNowError):
        go(tmp_path, reviews, backbone)
    monkeypatch.undo()
    monkeypatch.setattr("harness.pipeline.together.train", stop_now)
    folder = next((tmp_path / "results").rglob("training.json")).parent
    (folder / "checkpoint").mkdir()  # stopped before training had cleared up
    (folder / "training-phases.json").write_text("{}")
    assert go(tmp_path, reviews, backbone).record.status == "complete"
    assert not (folder / "checkpoint").exists()
    assert not (folder / "training-phases.json").exists()


def test_a_run_stopped_after_writing_keeps_what_writing_cost(
    tmp_path, reviews, backbone, monkeypatch
):
    monkeypatch.setattr(run_module, "evaluate", stop_now)
    with pytest.raises(StopNowError):
        go(tmp_path, reviews, backbone, "rag")
    monkeypatch.undo()
    monkeypatch.setattr(generator_module, "generate", stop_now)
    inference = go(tmp_path, reviews, backbone, "rag").record.inference
    assert inference.batches_timed == 3
    assert inference.examples_timed == 8
    assert inference.decode_s > 0
    assert inference.peak_memory_mib > 0


def test_predictions_of_other_weights_are_written_anew(tmp_path, reviews, backbone, complete):
    first = complete("rag")
    (first.folder / "record.json").unlink()
    lines = (first.folder / "predictions.jsonl").read_text().splitlines()
    stale = json.loads(lines[0]) | {"fingerprint": "0" * 16, "output": "stale"}
    (first.folder / "predictions.jsonl").write_text(
        "\n".join([json.dumps(stale), *lines[1:]]) + "\n"
    )
    again = go(tmp_path, reviews, backbone, "rag")
    assert sorted(texts(again)) == sorted(
        (t.id, 0, t.output) for t in read_predictions(first.folder)
    )
    assert "stale" not in {output for _, _, output in texts(again)}


def test_whatever_could_change_a_text_changes_its_fingerprint(tmp_path, reviews, backbone):
    def fingerprint(*assignments, at=0, weights="w", device="cpu", source="s", sample=0):
        chosen = settings(reviews, backbone, "rag", "decode.samples=2", *assignments)
        plan = Plan(chosen, "rag", tmp_path)
        found = fingerprints(plan, weights, device, source)
        return found[plan.test_prompts[at].example.id, sample]

    others = [
        fingerprint("decode.temperature=0.5"),
        fingerprint("data.limit=4"),  # other batches
        fingerprint(at=1),
        fingerprint(weights="v"),
        fingerprint(device="cuda"),
        fingerprint(source="t"),
        fingerprint(sample=1),
    ]
    assert fingerprint() == fingerprint()
    assert len({fingerprint(), *others}) == 1 + len(others)


def test_a_run_begun_with_other_weights_begins_anew(tmp_path, reviews, backbone, monkeypatch):
    own = tmp_path / "backbone"
    shutil.copytree(backbone, own)

    monkeypatch.setattr(run_module, "generate_all", stop_now)
    with pytest.raises(StopNowError):
        go(tmp_path, reviews, own)
    monkeypatch.undo()
    shutil.rmtree(own)
    save_backbone(own, seed=5)
    found = go(tmp_path, reviews, own)
    fresh = run(settings(reviews, own), "sft", tmp_path / "fresh")
    assert found.record.training.curve[0].loss == fresh.record.training.curve[0].loss
    assert found.record.backbone == fresh.record.backbone
    assert texts(found) == texts(fresh)


def test_a_job_of_a_sweep_that_is_lost_after_fresh_goes_on_at_its_checkpoint(
    tmp_path, reviews, backbone, monkeypatch
):
    often = ["train.checkpoint_minutes=1e-9", "train.epochs=4", "train.batch_size=2"]
    chosen, taken = settings(reviews, backbone, "sft", *often), []
    whole = go(tmp_path, reviews, backbone, "sft", *often)
    real = train_module.TrainLog.add

    def stop(log, step, rows):
        real(log, step, rows)
        taken.append(step.step)
        if taken == [1, 2, 3]:
            raise StopNowError

    def again(sweep):
        monkeypatch.setenv(ONCE, sweep)
        return run(chosen, "sft", tmp_path / "results", fresh=True)

    monkeypatch.setattr(train_module.TrainLog, "add", stop)
    with pytest.raises(StopNowError):
        again("one")
    resumed = again("one")
    count = len(whole.record.training.curve)
    assert taken == [1, 2, 3, *range(3, count + 1)]
    assert texts(resumed) == texts(whole)
    assert again("one").repeated  # its worker was lost after its end
    assert not again("two").repeated
    assert taken[count + 1 :] == [*range(1, count + 1)]


def test_fresh_refuses_a_run_that_it_cannot_delete(
    tmp_path, reviews, backbone, complete, monkeypatch
):
    first = complete("rag")

    def kept(path, *_, **__):
        raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr(shutil, "rmtree", kept)
    with pytest.raises(UsageError, match=r"--fresh: .* cannot be deleted \(Operation not permit"):
        run(settings(reviews, backbone, "rag"), "rag", tmp_path / "results", fresh=True)
    assert not (first.folder / "record.json").exists()  # not shown as the new one


def test_a_resumed_run_keeps_the_number_types_of_its_record(
    tmp_path, reviews, backbone, monkeypatch
):
    own = settings(reviews, backbone, "sft").model_copy(update={"preset": "smollm2"})

    def choose(training, generation):
        types = NumberTypes(getattr(torch, training), getattr(torch, generation))
        monkeypatch.setattr(job_module, "number_types", lambda *_: types)

    choose("bfloat16", "float32")
    real = training_module.save_weights

    monkeypatch.setattr(training_module, "save_weights", stop_now)
    with pytest.raises(StopNowError):
        run(own, "sft", tmp_path / "cut")
    monkeypatch.setattr(training_module, "save_weights", real)
    choose("float32", "bfloat16")  # e.g. another trial, after the cache was emptied
    resumed = run(own, "sft", tmp_path / "cut")
    choose("bfloat16", "float32")
    whole = run(own, "sft", tmp_path / "whole")
    device = resumed.record.device
    assert (device.dtype, device.generation_dtype) == ("bfloat16", "float32")
    assert texts(resumed) == texts(whole)
    assert resumed.record.training.curve[0].loss == whole.record.training.curve[0].loss
