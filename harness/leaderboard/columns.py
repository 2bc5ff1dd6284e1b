"""The page's columns: meaning, unit, direction, and where the number comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from harness.leaderboard.schema import Submission, Value
from harness.metrics import metric_class
from harness.metrics.base import OWN
from harness.registry import table


@dataclass(frozen=True)
class Column:
    """One column of numbers. better: "high", "low" or "". source: where the number comes from."""

    key: str
    label: str
    meaning: str
    digits: int
    better: str
    source: str
    shown: bool = False

    def described(self) -> dict[str, Any]:
        return asdict(self)


TEXTS, CLAIMED = "scored again by verify", "as reported by the run"
FIRST_SHOWN = ("bleu", "rougeL", "meteor")
"""Shown by default, with the metric that a board is ranked by."""
FURTHER: tuple[tuple[Column, Callable[[Submission], Value | float | None]], ...] = (
    (
        Column("nll", "NLL", "nats per slice token of the references", 3, "low", CLAIMED, True),
        lambda row: row.likelihood,
    ),
    (
        Column("training", "Training s", "seconds, all phases", 0, "low", CLAIMED, True),
        lambda row: row.costs.training_s,
    ),
    (
        Column(
            "speed",
            "Tokens/s",
            "visible tokens per second, time of hidden tokens included",
            0,
            "high",
            CLAIMED,
        ),
        lambda row: row.costs.tokens_per_s,
    ),
    (
        Column(
            "first", "First token s", "seconds to a batch's first visible token", 3, "low", CLAIMED
        ),
        lambda row: row.costs.first_token_s,
    ),
    (
        Column("memory", "Memory MiB", "peak of training and generation", 0, "low", CLAIMED),
        lambda row: row.costs.peak_memory_mib,
    ),
    (
        Column(
            "hidden", "Hidden tokens", "hidden tokens and thoughts before a text", 1, "", CLAIMED
        ),
        lambda row: row.costs.hidden_tokens,
    ),
    (
        Column("parameters", "Parameters M", "all models of the method", 1, "", CLAIMED),
        lambda row: (row.backbone.method_parameters or row.backbone.parameters) / 1e6,
    ),
    (
        Column("failed", "Failed", "examples scored as empty", 0, "low", CLAIMED),
        lambda row: row.n.failed,
    ),
    (
        Column("capped", "Capped", "texts that reached the cap", 0, "low", CLAIMED),
        lambda row: row.n.capped,
    ),
    (
        Column("cut", "Input cut", "prompts cut to their budget", 0, "", CLAIMED),
        lambda row: row.n.input_cut,
    ),
    (Column("seed", "Seed", "of training and sampling", 0, "", CLAIMED), lambda row: row.run.seed),
)


def score_column(name: str) -> Column:
    """A metric's column; one that is not installed here has its own name and unit."""
    if name not in table("metric"):
        return Column(name, name, OWN, 2, "high", TEXTS)
    metric = metric_class(name)
    meaning = (metric.__doc__ or "").partition("\n")[0]
    better = "high" if metric.better == "higher" else "low"
    return Column(name, metric.title or name, meaning, metric.digits, better, TEXTS)


def rounded(value: Value | float | None, digits: int) -> tuple[float | None, ...]:
    """(value, low, high), low and high None where there is no interval."""
    ends = (value.value, value.low, value.high) if isinstance(value, Value) else (value, None, None)
    return tuple(None if end is None else round(end, digits) for end in ends)
