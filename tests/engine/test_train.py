"""Training: one plan for all methods; micro-batches and interruptions change nothing."""

import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from flythinker import FlyThinkerLM
from harness.engine import CausalLM
from harness.engine.micro_batches import TrainRow, micro_batches
from harness.engine.schedule import plan_steps, rate_factor
from harness.engine.train import train
from harness.engine.weight_files import load_weights, save_weights
from harness.errors import DataError, HarnessError
from harness.record.durable import draft_of
from tests.support.tiny import tiny
from tests.support.training import ROWS, SETTINGS, fly


def weights(lm):
    return {name: value.clone() for name, value in lm.state_dict().items()}


@given(st.integers(1, 50), st.floats(0.1, 3), st.integers(1, 20), st.integers(0, 5))
def test_a_plan_shows_every_example_equally_often(examples, epochs, batch_size, seed):
    plan = plan_steps(examples, epochs, batch_size, seed)
    shown = [index for step in plan for index in step]
    assert len(shown) == max(1, round(examples * epochs))
    counts = [shown.count(index) for index in range(examples)]
    assert max(counts) - min(counts) <= 1
    assert all(len(step) == batch_size for step in plan[:-1])
    assert plan == plan_steps(examples, epochs, batch_size, seed)


@pytest.mark.parametrize("schedule", ["linear", "constant", "cosine"])
@pytest.mark.parametrize("warmup", [0, 0.01, 0.3, 1])
def test_the_schedule_is_that_of_transformers(schedule, warmup):
    from transformers import get_scheduler

    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1)
    name = "constant_with_warmup" if schedule == "constant" else schedule
    for steps in (1, 7, 230):
        theirs = get_scheduler(name, optimizer, round(warmup * steps), steps).lr_lambdas[0]
        ours = rate_factor(
            SETTINGS.model_copy(update={"schedule": schedule, "warmup": warmup}), steps
        )
        assert [ours(step) for step in range(steps)] == [theirs(step) for step in range(steps)]


@pytest.mark.slow  # a process that imports torch and transformers
def test_the_schedule_does_not_import_peft():
    code = (
        "import sys; from harness.engine.schedule import rate_factor; from harness.settings import"
        " TrainSettings; rate_factor(TrainSettings(), 5)(1); assert 'peft' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_another_seed_gives_another_order():
    assert plan_steps(20, 1, 5, 0) != plan_steps(20, 1, 5, 1)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=20), st.integers(1, 60))
def test_micro_batches_keep_every_row_within_the_budget(lengths, most):
    rows = [TrainRow(str(at), (1,) * length, (2,)) for at, length in enumerate(lengths)]
    groups = micro_batches(rows, most)
    assert sorted(row.id for group in groups for row in group) == sorted(row.id for row in rows)
    for group in groups:
        assert len(group) == 1 or len(group) * max(map(len, group)) <= most


@pytest.mark.parametrize("make", [lambda: CausalLM(tiny()), fly], ids=["causal", "flythinker"])
def test_micro_batches_change_nothing(make):
    finer = SETTINGS.model_copy(update={"micro_tokens": 12})
    whole = train(make(), ROWS, SETTINGS, lr=1e-2, seed=0)
    cut = train(make(), ROWS, finer, lr=1e-2, seed=0)
    for one, other in zip(whole.curve, cut.curve, strict=True):
        assert other.loss == pytest.approx(one.loss, rel=1e-4)
        assert other.grad_norm == pytest.approx(one.grad_norm, rel=1e-3)


@pytest.mark.parametrize("make", [lambda: CausalLM(tiny()), fly], ids=["causal", "flythinker"])
def test_recomputed_activations_change_nothing(make):
    saving = SETTINGS.model_copy(update={"gradient_checkpointing": True})
    plain = train(make(), ROWS, SETTINGS, lr=1e-2, seed=0)
    recomputed = train(make(), ROWS, saving, lr=1e-2, seed=0)
    for one, other in zip(plain.curve, recomputed.curve, strict=True):
        assert other.loss == pytest.approx(one.loss, rel=1e-5)


class StopNowError(Exception):
    pass


@pytest.mark.parametrize("stop_at", [1, 2, 4])
def test_an_interrupted_training_ends_like_an_uninterrupted_one(tmp_path, stop_at):
    whole, first, second = fly(), fly(), fly()
    known = train(whole, ROWS, SETTINGS, lr=1e-2, seed=3)
    often = SETTINGS.model_copy(update={"checkpoint_minutes": 1e-9})

    def stop(done, total, step, log):
        if done == stop_at + 1:
            raise StopNowError

    with pytest.raises(StopNowError):
        train(first, ROWS, often, lr=1e-2, seed=3, checkpoint=tmp_path / "c", on_step=stop)
    log = train(second, ROWS, often, lr=1e-2, seed=3, checkpoint=tmp_path / "c")
    assert [step.loss for step in log.curve] == [step.loss for step in known.curve]
    for name, value in weights(whole).items():
        assert torch.equal(second.state_dict()[name], value)


def test_a_save_stopped_before_its_last_rename_is_found(tmp_path):
    often = SETTINGS.model_copy(update={"checkpoint_minutes": 1e-9})

    def stop(done, total, step, log):
        if done == 3:
            raise StopNowError

    with pytest.raises(StopNowError):
        train(fly(), ROWS, often, lr=1e-2, seed=3, checkpoint=tmp_path / "c", on_step=stop)
    (tmp_path / "c").rename(tmp_path / "c.part")
    seen = []
    train(
        fly(), ROWS, often, lr=1e-2, seed=3, checkpoint=tmp_path / "c",
        on_step=lambda done, *_: seen.append(done),
    )  # fmt: skip
    assert seen == [3, 4, 5]
    (tmp_path / "c").rename(tmp_path / "c.part")
    (tmp_path / "c.part" / "progress.json").unlink()  # a draft that was not finished
    seen.clear()
    train(
        fly(), ROWS, SETTINGS, lr=1e-2, seed=3, checkpoint=tmp_path / "c",
        on_step=lambda done, *_: seen.append(done),
    )  # fmt: skip
    assert seen == [1, 2, 3, 4, 5]


def test_training_lowers_the_loss_of_both_models():
    lm = fly()
    before = weights(lm)
    settings = SETTINGS.model_copy(update={"epochs": 20.0})
    log = train(lm, ROWS, settings, lr=1e-2, seed=0)
    assert log.curve[-1].loss < log.curve[0].loss / 2
    moved = {
        name for name, value in lm.state_dict().items() if not torch.equal(value, before[name])
    }
    assert any(name.startswith("generator.") for name in moved)
    assert any(name.startswith("reasoner.") for name in moved)
    assert log.tokens == sum(len(ROWS[i]) for step in plan_steps(7, 20.0, 3, 0) for i in step)


def test_lam_rises_during_its_warm_up_and_then_stays():
    lm = fly()
    seen = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        lm.training_progress(share)
        seen.append(lm.lam)
    assert seen == [0.0, 0.25, 0.5, 0.5, 0.5]


def test_the_learning_rate_warms_up_and_falls():
    log = train(CausalLM(tiny()), ROWS, SETTINGS, lr=1e-2, seed=0)  # 5 steps, 1 of warm-up
    assert [step.lr for step in log.curve] == pytest.approx([0.0, 1e-2, 7.5e-3, 5e-3, 2.5e-3])


def test_a_loss_that_is_not_finite_stops_training():
    lm = CausalLM(tiny())
    torch.nn.init.constant_(lm.model.model.norm.weight, float("nan"))
    with pytest.raises(HarnessError, match="training step 1: loss nan"):
        train(lm, ROWS, SETTINGS, lr=1e-2, seed=0)


def test_loaded_weights_equal_the_saved_ones(tmp_path):
    lm, other = fly(), FlyThinkerLM(tiny(seed=5), tiny(seed=6))
    save_weights(lm, tmp_path / "w.safetensors")
    load_weights(other, tmp_path / "w.safetensors")
    for name, value in weights(lm).items():
        assert torch.equal(other.state_dict()[name], value)


def test_saving_never_writes_into_the_weights_of_another_run(tmp_path):
    save_weights(CausalLM(tiny(seed=5)), tmp_path / "other.safetensors")
    known = (tmp_path / "other.safetensors").read_bytes()
    draft = draft_of(tmp_path / "w.safetensors")
    os.link(tmp_path / "other.safetensors", draft)  # as left by an interruption
    save_weights(CausalLM(tiny(seed=6)), tmp_path / "w.safetensors")
    assert (tmp_path / "other.safetensors").read_bytes() == known
    assert (tmp_path / "w.safetensors").read_bytes() != known


@pytest.mark.parametrize(
    ("saved", "loaded", "message"),
    [
        (lambda: CausalLM(tiny()), fly, "Missing key"),
        (fly, lambda: CausalLM(tiny()), "Unexpected key"),
        (lambda: CausalLM(tiny(width=16)), lambda: CausalLM(tiny()), "size mismatch"),
    ],
    ids=["missing", "extra", "misshapen"],
)
def test_loading_other_weights_fails(tmp_path, saved, loaded, message):
    save_weights(saved(), tmp_path / "w.safetensors")
    with pytest.raises(DataError, match=message):
        load_weights(loaded(), tmp_path / "w.safetensors")


def test_a_step_waits_once_for_the_losses_of_its_micro_batches(monkeypatch):
    def waits(micro_tokens):
        made = []
        for name in ("item", "tolist"):
            real = getattr(torch.Tensor, name)

            def counting(tensor, real=real, name=name):
                made.append(name)
                return real(tensor)

            monkeypatch.setattr(torch.Tensor, name, counting)
        chosen = SETTINGS.model_copy(update={"micro_tokens": micro_tokens, "batch_size": len(ROWS)})
        log = train(CausalLM(tiny()), ROWS, chosen, lr=1e-3, seed=0)
        monkeypatch.undo()
        return len(made), [step.loss for step in log.curve]

    (few, whole), (many, cut) = waits(10_000), waits(1)
    assert few == many  # with one micro-batch a step, and with seven
    assert cut == pytest.approx(whole, rel=1e-4)


def test_every_micro_batch_of_every_step_draws_its_own_dropout():
    drawn = []

    class Drawing(CausalLM):
        def logprobs(self, batch):
            drawn.append(torch.rand(1).item())
            return super().logprobs(batch)

    one_row = SETTINGS.model_copy(update={"micro_tokens": 1})
    train(Drawing(tiny()), ROWS, one_row, lr=1e-3, seed=0)
    assert len(drawn) == 2 * len(ROWS)  # two epochs
    assert len(set(drawn)) == len(drawn)
