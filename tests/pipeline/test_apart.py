"""Training, generation and scoring apart: the same record as in one go, and no model to score."""

from dataclasses import replace

import pytest

from harness.errors import UsageError
from harness.inputs import collect, provenance
from harness.pipeline import together
from harness.pipeline.apart import GENERATED
from harness.pipeline.job import Job
from harness.pipeline.single import run
from harness.progress import Bars
from harness.record import read_predictions
from tests.support.runs import settings

VIEWS = {
    "sft": ('eval.lift=["likelihood"]', "eval.authors=true"),
    "flythinker": ('eval.controls="zero"', 'eval.lift=["texts"]', "eval.forced=true"),
    "rag": ("eval.likelihood=false",),
}


@pytest.fixture
def step(tmp_path, reviews, backbone):
    def go(method, until=None, where="apart", *more):
        chosen = settings(reviews, backbone, method, *VIEWS[method], *more)
        return run(chosen, method, tmp_path / where, until=until, bars=Bars())

    return go


@pytest.fixture
def elsewhere(monkeypatch):
    machine = provenance.machine
    return lambda: monkeypatch.setattr(
        provenance, "machine", lambda *words: replace(machine(*words), processor="another")
    )


def said(capsys):
    """Messages, without the breaks of lines."""
    return " ".join(capsys.readouterr().err.split())


def without_times(record):
    """The values of a record that do not depend on when and how fast it was made."""
    training = record.training and {
        "losses": [one.loss for one in record.training.curve], "val": record.training.val_loss
    }  # fmt: skip
    kept = ("metrics", "quality", "slices", "breakdowns", "likelihood", "relative", "lift",
            "forced", "controls", "authors", "examples", "texts", "n")  # fmt: skip
    return {name: getattr(record, name) for name in kept if hasattr(record, name)} | {
        "training": training
    }


SLOW = pytest.param("flythinker", marks=pytest.mark.slow)


@pytest.mark.parametrize("method", ["sft", SLOW, "rag"])
def test_three_steps_give_the_record_of_one(step, method):
    trained = step(method, "trained")
    assert (trained.record.status, read_predictions(trained.folder)) == ("running", [])
    generated = step(method, "generated")
    assert generated.record.status == "running"
    assert (generated.folder / GENERATED).is_file()
    done, whole = step(method), step(method, where="whole")
    assert (done.record.status, done.folder.name) == ("complete", whole.folder.name)
    assert without_times(done.record) == without_times(whole.record)
    assert done.record.scored_on is None
    left = {path.name for path in done.folder.iterdir()}
    assert left == {path.name for path in whole.folder.iterdir()}
    assert set(done.record.phases) >= {"writing", "scoring"}
    if method != "rag":
        assert done.record.phases["training"] > 0


def test_scoring_needs_no_model_and_says_where_it_was_done(step, elsewhere, monkeypatch):
    first = step("rag", "generated")
    monkeypatch.setattr(Job, "build", lambda *_: pytest.fail("a model was built"))
    elsewhere()
    assert step("rag", "generated").repeated
    done = step("rag")
    assert (done.record.status, done.record.scored_on.processor) == ("complete", "another")
    assert done.record.device == first.record.device
    assert done.record.metrics["bleu"].value is not None


def edit_metrics(monkeypatch):
    """Another version of every metric, scored with another sacrebleu."""
    monkeypatch.setattr(collect, "metric_input", lambda name: f"edited {name}")
    packages = provenance.packages()
    monkeypatch.setattr(provenance, "packages", lambda: {**packages, "sacrebleu": "9.9"})


def test_texts_are_scored_by_the_metric_that_the_record_names(step, monkeypatch):
    first = step("rag", "generated").record
    edit_metrics(monkeypatch)
    monkeypatch.setattr(Job, "build", lambda *_: pytest.fail("a model was built"))
    done = step("rag").record
    assert done.inputs.metrics == {"bleu": "edited bleu", "rouge1": "edited rouge1"}
    assert done.packages == {**first.packages, "sacrebleu": "9.9"}
    assert (done.inputs.code, done.status) == (first.inputs.code, "complete")
    assert step("rag").repeated


def test_views_with_texts_of_their_own_are_scored_by_that_metric_too(step, monkeypatch, capsys):
    more = ("rag", None, "apart", "eval.forced=true")
    texts = read_predictions(step("rag", "generated", *more[2:]).folder)
    edit_metrics(monkeypatch)
    done = step(*more)
    assert "metrics bleu" in said(capsys)
    assert done.record.inputs.metrics == {"bleu": "edited bleu", "rouge1": "edited rouge1"}
    assert read_predictions(done.folder) == texts
    assert step(*more).repeated


def test_texts_that_changed_are_generated_again(step, capsys):
    folder = step("rag", "generated").folder
    lines = (folder / "predictions.jsonl").read_text().splitlines(keepends=True)
    (folder / "predictions.jsonl").write_text("".join(lines[1:]))
    done = step("rag")
    assert "changed since the run stopped; generating again" in said(capsys)
    assert (done.record.status, len(read_predictions(folder))) == ("complete", len(lines))


def test_trained_weights_are_used_on_another_machine_and_their_times_marked(
    step, elsewhere, monkeypatch, capsys
):
    trained = step("sft", "trained")
    elsewhere()
    monkeypatch.setattr(together, "train", lambda *_, **__: pytest.fail("trained again"))
    done = step("sft")
    assert "reusing the weights that another machine trained" in said(capsys)
    assert done.record.training.curve == trained.record.training.curve
    assert done.record.training.machine.processor != "another"
    assert done.record.device.processor == "another"


def test_weights_of_other_inputs_are_not(step, elsewhere, monkeypatch):
    step("sft", "trained")
    elsewhere()
    monkeypatch.setattr(provenance, "training_sha256", lambda *_: "edited")
    assert step("sft").record.training.machine is None  # retrained here


def test_what_cannot_be_apart_is_refused(step, tmp_path):
    with pytest.raises(UsageError, match="until tuned; expected trained or generated"):
        step("rag", "tuned")
