"""Real text for comparisons with the libraries; never copied into the repository."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import pytest

from harness.metrics import metric
from harness.metrics.base import Metric, Pair
from harness.metrics.scoring import scored
from harness.settings import EvalSettings
from harness.statistics import Array, Panel
from harness.types import Example, Score

REAL = Path(__file__).parents[3] / "shared" / "data" / "real"
PAIRS = 200


@cache
def real_pairs() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """`PAIRS` predictions and references: each text against the start of another one."""
    if not REAL.is_dir():
        pytest.skip("real test data is not here (../shared/data/real)")
    texts = [
        json.loads(line)["output"]
        for path in sorted(REAL.glob("*/test.jsonl"))
        for line in path.read_text("utf-8").splitlines()
    ]
    references = [text[:1500] for text in texts[:PAIRS]]
    assert len(references) == PAIRS
    # half of the other text, half of its own: scores are neither all near 0 nor all near 100
    others = references[7:] + references[:7]
    pairs = zip(others, references, strict=True)
    predictions = [
        other[:400] + " " + own[: 40 * (at % 9)] for at, (other, own) in enumerate(pairs)
    ]
    predictions[3] = ""
    return tuple(predictions), tuple(references)


def panel(users: Iterable[str], resamples: int = 2000) -> Panel:
    """Examples of these users, on data whose fingerprint is "print"."""
    return Panel(tuple(users), "print", resamples)


def pairs(predictions: Sequence[str], references: Sequence[str]) -> list[Pair]:
    """Texts by position, each of an example of its own."""
    return [
        Pair(prediction, reference, Example(f"e{at}", f"u{at}", "t", "", ()))
        for at, (prediction, reference) in enumerate(zip(predictions, references, strict=True))
    ]


def rows(own: Metric, predictions: Sequence[str], references: Sequence[str]) -> Array:
    return own.rows(pairs(predictions, references))


def score(
    name: str,
    predictions: Sequence[str],
    references: Sequence[str],
    settings: EvalSettings | None = None,
) -> Score:
    """A metric's score of texts by as many users."""
    texts = pairs(predictions, references)
    own = panel([pair.example.user_id for pair in texts], 100)
    return scored(metric(name, settings), [texts], own).score
