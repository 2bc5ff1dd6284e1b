"""The kit on methods that break a contract in training alone, which its other checks do not see."""

import re

import pytest
import torch

from harness.conformance import check_method
from harness.engine.lm import CausalLM
from tests.support import broken_models
from tests.support.broken_models import with_lm

MEAN = "the loss is a mean over response tokens"
BROKEN = [
    (
        broken_models.AveragesRowsInTraining,
        MEAN,
        r"in training mode, loss \d+\.\d+ of \d+ response tokens at once, \d+\.\d+ from two",
        r"AveragesRowsInTraining\.loss \(broken_models\.py:\d+\)",
    ),
    (
        broken_models.WeighsAtRandom,
        "training is repeatable",
        r"loss \d+\.\d+ in step 1, \d+\.\d+ in the same step of a repetition",
        r"WeighsAtRandom\.loss \(broken_models\.py:\d+\)",
    ),
    (
        broken_models.MovesAtRandom,
        "training is repeatable",
        r"row \d, response token \d+: -\S+ after training again, -\S+ after training",
        r"CausalLM\.|PersonalLM\.loss",
    ),
    (
        broken_models.NotFiniteInTraining,
        "the loss is a finite scalar",
        r"nan in training mode|tensor\(nan\) in training mode",
        r"NotFiniteInTraining\.loss \(broken_models\.py:\d+\)",
    ),
]


@pytest.mark.parametrize(
    ("lm", "check", "got", "look"), BROKEN, ids=[row[0].__name__ for row in BROKEN]
)
def test_a_fault_in_training_mode_alone_is_found(lm, check, got, look):
    (outcome,) = check_method(with_lm(lm), only=[check])
    assert outcome.status == "failed"
    assert re.search(got, outcome.got)
    assert re.search(look, outcome.look)


class DropsTokens(CausalLM):
    """Weights of 0 or 2 are drawn for the tokens in training: nothing to compare, and no fault."""

    def loss(self, batch):
        logprobs = self.logprobs(batch)
        if self.training:
            logprobs = torch.nn.functional.dropout(logprobs, 0.5)
        return -logprobs.sum() / batch.response_mask.sum()


def test_a_loss_that_draws_from_the_seeded_generator_passes():
    outcomes = check_method(with_lm(DropsTokens), only=[MEAN, "training is repeatable"])
    assert [outcome.status for outcome in outcomes] == ["passed", "passed"]
