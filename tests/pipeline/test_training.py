"""Training: the learning rate, what a method adds, and what equals what."""

import errno
import os
import signal
from dataclasses import asdict

import pytest
import torch
from safetensors.torch import load_file

from baselines.sft import Sft
from harness.engine import train as engine_train
from harness.engine.checkpoint import TrainLog
from harness.errors import DivergedError, UsageError
from harness.interruption import Stopped
from harness.pipeline import kept_training, lr_search, training
from harness.pipeline.single import run
from tests.support.runs import TIMES, StopNowError, go, settings, stop_now, texts


def test_lr_auto_tries_the_whole_grid_and_takes_the_best_on_val(tmp_path, reviews, backbone):
    outcome = go(tmp_path, reviews, backbone, "sft", "train.lr=auto", "train.lr_grid=[1e-6,1e-2]")
    search = outcome.record.training.lr_search
    assert [trial.lr for trial in search.trials] == [1e-6, 1e-2]
    best = min(search.trials, key=lambda trial: trial.val_loss)
    assert search.chosen == outcome.record.training.lr == best.lr == 1e-2
    assert outcome.record.training.seconds["lr_search"] > 0


def test_a_trial_that_was_killed_before_its_checkpoint_was_dropped_leaves_none(
    tmp_path, reviews, backbone, monkeypatch
):
    asked = ["train.lr=auto", "train.lr_grid=[1e-6,1e-2]", "train.checkpoint_minutes=1e-9"]

    monkeypatch.setattr(lr_search, "drop_checkpoint", stop_now)
    with pytest.raises(StopNowError):
        go(tmp_path, reviews, backbone, "sft", *asked)
    monkeypatch.undo()
    assert list(tmp_path.rglob("lr-checkpoint-*"))
    assert go(tmp_path, reviews, backbone, "sft", *asked).record.status == "complete"
    assert not list(tmp_path.rglob("lr-checkpoint-*"))


def test_a_diverged_rate_is_never_chosen(tmp_path, reviews, backbone):
    asked = ["train.lr=auto", "train.epochs=4", "train.lr_trial_epochs=4"]
    outcome = go(tmp_path, reviews, backbone, "sft", *asked, "train.lr_grid=[1e30,1e-3]")
    search = outcome.record.training.lr_search
    assert search.chosen == 1e-3
    assert [trial.val_loss is None for trial in search.trials] == [True, False]
    cost = outcome.record.training.flops  # the other trial is the training
    assert cost["evaluation"] < cost["lr_search"] < cost["evaluation"] + cost["steps"]
    with pytest.raises(DivergedError, match=r"train.lr = auto: every rate of .* diverged"):
        go(tmp_path, reviews, backbone, "sft", *asked, "train.lr_grid=[1e30,1e29]")


@pytest.mark.parametrize(
    ("method", "grid"),
    [
        pytest.param("sft", "[1e-2,1e-6]", marks=pytest.mark.slow),
        ("flythinker", "[1e-6,1e-2]"),
    ],
)
def test_the_best_trial_is_the_training_if_it_is_as_long(
    tmp_path, reviews, backbone, method, grid, monkeypatch
):
    taken, step_of = [], engine_train._Training.step

    def counted(*given, **named):
        taken.append(1)
        return step_of(*given, **named)

    known = go(tmp_path / "known", reviews, backbone, method, "train.lr=1e-2", "train.epochs=2")
    auto = ["train.lr=auto", f"train.lr_grid={grid}", "train.epochs=2", "train.lr_trial_epochs=2"]
    monkeypatch.setattr(engine_train._Training, "step", counted)
    found = go(tmp_path / "auto", reviews, backbone, method, *auto)
    assert found.record.training.lr == 1e-2
    assert len(taken) == 2 * found.record.training.steps  # the trials, and nothing after them
    weights = [load_file(run.folder / "model.safetensors") for run in (known, found)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert [step.loss for step in found.record.training.curve] == [
        step.loss for step in known.record.training.curve
    ]
    # one of the two trials counts as the training
    cost, plain = found.record.training.flops, known.record.training.flops
    assert cost["steps"] == plain["steps"]
    assert cost["lr_search"] == plain["steps"] + 2 * plain["evaluation"]


@pytest.mark.parametrize("interrupted", [False, True])
def test_the_best_trial_counts_where_it_could_not_be_kept(
    tmp_path, reviews, backbone, monkeypatch, interrupted
):
    """Its steps are taken twice, so their time and work count twice."""

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    auto = ["train.lr=auto", "train.lr_grid=[1e-2,1e-6]", "train.lr_trial_epochs=1"]
    auto += ["eval.likelihood=false", "eval.authors=false"]
    monkeypatch.setattr(lr_search, "save_steps", full)
    if interrupted:  # the steps themselves can be kept
        with monkeypatch.context() as patch:
            patch.setattr(training, "loss_on_val", interrupt)
            with pytest.raises(KeyboardInterrupt):
                go(tmp_path, reviews, backbone, "sft", *auto)
    found = go(tmp_path, reviews, backbone, "sft", *auto).record.training
    assert found.seconds["lr_search"] == sum(trial.seconds for trial in found.lr_search.trials)
    assert found.flops["lr_search"] == 2 * (found.flops["steps"] + found.flops["evaluation"])


def interrupt(*_, **__):
    raise KeyboardInterrupt


@pytest.mark.parametrize("part", ["train_model", "loss_on_val"])
def test_peak_memory_is_the_highest_across_resumed_runs(
    tmp_path, reviews, backbone, monkeypatch, part
):
    """Interrupted after the search of a rate, or after the last step."""
    peaks = [900.0, 300.0]

    class Peak:
        def __init__(self, devices):
            self.peak_mib = peaks.pop(0)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(training, "PeakMemory", Peak)
    auto = ["train.lr=auto", "train.lr_grid=[1e-3,1e-2]", "train.lr_trial_epochs=0.5"]
    auto += ["eval.likelihood=false", "eval.authors=false"]
    with monkeypatch.context() as patch:
        patch.setattr(training, part, interrupt)
        with pytest.raises(KeyboardInterrupt):
            go(tmp_path, reviews, backbone, "sft", *auto)
    assert go(tmp_path, reviews, backbone, "sft", *auto).record.training.peak_memory_mib == 900.0
    assert not peaks


def test_other_seeds_take_the_rate_that_one_seed_chose(tmp_path, reviews, backbone):
    auto = ["train.lr=auto", "train.lr_grid=[1e-3,1e-2]", "train.lr_trial_epochs=1"]
    auto += ["train.epochs=1", "train.lr_trial_seed=1"]
    with pytest.raises(UsageError, match=r"found no finished run of seed 1 in .*--seeds 1,0"):
        go(tmp_path, reviews, backbone, "sft", *auto)
    chosen = go(tmp_path, reviews, backbone, "sft", *auto, "seed=1").record.training
    taken = go(tmp_path, reviews, backbone, "sft", *auto, "seed=0").record.training
    assert len(chosen.lr_search.trials) == 2
    assert (taken.lr, taken.lr_search) == (chosen.lr, None)
    assert taken.flops["lr_search"] == 0 < chosen.flops["lr_search"]
    plain = go(tmp_path, reviews, backbone, "sft", f"train.lr={chosen.lr}", "train.epochs=1")
    assert [step.loss for step in taken.curve] == [
        step.loss for step in plain.record.training.curve
    ]


@pytest.mark.parametrize("epochs", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_a_trial_stopped_at_any_step_continues_there(
    tmp_path, reviews, backbone, monkeypatch, epochs
):
    """A wall time shorter than one trial must not keep a search from ending."""
    auto = ["train.lr=auto", "train.lr_grid=[1e-3,1e-2]", "train.lr_trial_epochs=3"]
    auto += [f"train.epochs={epochs}", "eval.likelihood=false", "eval.authors=false"]
    whole = go(tmp_path / "whole", reviews, backbone, "sft", *auto).record.training
    for _ in range(20):
        steps = []

        def stop(bars, name, *_, steps=steps):
            def on_step(*_):
                steps.append(name)
                if len(steps) == 2:
                    os.kill(os.getpid(), signal.SIGINT)

            return on_step

        for module in (training, lr_search):
            monkeypatch.setattr(module, "step_bar", stop)
        try:
            found = go(tmp_path / "cut", reviews, backbone, "sft", *auto).record.training
            break
        except Stopped:
            continue
    else:
        pytest.fail("the search never ended")
    assert found.lr_search.chosen == whole.lr_search.chosen
    for trial, known in zip(found.lr_search.trials, whole.lr_search.trials, strict=True):
        assert (trial.curve, trial.val_loss) == (known.curve, known.val_loss)
    assert found.curve == whole.curve
    assert not list((tmp_path / "cut").rglob("lr-checkpoint-*"))


def stopped(*_, **__):
    raise Stopped(signal.SIGTERM)


LATE = {
    "loss on val": (training, "loss_on_val", ["train.lr=1e-2"]),
    "loss on val of rounded weights": (
        training, "loss_on_val", ["train.lr=1e-2", "train.weights=bfloat16"]
    ),
    "weights": (training, "save_weights", ["train.lr=1e-2"]),
    "summary": (training, "write_state", ["train.lr=1e-2"]),
    "trial's loss on val": (
        lr_search, "loss_on_val", ["train.lr=auto", "train.lr_grid=[1e-2]"]
    ),
}  # fmt: skip


@pytest.mark.parametrize("late", LATE)
def test_a_stop_after_the_last_step_loses_no_step(tmp_path, reviews, backbone, late, monkeypatch):
    module, name, asked = LATE[late]
    asked = [*asked, "train.epochs=1", "train.lr_trial_epochs=1", "eval.authors=false"]
    whole = go(tmp_path / "whole", reviews, backbone, "flythinker", *asked)
    with monkeypatch.context() as patch:
        patch.setattr(module, name, stopped)
        with pytest.raises(Stopped):
            go(tmp_path / "cut", reviews, backbone, "flythinker", *asked)
    monkeypatch.setattr(engine_train._Training, "step", stop_now)  # no step is taken again
    found = go(tmp_path / "cut", reviews, backbone, "flythinker", *asked)
    known, resumed = (
        {key: value for key, value in asdict(one.record.training).items() if key not in TIMES}
        for one in (whole, found)
    )
    known.pop("lr_search"), resumed.pop("lr_search")  # its seconds differ
    assert timeless(resumed) == timeless(known)
    assert resumed["val_loss"] is not None
    spent, log = found.record.training.seconds, found.record.training.curve
    assert spent["steps"] == pytest.approx(sum(step.seconds for step in log))
    weights = [load_file(run.folder / "model.safetensors") for run in (whole, found)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert texts(whole) == texts(found)
    assert not list(found.folder.glob("*checkpoint*"))


def test_a_checkpoint_that_cannot_be_saved_at_a_stop_is_reported(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path))

    said = []
    monkeypatch.setattr(kept_training, "save_checkpoint", full)
    lm = torch.nn.Linear(1, 1)
    with (
        pytest.raises(KeyboardInterrupt),
        kept_training.steps_kept(tmp_path / "c", lm, TrainLog(), said.append),
    ):
        raise KeyboardInterrupt
    assert "saving a checkpoint of the last step; a second signal stops at once" in said[0]
    assert said[1].startswith("cannot save a checkpoint: ")
    assert "No space left on device" in said[1]


def timeless(fields):
    """A training's fields without seconds."""
    return {**fields, "curve": [{**step, "seconds": 0} for step in fields["curve"]]}


def test_lam_zero_trains_as_sft(tmp_path, reviews, backbone):
    sft = go(tmp_path, reviews, backbone, "sft")
    zero = go(tmp_path, reviews, backbone, "flythinker", "method.lam=0.0")
    curves = [[step.loss for step in o.record.training.curve] for o in (sft, zero)]
    assert curves[0] == curves[1]
    kept, fused = (load_file(o.folder / "model.safetensors") for o in (sft, zero))
    name = "model.layers.0.self_attn.q_proj.weight"
    assert torch.equal(kept["model." + name], fused["generator." + name])
    assert texts(sft) == texts(zero)
    assert sft.record.likelihood == zero.record.likelihood


class WithALayer(Sft):
    """A method that adds a layer of its own to its backbone."""

    name = "layered"

    def build(self, backbones):
        lm = super().build(backbones)
        lm.extra = torch.nn.Linear(3, 3)
        return lm


def test_what_a_method_adds_begins_the_same_every_time(tmp_path, reviews, backbone):
    def weights(place, **options):
        chosen = settings(reviews, backbone, "sft", **options)
        folder = run(chosen, "layered", tmp_path / place, factory=WithALayer).folder
        return load_file(folder / "model.safetensors")["extra.weight"]

    first = weights("a")
    torch.rand(7)
    assert torch.equal(first, weights("b"))
    assert not torch.equal(first, weights("c", seed=1))


def test_weights_need_not_be_kept(tmp_path, reviews, backbone):
    outcome = go(tmp_path, reviews, backbone, "sft", "train.keep_weights=false")
    assert not (outcome.folder / "model.safetensors").exists()
    assert go(tmp_path, reviews, backbone, "sft", "train.keep_weights=false").repeated
