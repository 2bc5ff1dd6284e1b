"""The page's columns: meaning, unit, direction, and where the number comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.leaderboard.schema import Submission, Value
from harness.metrics import metric_class
from harness.metrics.base import OWN
from harness.registry import table
from harness.reports.render.table import Better, Column


@dataclass(frozen=True, kw_only=True)
class BoardColumn(Column):
    """A column of the page. `meaning` explains it; `source` says whose number it is."""

    key: str
    meaning: str
    source: str
    shown: bool = False

    def described(self) -> dict[str, Any]:
        """What the page's script reads of it."""
        return {
            "key": self.key,
            "label": self.title,
            "meaning": self.meaning,
            "digits": self.digits,
            "better": self.better,
            "source": self.source,
            "shown": self.shown,
        }


def _column(
    key: str, title: str, meaning: str, digits: int, better: Better | None, source: str,
    shown: bool = False,
) -> BoardColumn:  # fmt: skip
    return BoardColumn(title=title, kind="number", digits=digits, better=better, key=key,
                       meaning=meaning, source=source, shown=shown)  # fmt: skip


TEXTS, CLAIMED = "scored again by verify", "as reported by the run"
FIRST_SHOWN = ("bleu", "rougeL", "meteor")
"""Shown by default, with the metric that a board is ranked by."""
FURTHER: tuple[tuple[BoardColumn, Callable[[Submission], Value | float | None]], ...] = (
    (
        _column("nll", "NLL", "nats per slice token of the references", 3, "lower", CLAIMED, True),
        lambda row: row.likelihood,
    ),
    (
        _column("training", "Training s", "seconds, all phases", 0, "lower", CLAIMED, True),
        lambda row: row.costs.training_s,
    ),
    (
        _column(
            "speed",
            "Tokens/s",
            "visible tokens per second, time of hidden tokens included",
            0,
            "higher",
            CLAIMED,
        ),
        lambda row: row.costs.tokens_per_s,
    ),
    (
        _column(
            "first",
            "First token s",
            "seconds to a batch's first visible token",
            3,
            "lower",
            CLAIMED,
        ),
        lambda row: row.costs.first_token_s,
    ),
    (
        _column("memory", "Memory MiB", "peak of training and generation", 0, "lower", CLAIMED),
        lambda row: row.costs.peak_memory_mib,
    ),
    (
        _column(
            "hidden", "Hidden tokens", "hidden tokens and thoughts before a text", 1, None, CLAIMED
        ),
        lambda row: row.costs.hidden_tokens,
    ),
    (
        _column("parameters", "Parameters M", "all models of the method", 1, None, CLAIMED),
        lambda row: (row.backbone.method_parameters or row.backbone.parameters) / 1e6,
    ),
    (
        _column("failed", "Failed", "examples scored as empty", 0, "lower", CLAIMED),
        lambda row: row.n.failed,
    ),
    (
        _column("capped", "Capped", "texts that reached the cap", 0, "lower", CLAIMED),
        lambda row: row.n.capped,
    ),
    (
        _column("cut", "Input cut", "prompts cut to their budget", 0, None, CLAIMED),
        lambda row: row.n.input_cut,
    ),
    (
        _column("seed", "Seed", "of training and sampling", 0, None, CLAIMED),
        lambda row: row.run.seed,
    ),
)


def score_column(name: str) -> BoardColumn:
    """A metric's column; one that is not installed here has its own name and unit."""
    if name not in table("metric"):
        return _column(name, name, OWN, 2, "higher", TEXTS)
    metric = metric_class(name)
    meaning = (metric.__doc__ or "").partition("\n")[0]
    return _column(name, metric.title or name, meaning, metric.digits, metric.better, TEXTS)


def rounded(value: Value | float | None, digits: int) -> tuple[float | None, ...]:
    """(value, low, high), low and high None where there is no interval."""
    ends = (value.value, value.low, value.high) if isinstance(value, Value) else (value, None, None)
    return tuple(None if end is None else round(end, digits) for end in ends)
