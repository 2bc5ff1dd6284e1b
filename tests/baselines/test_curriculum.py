"""Coconut's curriculum: thoughts replace the sentences of the analysis, stage by stage."""

import pytest
import torch

from baselines.analysis import generation, separator
from baselines.coconut import Coconut, CoconutLM
from harness.conformance import check_method, failures
from harness.conformance.world import World
from harness.engine import Batch
from harness.engine.flops import training_flops
from harness.engine.micro_batches import TrainRow
from harness.engine.train import train
from harness.errors import UsageError
from harness.pipeline.training_costs import training_work
from harness.settings import TrainSettings
from tests.support.runs import go, texts
from tests.support.tiny import tiny

THIRDS = {"curriculum": [0.25, 0.5, 0.75], "n_thoughts": 4}


@pytest.fixture
def made(tmp_path):
    """Coconut with a curriculum of three stages: (plan, lm, pairs)."""
    plan = World(Coconut, tmp_path, THIRDS).plan()
    return plan, plan.method.build(plan.backbones), plan.splits["train"].pairs()


@pytest.fixture
def analysed(made, monkeypatch):
    """Make the backbone generate this analysis for every user."""

    def script(text):
        ids = made[0].backbones.tokenizer(text)["input_ids"]
        monkeypatch.setattr(generation, "generate", lambda lm, prompts, **_: [ids for _ in prompts])

    return script


@pytest.mark.parametrize(
    ("analysis", "left"),
    [
        ("One. Two! Three?", ["One. Two! Three?", " Two! Three?", " Three?"]),
        # four sentences: the last stage omits the fourth with the third
        ("A. B. C. D.", ["A. B. C. D.", " B. C. D.", " C. D."]),
        ("One.", ["One.", "", ""]),
        ("", ["", "", ""]),
    ],
)
def test_each_stage_omits_one_more_sentence(made, analysed, analysis, left):
    plan, lm, pairs = made
    tokenizer = plan.backbones.tokenizer
    analysed(analysis)
    between = tokenizer.decode(separator(tokenizer, plan.ends))
    for target, pair in zip(plan.method.targets(lm, pairs), pairs, strict=True):
        assert (target.text, target.preface) == (pair.reference.text, ())
        assert [until for until, _ in target.curriculum] == [0.25, 0.5, 0.75]
        words = [tokenizer.decode(preface) for _, preface in target.curriculum]
        assert words == [part + between for part in left]


def test_a_row_has_the_target_of_its_stage(made, analysed):
    plan, lm, pairs = made
    analysed("One. Two! Three?")
    targets = plan.method.targets(lm, pairs)
    row = plan.rows(pairs, targets)[0][0]
    text = row.at(0.75).response
    assert row.at(0.0).response == targets[0].curriculum[0][1] + text
    assert row.at(0.26).response == targets[0].curriculum[1][1] + text
    assert row.at(0.74).response == targets[0].curriculum[2][1] + text
    assert plan.backbones.tokenizer.decode(text[:-1]) == targets[0].text


@pytest.mark.parametrize(
    ("share", "thoughts"),
    # three stages, K = 4: rounded 4/3 and 8/3
    [(0.0, 0), (0.24, 0), (0.25, 1), (0.5, 3), (0.74, 3), (0.75, 4), (1.0, 4)],
)
def test_thoughts_of_each_stage(share, thoughts):
    lm = CoconutLM(tiny(), 4, [0.25, 0.5, 0.75])
    assert lm.hidden_per_example == 4
    lm.training_progress(share)
    assert lm.hidden_per_example == thoughts
    batch = Batch.from_rows([[1, 2]], [[3, 4]], 0)
    plain = CoconutLM(tiny(), thoughts)
    assert torch.equal(lm.logprobs(batch), plain.logprobs(batch))


def test_training_passes_through_all_stages():
    seen = []

    class Watched(CoconutLM):
        def loss(self, batch):
            seen.append((self.thoughts_now, [len(row) for row in batch.responses]))
            return super().loss(batch)

    stages = ((0.25, (1, 2, 3, 9, 9)), (0.5, (2, 3, 9, 9)))
    rows = [TrainRow(str(at), (5, 6), (9, 9), curriculum=stages) for at in range(4)]
    lm = Watched(tiny(), 2, [0.25, 0.5])
    settings = TrainSettings(batch_size=1, epochs=1)
    log = train(lm, rows, settings, lr=1e-3, seed=0)
    assert seen == [(0, [5]), (1, [4]), (2, [2]), (2, [2])]
    assert log.response_tokens == 5 + 4 + 2 + 2
    assert lm.hidden_per_example == 2
    # the cost: each step's own response and number of thoughts
    known = 0
    for share, response in ((0.0, (1, 2, 3, 9, 9)), (0.25, (2, 3, 9, 9)), (0.5, (9, 9))):
        lm.training_progress(share)
        known += training_flops(lm, [TrainRow("", (5, 6), response)]) * (2 if share == 0.5 else 1)
    assert training_work(lm, rows, [], settings, 0)["steps"] == known


def test_the_plain_backbone_generates_the_analyses(made, monkeypatch):
    plan, lm, pairs = made
    models = []
    monkeypatch.setattr(
        generation, "generate", lambda lm, prompts, **_: models.append(lm) or [[7]] * len(prompts)
    )
    plan.method.targets(lm, pairs)
    assert {(each.hidden_per_example, each.model is lm.model) for each in models} == {(0, True)}


def test_without_a_curriculum_there_are_no_analyses(tmp_path, monkeypatch):
    plan = World(Coconut, tmp_path, {}).plan()
    monkeypatch.setattr(generation, "generate", None)  # calling it would fail
    lm = plan.method.build(plan.backbones)
    assert {target.curriculum for target in plan.method.targets(lm, plan.test.pairs())} == {()}


def test_the_val_loss_is_that_of_the_last_stage(made, monkeypatch):
    plan, lm, pairs = made
    monkeypatch.setattr(generation, "generate", None)
    targets = plan.method.val_targets(lm, pairs)
    assert {(target.preface, target.curriculum) for target in targets} == {((), ())}


@pytest.mark.parametrize("stages", [[0.5, 0.5], [0.5, 0.2], [-0.1], [1.0]], ids=str)
def test_impossible_stages_are_refused(tmp_path, stages):
    with pytest.raises(UsageError, match=r"options of coconut: curriculum = .*0 ≤ share < 1"):
        World(Coconut, tmp_path, {"curriculum": stages}).plan()


def test_the_conformance_kit_passes_with_a_curriculum():
    assert not failures(check_method(Coconut, {**THIRDS, "analysis_tokens": 8}))


def test_a_run_with_a_curriculum_counts_its_analyses_and_resumes(tmp_path, reviews, backbone):
    options = ["method.curriculum=[0.4,0.8]", "method.analysis_tokens=6", "train.batch_size=2"]
    outcome = go(tmp_path, reviews, backbone, "coconut", *options)
    training = outcome.record.training
    assert training.method["analyses"]["planned"] == 6
    assert training.seconds["targets"] > 0
    assert training.steps == 3
    assert outcome.record.inference.latent_thoughts_per_text == 4
    assert outcome.record.inference.preface_tokens == 0
    (outcome.folder / "record.json").unlink()
    again = go(tmp_path, reviews, backbone, "coconut", *options)
    assert texts(again) == texts(outcome)
    assert again.record.likelihood == outcome.record.likelihood
