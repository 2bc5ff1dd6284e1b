"""What a metric is: rows that add up over examples, and one function from their sum to a number.

Whatever is done with a metric – an interval, a paired test, a slice, a lift, a rank – is written
once, over rows. A new metric is one file with one class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import ClassVar, Literal

import numpy as np

from harness.record import View
from harness.statistics import Array, Panel, Statistic, mean_rows
from harness.statistics.panel import PERCENT, ratio
from harness.types import Example

Better = Literal["higher", "lower"]
OF_A_HUNDRED = ("0–100", "% of calls", "%")
"""Units of values that end at 0 and at 100, and so do their intervals."""
OWN = "its own scale"
"""Unit of a metric of which nothing is known."""


class Unavailable(Exception):  # noqa: N818 – no error of the run: the metric is null and says why
    """A metric that cannot be computed here; the message says why and what to do about it."""


@dataclass(frozen=True)
class Part:
    """What a pair is cut from, for metrics that go by places in the whole text.

    start, end: slice tokens of the reference, `end` not among them. prediction, reference: the
    whole texts; of a continuation the prediction begins with the reference up to `start`
    (`given`) and ends with the window.
    """

    start: int
    end: int
    prediction: str
    reference: str
    given: bool = False


@dataclass(frozen=True)
class Pair:
    """A generated text beside the one that the user wrote. part: None where both are whole."""

    prediction: str
    reference: str
    example: Example
    part: Part | None = None


@dataclass(frozen=True)
class Needs:
    """A model that a metric asks the run for; metrics touch no tensors themselves."""

    kind: Literal["encoder", "judge"]
    model: str


class Metric:
    """Base class of every metric: says what it is, gives every default.

    A class is made without arguments, or with the options that `options` names. A mean over
    examples derives from `MeanMetric` instead.
    """

    name: str
    """As settings and records call it."""
    title: str = ""
    """As tables call it; the name where it is empty."""
    unit: str = "0–100"
    better: Better = "higher"
    digits: int = 2
    """Decimals that are shown."""
    mean: bool = False
    """Whether rows are (value, 1) and the number is their mean."""
    needs: Needs | None = None
    remedy: str = ""
    """What to do where the metric's tokenizer does not see the references."""
    options: ClassVar[Mapping[str, str]] = {}
    """Argument of the class → the setting of `eval` that it takes."""

    @property
    def signature(self) -> str:
        """Everything that the number depends on; two compare only where these are equal."""
        return self.name

    def rows(self, pairs: Sequence[Pair]) -> Array:
        """What each example adds [N,K]; 0 throughout where it has no value.

        Raises Unavailable where the metric cannot be computed.
        """
        raise NotImplementedError

    def value(self, sums: Array) -> Array:
        """The metric of any set of examples from the sum of their rows: [..., K] → [...]."""
        raise NotImplementedError

    def each(self, rows: Array) -> Array:
        """The value of each example [N] from its row, NaN where it has none."""
        return np.where(np.abs(rows).sum(axis=-1) > 0, self.value(rows), np.nan)

    def overall(self, rows: Array, pairs: Sequence[Pair]) -> float:
        """The reported value of all pairs: that of their sum, to the library's last digit."""
        return float(self.value(rows.sum(axis=0)))

    def absent(self, rows: Array) -> Array:
        """Rows of texts that were never generated [..., K], from others' rows of the same examples.

        By default without a value, so that such examples are left out.
        """
        return np.zeros_like(rows)

    def view(
        self, samples: Sequence[Sequence[Pair]], panel: Panel, starts: Sequence[int]
    ) -> View | None:
        """What the record keeps of the metric beside its score, in the field of its name.

        samples: pairs of each sample; starts: where slices of the target begin.
        """
        return None

    def unseen(self, text: str) -> int:
        """How many letters of a reference the metric's tokenizer does not see."""
        return 0

    @property
    def statistic(self) -> Statistic:
        """The metric as statistics know it."""
        scale = PERCENT if self.unit in OF_A_HUNDRED else None
        return Statistic(self.value, mean=self.mean, scale=scale)


class MeanMetric(Metric):
    """A mean over examples: one function gives the value of one pair, None where it has none."""

    mean = True

    def score(self, pair: Pair) -> float | None:
        """The value of one pair."""
        raise NotImplementedError

    def rows(self, pairs: Sequence[Pair]) -> Array:
        return mean_rows([self.score(pair) for pair in pairs])

    def value(self, sums: Array) -> Array:
        return ratio(sums)

    def overall(self, rows: Array, pairs: Sequence[Pair]) -> float:
        return fmean(rows[rows[:, 1] > 0, 0].tolist())

    def absent(self, rows: Array) -> Array:
        """As an empty text: 0, where the example has a value and more is better."""
        worst = np.zeros_like(rows)
        if self.better == "higher":
            worst[..., 1] = rows[..., 1]
        return worst


def paired(
    predictions: Sequence[str], references: Sequence[str], examples: Sequence[Example]
) -> list[Pair]:
    """Texts by position. Raises ValueError where they differ in number."""
    return [Pair(*texts) for texts in zip(predictions, references, examples, strict=True)]
