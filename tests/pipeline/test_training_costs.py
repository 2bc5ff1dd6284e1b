"""Time and work of a run: phases add up to the wall, resumed runs add up, FLOPs follow lengths."""

import json
from time import process_time

import pytest

from harness.cli.record_rows import cost_rows
from harness.engine import flops
from harness.engine import saver as saver_module
from harness.engine import train as train_module
from harness.engine.checkpoint import TrainLog
from harness.engine.clock import Phases, middle
from harness.engine.flops import model_costs
from harness.engine.lm import CausalLM
from harness.engine.schedule import plan_steps
from harness.errors import UsageError
from harness.pipeline import local as local_module
from harness.pipeline import single as run_module
from harness.pipeline import together as together_module
from harness.pipeline import training as training_module
from harness.pipeline.job import Job
from harness.pipeline.training_costs import training_seconds, training_work
from harness.record import LrSearch, Step, Trial, read_predictions, write_state
from harness.reports.runs.system_costs import training_s
from tests.support.clock import Clock
from tests.support.runs import StopNowError, go, stop_now
from tests.support.tiny import tiny
from tests.support.training import ROWS, SETTINGS


def test_phases_add_up_and_wall_time_includes_the_gaps():
    clock = Clock()
    phases = Phases(clock)
    for name, seconds in (("training", 5.0), ("writing", 2.0), ("training", 1.5)):
        with phases(name):
            clock.passes(seconds)
        clock.passes(0.25)
    assert phases.seconds == {"training": 6.5, "writing": 2.0}
    assert phases.wall_s == 9.25


def test_time_before_an_interruption_counts(tmp_path):
    clock = Clock()
    first = Phases(clock)
    first.keep(tmp_path / "phases.json")

    def broken_off():
        with first("training"):
            clock.passes(7.0)
            raise StopNowError

    with pytest.raises(StopNowError):
        broken_off()
    clock.passes(1000.0)  # the night between
    second = Phases(clock)
    with second("data"):
        clock.passes(1.0)
    second.keep(tmp_path / "phases.json")
    with second("training"):
        clock.passes(3.0)
    assert second.seconds == {"data": 1.0, "training": 10.0}
    assert second.wall_s == 11.0
    second.forget()
    assert not list(tmp_path.iterdir())


def test_times_that_a_damaged_file_lost_stay_lost(tmp_path):
    path = tmp_path / "phases.json"
    path.write_text("no JSON")
    said = []
    Phases().keep(path, said.append)
    assert ["times in it are lost" in line for line in said] == [True]
    third = Phases()  # of a run after a kill that let no phase end
    third.keep(path, said.append)
    with third("training"):
        pass
    assert third.lost
    assert len(said) == 1
    third.forget()
    fourth = Phases()
    fourth.keep(path)
    assert not fourth.lost


def test_median_and_quartiles():
    # inclusive quartiles of 1 2 3 4 10: the second and the fourth
    assert middle([10, 2, 1, 4, 3]) == (3, (2, 4))
    assert middle([0.5]) == (0.5, (0.5, 0.5))
    assert middle([]) == (None, None)


def test_training_seconds_count_the_kept_steps_and_trials():
    log = TrainLog([Step(step=1, loss=2.0, lr=0.1, grad_norm=1.0, seconds=3.0)], 3.0, 0.5)
    phases = {"targets": 1.0, "steps": 3.5, "lr_search": 0.0}
    trials = tuple(Trial(lr=0.1, val_loss=1.0, curve=(), seconds=each) for each in (4.0, 5.0))
    assert training_seconds(phases, log, LrSearch(chosen=0.1, trials=trials)) == {
        "targets": 1.0, "steps": 3.0, "lr_search": 9.0, "between_steps": 0.5,
    }  # fmt: skip


def test_no_part_of_a_run_is_outside_its_phases(tmp_path, reviews, backbone, monkeypatch):
    clock = Clock()
    parts = {
        "plan_of": 2.0, "opening": 1.0, "train_or_load": 40.0,
        "fingerprint": 0.5, "generate_all": 20.0, "evaluate": 7.0,
    }  # fmt: skip

    def slow(part, seconds):
        def work(*given, **named):
            found = part(*given, **named)
            clock.passes(seconds)
            return found

        return work

    measure = local_module.evaluate

    def measured(*given, **named):
        found = measure(*given, **named)
        with next(each for each in given if isinstance(each, Phases))("scoring"):
            clock.passes(parts["evaluate"])
        return found

    for name, seconds in parts.items():
        module = run_module if name == "plan_of" else local_module
        monkeypatch.setattr(module, name, slow(getattr(module, name), seconds))
    monkeypatch.setattr(Job, "build", slow(Job.build, 3.0))
    monkeypatch.setattr(local_module, "evaluate", measured)
    monkeypatch.setattr(run_module, "Phases", lambda: Phases(clock))
    record = go(tmp_path, reviews, backbone).record
    assert record.wall_s == sum(parts.values()) + 3.0
    assert {name: seconds for name, seconds in record.phases.items() if seconds} == {
        "data": 2.0, "loading": 4.0, "training": 40.0, "fingerprints": 0.5, "writing": 20.0,
        "scoring": 7.0,
    }  # fmt: skip


@pytest.mark.parametrize("method", ["rag", "sft"])
def test_the_phases_of_a_run_are_its_wall_time(tmp_path, reviews, backbone, monkeypatch, method):
    # processor time in the wall's place: it does not see who else is at work on the machine
    for module in (run_module, training_module):
        monkeypatch.setattr(module, "Phases", lambda: Phases(process_time))
    for module in (train_module, saver_module):
        monkeypatch.setattr(module, "now", process_time)
    record = go(tmp_path, reviews, backbone, method).record
    # 0.1 s: files between phases, which a run of seconds or hours does not notice
    assert sum(record.phases.values()) == pytest.approx(record.wall_s, rel=0.02, abs=0.1)
    assert sum(record.phases.values()) <= record.wall_s
    if method == "sft":
        spent = record.training.seconds
        assert sum(spent.values()) == pytest.approx(record.phases["training"], rel=0.02, abs=0.1)
        assert record.training.step_s <= spent["steps"]


@pytest.fixture
def interrupted(tmp_path, reviews, backbone, monkeypatch):
    """The folder of a run that was stopped as its steps began."""
    with monkeypatch.context() as patch:
        patch.setattr(together_module, "train", stop_now)
        with pytest.raises(StopNowError):
            go(tmp_path, reviews, backbone)
    return next((tmp_path / "results").rglob("record.json")).parent


def test_a_resumed_run_counts_the_time_before_the_interruption(
    tmp_path, reviews, backbone, interrupted
):
    spent = {
        interrupted / "phases.json": "training",
        interrupted / "training-phases.json": "targets",
    }
    for path, phase in spent.items():
        kept = json.loads(path.read_text())["value"]
        kept["seconds"][phase] += 10_000.0
        kept["wall_s"] += 10_000.0
        write_state(path, kept)
    record = go(tmp_path, reviews, backbone).record
    assert 10_000 < record.training.seconds["targets"] < record.wall_s < 20_000
    assert sum(record.phases.values()) == pytest.approx(record.wall_s, rel=0.02)
    assert not any(path.exists() for path in spent)


def test_lost_times_of_a_training_are_null_instead_of_too_low(
    tmp_path, reviews, backbone, interrupted
):
    for name in ("phases.json", "training-phases.json"):
        (interrupted / name).write_text("damaged")
    record = go(tmp_path, reviews, backbone).record
    assert record.wall_s is None
    assert record.training.seconds_total is record.training.peak_memory_mib is None
    assert set(record.training.seconds) == {"steps", "between_steps"}
    assert training_s(record) is None
    assert ("training", "–") in [(label, value) for label, value, _ in cost_rows(record)]


def test_flops_are_those_of_the_rows_and_texts(tmp_path, reviews, backbone, monkeypatch):
    built, real, trained_on = [], Job.build, []

    def build(job):
        built.append((job.plan, *real(job)))
        return built[-1][1:]

    train = together_module.train

    def watched(lm, rows, *given, **named):
        trained_on.append(rows)
        return train(lm, rows, *given, **named)

    monkeypatch.setattr(together_module, "train", watched)
    monkeypatch.setattr(Job, "build", build)
    auto = ("train.lr=auto", "train.lr_grid=[1e-4,1e-3]", "train.lr_trial_epochs=1")
    outcome = go(tmp_path, reviews, backbone, "sft", *auto)
    cost, (plan, lm, _) = outcome.record.training, built[0]
    (model,) = model_costs(lm)
    # one epoch shows each row once; the other trial does the same, and both read val
    assert cost.flops["lr_search"] == cost.flops["steps"] + 2 * cost.flops["evaluation"]
    rows = trained_on[0]
    assert cost.flops["steps"] == 3 * sum(
        model.forward(len(row), len(row.response)) for row in rows
    )
    assert cost.tokens == sum(map(len, rows))
    assert cost.flops_total == sum(cost.flops.values())
    prompts = {reading.example.id: len(reading.prompt) for reading in plan.test_prompts}
    texts = read_predictions(outcome.folder)
    assert outcome.record.inference.flops == sum(
        model.forward(prompts[text.id] + text.tokens, text.tokens + 1) for text in texts
    )
    assert outcome.record.inference.visible_tokens == sum(text.tokens for text in texts)


@pytest.mark.parametrize("adopted", [False, True])
def test_a_trial_counts_the_steps_and_the_evaluation_that_it_reached(adopted):
    lm, train = CausalLM(tiny()), SETTINGS.model_copy(update={"lr_trial_epochs": 2.0})
    whole = [flops.training_flops(lm, [ROWS[at] for at in step]) for step in plan_steps(7, 2, 3, 0)]
    evaluation = flops.forward_flops(lm, ROWS[:2])
    losses = (2.0,) * len(whole)
    trials = [
        Trial(lr=1e30, val_loss=None, curve=losses[:1], seconds=1.0),  # its second step diverged
        Trial(lr=1.0, val_loss=None, curve=losses, seconds=1.0),  # its loss on val is no number
        Trial(lr=1e-3, val_loss=2.0, curve=losses, seconds=1.0),
    ]
    search = LrSearch(chosen=1e-3, trials=tuple(trials))
    found = training_work(lm, ROWS, ROWS[:2], train, 0, search, adopted)
    reached = sum(whole[:2]) + sum(whole) + (0 if adopted else sum(whole))
    assert found["lr_search"] == reached + 2 * evaluation
    assert found["steps"] == sum(whole)


def test_cots_analyses_count_in_targets_and_its_prefaces_in_generation(tmp_path, reviews, backbone):
    few = "method.analysis_tokens=4"
    cot = go(tmp_path, reviews, backbone, "cot", few).record
    sft = go(tmp_path, reviews, backbone, "sft").record
    assert sft.training.flops["targets"] == 0 < cot.training.flops["targets"]
    assert cot.inference.flops > 1.5 * sft.inference.flops  # the prompt is read twice
    assert cot.inference.hidden_tokens == cot.inference.preface_tokens > 0
    assert cot.inference.preface_timed == cot.inference.preface_tokens
    assert 0 < cot.inference.preface_s < cot.inference.end_to_end_s * 3
    # three batches: the wait for hidden text is within the first visible token's
    assert 3 * cot.inference.time_to_first_token_quartiles_s[1] > cot.inference.preface_s
    assert sft.inference.hidden_tokens == sft.inference.latent_s == 0


def test_a_model_without_an_estimate_is_trained_and_recorded_with_the_reason(
    tmp_path, reviews, backbone, monkeypatch
):
    def broken(model, length):
        raise AttributeError("no head at all")

    monkeypatch.setattr(flops, "_SIZES", {})  # of other tests
    monkeypatch.setattr(flops, "_counted", broken)
    record = go(tmp_path, reviews, backbone, "sft").record
    assert record.status == "complete"
    for part in (record.training, record.inference):
        assert part.flops is None
        assert "cannot be counted: no head at all" in part.flops_missing
    assert record.training.flops_total is None
    with pytest.raises(UsageError, match=r"method\.flops_of=flythinker: the FLOPs of backbone"):
        go(tmp_path / "other", reviews, backbone, "sft", "method.flops_of=flythinker")
