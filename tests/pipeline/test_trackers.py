"""Trackers get the loss of each step and the scores, and never end a run."""

import sys
import types

import pytest

from harness.errors import UsageError
from harness.pipeline import trackers
from harness.pipeline.reuse import KEY
from harness.pipeline.single import run
from harness.settings import build_settings
from harness.settings.names import named
from tests.support.runs import StopNowError, go, settings, stop_now

LITTLE = ("eval.likelihood=false", "eval.authors=false")


class Fake:
    """Stands for any tracker's module: it notes every call."""

    def __init__(self, breaks=()):
        self.calls, self.breaks, self.summary = [], breaks, self

    def __getattr__(self, name):
        def call(*args, **named):
            self.calls.append((name, args, named))
            if name in self.breaks:
                raise RuntimeError("no network")
            return self

        return call

    def said(self, name):
        return [(args, named) for each, args, named in self.calls if each == name]


@pytest.fixture
def fake(monkeypatch):
    def go(name, breaks=()):
        made = Fake(breaks)
        module = types.SimpleNamespace(
            init=made.init, log=made.log, finish=made.finish, SummaryWriter=made.SummaryWriter
        )
        monkeypatch.setattr(trackers, "find_spec", lambda package: package)
        real = trackers.import_module
        known = {name, "torch.utils.tensorboard"} if name == "tensorboard" else {name}
        monkeypatch.setattr(
            trackers, "import_module", lambda asked: module if asked in known else real(asked)
        )
        return made

    return go


def steps_of(name, made):
    """Step → loss, as a tracker got them."""
    if name == "tensorboard":
        values = [args for args, _ in made.said("add_scalar")]
        return {step: value for key, value, step in values if key == "train/loss"}
    calls = [(args[0], named["step"]) for args, named in made.said("log")]
    return {step: values["train/loss"] for values, step in calls if "train/loss" in values}


def scores_of(name, made):
    if name == "tensorboard":
        return {key: value for (key, value, _), _ in made.said("add_scalar") if "/" in key}
    sent = made.said("update") if name == "wandb" else made.said("log")
    return sent[-1][0][0]


@pytest.mark.parametrize("name", trackers.TRACKERS)
def test_the_loss_of_each_step_and_the_scores(name, fake, tmp_path, reviews, backbone):
    made = fake(name)
    outcome = go(
        tmp_path,
        reviews,
        backbone,
        "sft",
        f"track.to={name}",
        "track.project=lab",
        "eval.authors=false",
    )
    record = outcome.record
    curve = {step.step: step.loss for step in record.training.curve}
    assert len(curve) == 2
    assert steps_of(name, made) == curve
    scores = scores_of(name, made)
    assert scores["scores/bleu"] == record.metrics["bleu"].value
    assert scores["scores/nll"] == record.likelihood.value
    assert scores["costs/training_s"] == record.training.seconds_total
    assert made.calls[-1][0] == ("close" if name == "tensorboard" else "finish")
    if name != "tensorboard":
        ((_, started),) = made.said("init")
        assert started["project"] == "lab"
        assert started["name"].startswith(f"sft-product_review-{record.run_id}")
        assert started["config"]["train"]["lr"] == 1e-3
        assert started["resume"] == "allow"


def begun(name, made):
    """What a tracker knows a run by, for each start."""
    key = {"wandb": "id", "trackio": "name"}[name]
    return [named[key] for _, named in made.said("init")]


def stopped(tmp_path, monkeypatch, *asked):
    """A run that is stopped before its texts."""
    with monkeypatch.context() as patch:
        patch.setattr("harness.pipeline.local.generate_all", stop_now)
        with pytest.raises(StopNowError):
            go(tmp_path, *asked)


def test_the_scores_of_a_run_that_is_resumed_after_its_training_stand_at_the_last_step(
    fake, tmp_path, reviews, backbone, monkeypatch
):
    made = fake("tensorboard")
    asked = (reviews, backbone, "sft", "track.to=tensorboard", "data.limit=1", *LITTLE)
    stopped(tmp_path, monkeypatch, *asked)
    steps = go(tmp_path, *asked).record.training.steps
    sent = [step for (key, _, step), _ in made.said("add_scalar") if key.startswith("scores/")]
    assert steps > 0
    assert set(sent) == {steps}


@pytest.mark.parametrize("name", ["wandb", "trackio"])
def test_only_a_resumed_run_goes_on_in_its_tracker(
    name, fake, tmp_path, reviews, backbone, monkeypatch
):
    made = fake(name)
    asked = (reviews, backbone, "rag", f"track.to={name}", "data.limit=1", *LITTLE)
    stopped(tmp_path, monkeypatch, *asked)
    first = go(tmp_path, *asked)
    again = go(tmp_path / "another", *asked)
    run(settings(*asked), "rag", tmp_path / "results", fresh=True)
    assert first.record.run_id == again.record.run_id
    interrupted, resumed, *others = begun(name, made)
    assert interrupted == resumed
    assert len({resumed, *others}) == 3
    if name == "wandb":
        names = {named["name"] for _, named in made.said("init")}
        assert names == {f"rag-product_review-{first.record.run_id}"}


@pytest.mark.parametrize("name", trackers.TRACKERS)
def test_a_training_that_begins_anew_is_another_run_of_a_tracker(
    name, fake, tmp_path, reviews, backbone, monkeypatch
):
    made = fake(name)
    asked = (reviews, backbone, "sft", f"track.to={name}", *LITTLE)
    stopped(tmp_path, monkeypatch, *asked)
    (key,) = tmp_path.rglob(KEY)
    key.write_text("that of other code")
    events = key.with_name("tensorboard") / "events"
    events.parent.mkdir()
    events.touch()
    go(tmp_path, *asked)
    assert not events.exists()
    if name != "tensorboard":
        first, second = begun(name, made)
        assert first != second


@pytest.mark.parametrize(("name", "breaks"), [
    ("wandb", "init"), ("wandb", "log"), ("trackio", "log"), ("tensorboard", "SummaryWriter"),
    ("wandb", "finish"),
])  # fmt: skip
def test_one_that_raises_is_said_once_and_the_run_goes_on(
    name, breaks, fake, tmp_path, reviews, backbone, monkeypatch
):
    said = []
    monkeypatch.setattr("harness.progress.Bars.say", lambda self, text: said.append(text))
    fake(name, breaks=(breaks,))
    method = "sft" if breaks == "log" else "rag"  # steps of a training are logged
    outcome = go(tmp_path, reviews, backbone, method, f"track.to={name}", "data.limit=1", *LITTLE)
    assert outcome.record.status == "complete"
    about = [text for text in said if "tracker" in text]
    assert about == [f"tracker {name}: RuntimeError: no network. The run goes on without it"]


def test_a_run_that_ends_in_an_error_ends_its_trackers(
    fake, tmp_path, reviews, backbone, monkeypatch
):
    made = fake("wandb")
    monkeypatch.setattr("harness.pipeline.local.generate_all", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        go(tmp_path, reviews, backbone, "rag", "track.to=wandb", "data.limit=1")
    assert made.calls[-1][0] == "finish"


def test_one_that_is_not_installed_is_refused_before_anything(tmp_path, reviews, backbone):
    with pytest.raises(UsageError, match=r"pip install trackio, or leave --track out"):
        go(tmp_path, reviews, backbone, "rag", "track.to=trackio")
    assert not (tmp_path / "results").exists()


def test_an_unknown_tracker_is_refused():
    with pytest.raises(UsageError, match="'trackio', 'tensorboard' or 'wandb'"):
        build_settings("mini", ["track.to=mlflow"])


def test_no_name_depends_on_trackers_and_none_is_on():
    plain, tracked = build_settings("mini"), build_settings("mini", ["track.to=wandb,trackio"])
    assert plain.track.to == ()
    assert tracked.track.to == ("wandb", "trackio")
    assert named(plain.model_dump(mode="json")) == named(tracked.model_dump(mode="json"))
    assert "wandb" not in sys.modules
