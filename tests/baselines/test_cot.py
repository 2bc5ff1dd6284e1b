"""CoT: training targets, the generated analysis, and the record."""

import pytest
import torch

from baselines import cot
from baselines.analysis import generation, separator
from harness.engine import Batch
from harness.engine.weight_files import load_weights
from harness.pipeline.plan import Plan
from harness.record import read_predictions
from harness.types import Sampling
from tests.support.runs import go, settings


@pytest.fixture
def made(world):
    """A fresh method and its base model: (plan, lm, pairs)."""
    plan = world.plan()
    return plan, world.build(plan), plan.splits["train"].pairs()


def test_a_target_is_analysis_separator_and_text(made, monkeypatch):
    plan, lm, pairs = made
    tokenizer = plan.backbones.tokenizer
    analysis = tokenizer("likes tea")["input_ids"]
    monkeypatch.setattr(
        generation, "generate", lambda lm, prompts, **_: [analysis for _ in prompts]
    )
    targets = plan.method.targets(lm, pairs)
    between = separator(tokenizer, plan.ends)
    assert [target.example_id for target in targets] == [pair.example.id for pair in pairs]
    assert [target.text for target in targets] == [pair.reference.text for pair in pairs]
    assert {target.preface for target in targets} == {(*analysis, *between)}


def test_a_preface_ends_in_the_separator_and_missing_ends_are_counted(made, monkeypatch):
    plan, lm, _ = made
    written = [[9, 8], [7] * 8, []]
    monkeypatch.setattr(cot, "generate", lambda *_, **__: [list(row) for row in written])
    given = plan.method.preface(lm, [[1], [2], [3]], [Sampling(seed=at) for at in range(3)])
    between = list(separator(plan.backbones.tokenizer, plan.ends))
    assert given == [row + between for row in written]
    assert plan.method.preface_report(given) == {"separator_appended": 1}


def test_text_and_preface_draw_from_different_streams(made, monkeypatch):
    plan, lm, _ = made
    seen = []
    monkeypatch.setattr(cot, "generate", lambda *_, **given: seen.append(given) or [[]])
    plan.method.preface(lm, [[1]], [Sampling(0.8, 0.95, 40)])
    assert seen[0]["seeds"] != [40]
    assert (seen[0]["temperature"], seen[0]["top_p"]) == (0.8, 0.95)
    assert seen[0]["max_new_tokens"] == 8


def test_the_record_counts_analyses(tmp_path, reviews, backbone):
    options = ["method.analysis_tokens=5", "decode.max_new_tokens=4", "eval.lift=['likelihood']"]
    outcome = go(tmp_path, reviews, backbone, "cot", *options)
    training, inference = outcome.record.training, outcome.record.inference
    kept = training.method
    assert (kept["analyses"]["planned"], kept["val_analyses"]["planned"]) == (6, 2)
    phases = training.seconds
    assert min(phases["targets"], phases["val_targets"]) > 0
    assert training.seconds_total == pytest.approx(sum(phases.values()))
    files = {path.name for path in outcome.folder.glob("analyses-*.jsonl")}
    assert len(files) == 2
    texts = read_predictions(outcome.folder)
    prefaces = [text.preface_ids for text in texts]
    assert inference.preface_tokens == sum(map(len, prefaces))
    assert inference.preface_s > 0
    longest = max(map(len, prefaces))
    assert inference.prefaces == {
        "separator_appended": sum(len(ids) == longest for ids in prefaces)
    }


def test_likelihood_is_conditional_on_the_models_own_analysis(tmp_path, reviews, backbone):
    options = ["method.analysis_tokens=5", "decode.max_new_tokens=4"]
    outcome = go(tmp_path, reviews, backbone, "cot", *options)
    plan = Plan(settings(reviews, backbone, "cot", *options), "cot", tmp_path / "results")
    lm = plan.method.build(plan.backbones)
    load_weights(lm, outcome.folder / "model.safetensors")
    reading = plan.test_prompts[0]
    (text,) = (t for t in read_predictions(outcome.folder) if t.id == reading.example.id)
    assert text.preface_ids
    reference = plan.test.references[text.id].text
    ids = plan.backbones.tokenizer(reference)["input_ids"]
    batch = Batch.from_rows([reading.prompt + text.preface_ids], [ids], 0)
    with torch.no_grad():
        nll = -lm.logprobs(batch).sum().item()
    recorded = outcome.record.examples[text.id].likelihood.nll
    assert sum(recorded) == pytest.approx(nll, abs=1e-3)
