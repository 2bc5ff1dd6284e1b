"""Nearest tokens and divergences, against whole passes and by hand."""

from math import log

import pytest
import torch
from torch.testing import assert_close

from harness.engine import Batch
from harness.engine.lm import PersonalLM, embed, encode, head
from harness.engine.thoughts import (
    Thoughts,
    divergence,
    divergence_by_column,
    nearest_tokens,
)
from harness.errors import UsageError
from tests.support.tiny import tiny


def test_divergence_by_hand():
    # p = (1/2, 1/2), q = (3/4, 1/4): ½ ln(½ ÷ ¾) + ½ ln(½ ÷ ¼) = ½ ln(4/3)
    p, q = torch.zeros(2), torch.tensor([log(3.0), 0.0])
    assert_close(divergence(p, q).item(), 0.5 * log(4 / 3), atol=1e-6, rtol=0)
    assert divergence(q, q + 5).abs() < 1e-6


def test_rounding_gives_no_divergence_below_0():
    logits = 4 * torch.randn(500, 2000, generator=torch.manual_seed(0))
    almost = logits + 1e-6 * torch.randn(500, 2000, generator=torch.manual_seed(1))
    assert divergence(logits, almost).min() >= 0


@pytest.mark.parametrize("token", [3, 41, 96])
def test_the_nearest_token_of_an_embedding_is_its_own(token):
    lm = tiny()  # its head is its embedding matrix
    rows = lm.get_input_embeddings().weight.detach()
    assert nearest_tokens(lm, rows[None, token : token + 1])[0, 0, 0] == token
    # a narrower thought fills the first dimensions
    narrow = torch.cat([rows[token, :16], torch.zeros(16)])
    wide = nearest_tokens(lm, narrow)
    assert nearest_tokens(lm, rows[token, :16]).tolist() == wide.tolist()


@torch.no_grad()
@pytest.mark.parametrize("columns", [[0, 1, 2, 3], [2, 5]])
def test_each_column_is_changed_alone(columns):
    lm = tiny()
    inputs = embed(lm, torch.tensor([[5, 9, 2, 7, 7, 1]]))[0]
    changed = inputs + torch.randn(inputs.shape, generator=torch.manual_seed(0))
    real = torch.ones(1, len(inputs), dtype=torch.bool)

    def logits(rows, column):
        return head(lm, encode(lm, rows[None], real)[0, column])

    expected = []
    for column in columns:
        other = inputs.clone()
        other[column] = changed[column]
        expected.append(divergence(logits(inputs, column), logits(other, column)))
    found = divergence_by_column(lm, inputs, changed, torch.tensor(columns))
    assert_close(found, torch.stack(expected), atol=1e-5, rtol=1e-4)
    assert found.min() > 1e-4
    assert not divergence_by_column(lm, inputs, inputs, torch.tensor(columns)).any()


def of_shape(**changed):
    whole = {
        "vectors": torch.zeros(1, 2, 4), "position": torch.zeros(1, 2, dtype=torch.long),
        "nearest": torch.zeros(1, 2, 5), "kl": torch.zeros(1, 2),
        "text_kl": torch.zeros(1, 3), "states": torch.zeros(1, 2, 4),
    }  # fmt: skip
    return Thoughts(**{**whole, **changed})


def test_a_plugins_thoughts_are_checked_on_the_way_in():
    batch = Batch.from_rows([[1, 2]], [[3, 4, 5]], 0)
    assert of_shape().fault(batch) is None

    class Given(PersonalLM):
        given = None
        logprobs = prefill = step = None

        def thoughts(self, batch):
            return self.given

    lm = Given()
    assert lm.thoughts(batch) is None
    lm.given = of_shape()
    assert lm.thoughts(batch) is lm.given
    lm.given = of_shape(text_kl=torch.zeros(1, 2))
    with pytest.raises(UsageError, match=r"text_kl of shape \(1, 3\), not \(1, 2\)"):
        lm.thoughts(batch)
    lm.given = torch.zeros(3)
    with pytest.raises(UsageError, match=r"expected  harness\.engine\.thoughts\.Thoughts, or None"):
        lm.thoughts(batch)
