"""The measures that only claims name."""

import pytest

from harness.record import ExampleLift, ExampleValues, SliceNll
from harness.reports.claims.views import FALL


def text(gains, tokens):
    """A text with these gains over a random other user's profile, and tokens, by slice."""
    return ExampleValues(
        lift=ExampleLift(likelihood={"random": gains}),
        likelihood=tokens and SliceNll(
            nll=(1.0,) * len(tokens), slice_tokens=tokens, model_tokens=tokens,
            positions=(1.0,) * len(tokens),
        ),
    )  # fmt: skip


GAINS = {"all": 9.0, "0-100": 0.5, "100-200": 0.4, "200-300": 0.1, "300+": 9.0}


@pytest.mark.parametrize(
    ("tokens", "later"),
    [
        ((100, 100, 100, 30), 0.25),  # (40 + 10) nats / 200 tokens
        ((100, 100, 10, 0), 41 / 110),  # (40 + 1) nats / 110 tokens: ten tokens do not weigh as 100
    ],
)
def test_lift_fall_is_per_slice_token(tokens, later):
    assert FALL.row(text(GAINS, tokens)) == (pytest.approx(later - 0.5), 1.0)


def test_a_text_without_late_tokens_or_their_counts_has_no_lift_fall():
    assert FALL.row(text({**GAINS, "200-300": None}, (100, 100, 0, 0))) is None
    assert FALL.row(text({"all": 9.0, "0-100": 0.5, "100+": 0.4}, (100, 90))) is None
    assert FALL.row(text(GAINS, None)) is None
