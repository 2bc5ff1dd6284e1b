"""A run from settings to record: what it leaves, and that repeating it changes nothing."""

import json
import shutil
import weakref
from statistics import fmean
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from baselines.sft import Sft
from harness.errors import DataError, DivergedError, UsageError
from harness.record import read_predictions, read_record
from harness.registry import find
from harness.run import generate as generate_module
from harness.run import kept_texts
from harness.run import single as run_module
from harness.run.plan import Plan
from harness.run.single import run
from tests.support.runs import StopNowError, go, settings, texts, without_times
from tests.support.saved_backbones import save_backbone


@pytest.mark.parametrize("method", ["nonpers", "rag", "sft", "flythinker"])
def test_every_method_leaves_a_record(tmp_path, reviews, backbone, method):
    outcome = go(tmp_path, reviews, backbone, method)
    record = read_record(outcome.folder)
    assert record.status == "complete"
    assert outcome.exit_code == 0
    assert (record.n.planned, record.n.scored, record.n.failed) == (8, 8, 0)
    assert set(record.metrics) == {"bleu", "rouge1"}
    assert len(record.examples) == len(read_predictions(outcome.folder)) == 8
    assert (record.training is not None) == find("method", method).trains
    assert record.likelihood.value > 0
    assert record.backbone.parameters > 0
    assert record.data.splits["test"].users == 4
    if method == "flythinker":
        assert record.backbone.reasoner.parameters == record.backbone.parameters


def test_the_same_command_shows_the_run_and_fresh_redoes_it(tmp_path, reviews, backbone):
    first = go(tmp_path, reviews, backbone)
    again = go(tmp_path, reviews, backbone)
    assert again.repeated
    assert again.record == read_record(first.folder)
    redone = run(settings(reviews, backbone), "sft", tmp_path / "results", fresh=True)
    assert not redone.repeated
    assert texts(redone) == texts(first)


def test_another_seed_or_setting_is_another_run(tmp_path, reviews, backbone):
    first = go(tmp_path, reviews, backbone, "rag")
    seed = go(tmp_path, reviews, backbone, "rag", seed=1)
    cap = go(tmp_path, reviews, backbone, "rag", "decode.max_new_tokens=5")
    assert len({outcome.folder for outcome in (first, seed, cap)}) == 3
    assert first.record.run_id.startswith("s0-")
    assert seed.record.run_id == "s1-" + first.record.run_id.removeprefix("s0-")


@pytest.mark.parametrize("batches", [1, 2])
def test_a_run_stopped_while_writing_ends_as_an_uninterrupted_one(
    tmp_path, reviews, backbone, monkeypatch, batches
):
    sampled = ["decode.temperature=0.8", "decode.top_p=0.9", "decode.samples=2"]
    whole = go(tmp_path / "whole", reviews, backbone, "sft", *sampled)
    real, calls = generate_module.append_predictions, []

    def stop(predictions, folder):
        real(predictions, folder)
        calls.append(1)
        if len(calls) == batches:
            raise StopNowError

    monkeypatch.setattr(generate_module, "append_predictions", stop)
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


def test_a_run_stopped_after_training_does_not_train_again(
    tmp_path, reviews, backbone, monkeypatch
):
    def stop(*_):
        raise StopNowError

    monkeypatch.setattr(run_module, "generate_all", stop)
    with pytest.raises(StopNowError):
        go(tmp_path, reviews, backbone)
    monkeypatch.undo()
    monkeypatch.setattr("harness.run.training.train", stop)
    folder = next((tmp_path / "results").rglob("training.json")).parent
    (folder / "checkpoint").mkdir()  # stopped before training had cleared up
    (folder / "training-phases.json").write_text("{}")
    assert go(tmp_path, reviews, backbone).record.status == "complete"
    assert not (folder / "checkpoint").exists()
    assert not (folder / "training-phases.json").exists()


def test_predictions_of_other_weights_are_written_anew(tmp_path, reviews, backbone):
    first = go(tmp_path, reviews, backbone, "rag")
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
        plan = Plan(settings(reviews, backbone, "rag", *assignments), "rag", tmp_path)
        return kept_texts.text_fingerprint(
            plan, plan.test_prompts[at], weights, device, source, sample
        )

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


def test_a_failing_example_is_empty_counted_and_exit_code_1(
    tmp_path, reviews, backbone, monkeypatch
):
    real = generate_module.generate

    def fails_for_some(lm, prompts, **options):
        if any(len(prompt) % 2 for prompt in prompts):
            raise RuntimeError("no room for this one")
        return real(lm, prompts, **options)

    monkeypatch.setattr(generate_module, "generate", fails_for_some)
    outcome = go(tmp_path, reviews, backbone, "rag")
    failed = [text for text in read_predictions(outcome.folder) if text.error]
    assert 0 < len(failed) == outcome.record.n.failed
    assert outcome.exit_code == 1
    assert outcome.record.status == "failed"
    assert outcome.record.examples[failed[0].id].scores["rouge1"] == 0
    assert "no room for this one" in failed[0].error


def test_a_failed_batch_is_forgotten_before_its_examples_are_tried_alone(monkeypatch):
    """Else a batch that was too large for the memory would hold it while each example tries."""

    class Large:
        pass

    seen = []

    def generate(plan, lm, batch, *_):
        if len(batch) > 1:
            large = Large()
            seen.append(weakref.ref(large))
            raise RuntimeError("out of memory")
        assert seen[0]() is None
        return [batch[0].example.id]

    monkeypatch.setattr(generate_module, "_predictions", generate)
    batch = [SimpleNamespace(example=SimpleNamespace(id=name, user_id="u")) for name in "ab"]
    assert generate_module._generate_or_split(None, None, batch, 0, {}, None) == ["a", "b"]


def test_a_failed_example_is_written_again_by_the_same_command(
    tmp_path, reviews, backbone, monkeypatch
):
    whole = go(tmp_path / "whole", reviews, backbone, "rag")
    real = generate_module.generate

    def fails_for_some(lm, prompts, **options):
        if any(len(prompt) % 2 for prompt in prompts):
            raise RuntimeError("no room for this one")
        return real(lm, prompts, **options)

    monkeypatch.setattr(generate_module, "generate", fails_for_some)
    assert go(tmp_path / "cut", reviews, backbone, "rag").record.n.failed > 0
    monkeypatch.undo()
    mended = go(tmp_path / "cut", reviews, backbone, "rag")
    assert (mended.record.status, mended.record.n.failed) == ("complete", 0)
    assert sorted(texts(mended)) == sorted(texts(whole))


def test_weights_stay_while_a_text_is_to_be_written_again(tmp_path, reviews, backbone, monkeypatch):
    def fails(*words, **options):
        raise RuntimeError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(generate_module, "generate", fails)
        failed = go(tmp_path, reviews, backbone, "sft", "train.keep_weights=false")
    assert failed.record.status == "failed"
    assert (failed.folder / "model.safetensors").is_file()
    mended = go(tmp_path, reviews, backbone, "sft", "train.keep_weights=false")
    assert mended.record.status == "complete"
    assert mended.record.backbone.weights == failed.record.backbone.weights
    assert not (mended.folder / "model.safetensors").exists()


def test_a_run_stopped_after_writing_keeps_what_writing_cost(
    tmp_path, reviews, backbone, monkeypatch
):
    def stop(*_, **__):
        raise StopNowError

    monkeypatch.setattr(run_module, "evaluate", stop)
    with pytest.raises(StopNowError):
        go(tmp_path, reviews, backbone, "rag")
    monkeypatch.undo()
    monkeypatch.setattr(generate_module, "generate", stop)
    inference = go(tmp_path, reviews, backbone, "rag").record.inference
    assert inference.batches_timed == 3
    assert inference.examples_timed == 8
    assert inference.decode_s > 0
    assert inference.peak_memory_mib > 0


def test_a_run_begun_with_other_weights_begins_anew(tmp_path, reviews, backbone, monkeypatch):
    own = tmp_path / "backbone"
    shutil.copytree(backbone, own)

    def stop(*_, **__):
        raise StopNowError

    monkeypatch.setattr(run_module, "generate_all", stop)
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


def test_lr_auto_tries_the_whole_grid_and_takes_the_best_on_val(tmp_path, reviews, backbone):
    outcome = go(tmp_path, reviews, backbone, "sft", "train.lr=auto", "train.lr_grid=[1e-6,1e-2]")
    search = outcome.record.training.lr_search
    assert [trial.lr for trial in search.trials] == [1e-6, 1e-2]
    best = min(search.trials, key=lambda trial: trial.val_loss)
    assert search.chosen == outcome.record.training.lr == best.lr == 1e-2
    assert outcome.record.training.seconds["lr_search"] > 0


def test_a_diverged_rate_is_never_chosen(tmp_path, reviews, backbone):
    asked = ["train.lr=auto", "train.epochs=4", "train.lr_trial_epochs=4"]
    outcome = go(tmp_path, reviews, backbone, "sft", *asked, "train.lr_grid=[1e30,1e-3]")
    search = outcome.record.training.lr_search
    assert search.chosen == 1e-3
    assert [trial.val_loss is None for trial in search.trials] == [True, False]
    with pytest.raises(DivergedError, match=r"train.lr = auto: every rate of .* diverged"):
        go(tmp_path, reviews, backbone, "sft", *asked, "train.lr_grid=[1e30,1e29]")


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


def test_weights_need_not_be_kept(tmp_path, reviews, backbone):
    outcome = go(tmp_path, reviews, backbone, "sft", "train.keep_weights=false")
    assert not (outcome.folder / "model.safetensors").exists()
    assert go(tmp_path, reviews, backbone, "sft", "train.keep_weights=false").repeated


def test_a_target_without_tokens_is_refused(tmp_path, reviews, backbone, monkeypatch):
    from harness.types import Target

    monkeypatch.setattr(
        Sft, "targets", lambda self, lm, train: [Target(p.example.id, "") for p in train]
    )
    with pytest.raises(DataError, match="its target '' has no token; expected text"):
        go(tmp_path, reviews, backbone)


def test_a_method_that_breaks_its_contract_gets_a_clear_error(
    tmp_path, reviews, backbone, monkeypatch
):
    from harness.types import Prompt

    with monkeypatch.context() as patch:
        patch.setattr(Sft, "targets", lambda self, lm, train: [])
        with pytest.raises(DataError, match=r"'sft': targets\(\) gave 0 targets for 6 pairs"):
            go(tmp_path, reviews, backbone)
    with monkeypatch.context() as patch:
        patch.setattr(Sft, "preface", lambda self, lm, prompts, sampling: [[]])
        with pytest.raises(DataError, match=r"'sft': preface\(\) gave 1 prefaces for 3 prompts"):
            go(tmp_path, reviews, backbone)
    monkeypatch.setattr(Sft, "prompt", lambda self, example: Prompt(example.id, {"other": "text"}))
    with pytest.raises(
        DataError, match=r"prompt\(\) gave the views \['other'\]; expected \"main\""
    ):
        go(tmp_path, reviews, backbone)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("method.lam=nan", "lam"),
        ("method.lamm=0.5", "unknown key 'lamm'. Did you mean 'lam'"),
        ("train.epoch=1", "unknown key 'train.epoch'. Did you mean 'train.epochs'"),
        ("decode.top_p=1.5", "decode.top_p = 1.5"),
        ("train.lr=-1", "train.lr = -1; expected a number greater than 0"),
        ("train.lr_grid=[]", "train.lr_grid = []"),
        ("train.lr_grid=[0.0]", "train.lr_grid.0 = 0.0; expected a number greater than 0"),
        ("seed=-1", "seed = -1"),
        ("seed=4294967296", "seed = 4294967296"),
        ("model.device=tpu9", "model.device = 'tpu9'"),
        ("model.device=cuda:7", "model.device = 'cuda:7'"),
    ],
)
def test_wrong_settings_are_named_and_leave_nothing(
    tmp_path, reviews, backbone, assignment, message
):
    with pytest.raises(UsageError) as caught:
        go(tmp_path, reviews, backbone, "flythinker", assignment)
    assert message in str(caught.value)
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("method", ["nonpers", "sft", "cot"])
def test_lift_is_zero_for_a_method_that_reads_no_profile(tmp_path, reviews, backbone, method):
    asked = ['eval.lift=["likelihood","texts"]', "eval.donors=2"]
    lift = go(tmp_path, reviews, backbone, method, *asked).record.lift
    gains = [
        gain.value
        for kind in ("random", "topic")
        for gain in vars(lift.likelihood[kind]["all"]).values()
    ]
    assert all(gain == 0 for gain in gains) == (method == "nonpers")
    assert {"bleu", "rouge1"} <= set(lift.texts["topic"])
    if method == "nonpers":
        assert lift.texts["random"]["rouge1"].own_empty.value == 0


def test_the_record_holds_every_examples_lift(tmp_path, reviews, backbone):
    asked = ['eval.lift=["likelihood","texts"]', "eval.donors=2"]
    record = go(tmp_path, reviews, backbone, "rag", *asked).record
    for view, name in (("likelihood", "all"), ("likelihood", "0-100"), ("texts", "rouge1")):
        rows = [getattr(values.lift, view) for values in record.examples.values()]
        for kind in ("random", "topic"):
            said = getattr(record.lift, view)[kind][name]
            each = [row[kind][name] for row in rows if row[kind][name] is not None]
            assert each
            assert fmean(each) == pytest.approx(said.own_other.value)
            empty = [row["empty"][name] for row in rows if row["empty"][name] is not None]
            assert fmean(empty) == pytest.approx(said.own_empty.value)


def test_lift_of_one_user_is_over_the_empty_profile_alone(tmp_path, reviews, backbone):
    asked = ['eval.lift=["likelihood","texts"]', "data.limit=2"]
    lift = go(tmp_path, reviews, backbone, "rag", *asked).record.lift
    assert lift.donors == 0
    for kind in ("random", "topic"):
        for found in (lift.likelihood[kind]["all"], lift.texts[kind]["rouge1"]):
            assert found.own_other.value is None
            assert found.own_other.missing == "no example has a donor's value"
            assert found.own_empty.value is not None


def test_donors_are_other_users_and_the_same_for_every_method_and_seed(tmp_path, reviews, backbone):
    from harness.run.evaluate.profile_swap import donor_examples

    plans = [
        Plan(settings(reviews, backbone, method, seed=seed), method, tmp_path)
        for method, seed in (("rag", 0), ("sft", 3))
    ]
    swaps = [donor_examples(plan).examples for plan in plans]
    assert swaps[0] == swaps[1]
    own = {example.id: example for example in plans[0].test.examples}
    assert set(swaps[0]) == {"empty", *(f"{k} {i}" for k in ("random", "topic") for i in range(3))}
    for name, examples in swaps[0].items():
        for example in examples:
            assert example.input == own[example.id].input
            assert example.profile != own[example.id].profile
            assert bool(example.profile) == (name != "empty")
