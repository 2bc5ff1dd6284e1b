"""What a metric is: rows that add up over examples, and a function from their sum to a number.

Intervals, paired tests, slices, lift and ranks are written once, over rows. A new metric is one
file with one class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from harness.record import Breakdown
from harness.statistics import Array, Panel, Statistic, mean_rows
from harness.statistics.panel import PERCENT, ratio
from harness.types import Example

Better = Literal["higher", "lower"]
OF_A_HUNDRED = ("0–100", "% of calls", "%")
"""Units of values between 0 and 100; intervals are clipped to that range."""
OWN = "its own scale"
"""Unit of a metric whose scale is unknown."""


class Unavailable(Exception):  # noqa: N818 – the run goes on, with null for this metric
    """A metric cannot be computed here; the message says why and what to do about it."""


@dataclass(frozen=True)
class Part:
    """Where a pair was cut from, for metrics that depend on positions in the whole text.

    start, end: slice tokens of the reference, `end` excluded.
    prediction, reference: the whole texts. In a continuation the prediction begins with the
        reference up to `start`, and ends with the window.
    given: whether it is a continuation.
    """

    start: int
    end: int
    prediction: str
    reference: str
    given: bool = False


@dataclass(frozen=True)
class Pair:
    """A generated text, the user's text, and the example. part: None where both are whole."""

    prediction: str
    reference: str
    example: Example
    part: Part | None = None


class TokenVectors(Protocol):
    """The tokens of a text: unit vectors [T,D]; which of them [T] are no marks of begin and end."""

    @property
    def vectors(self) -> Array: ...
    @property
    def words(self) -> NDArray[np.bool_]: ...


class Encoder(Protocol):
    """What a metric with `Needs("encoder", …)` is handed."""

    fingerprint: str
    """Of the model's files, for the signature."""
    longest: int
    """Tokens at which a text is cut."""
    layers: int
    """Number of layers."""

    def token_vectors(self, texts: Sequence[str], layer: int) -> Sequence[TokenVectors]:
        """The vectors of each text's tokens after a layer."""
        ...

    def encode(self, texts: Sequence[str]) -> Array:
        """Unit vectors [N,D] of the texts; the product of two is their cosine."""
        ...


def encoder_words(encoder: Encoder | None) -> str:
    """The part of a signature that names an encoder's files by their digest, not the folder."""
    known = f"{encoder.fingerprint}|max:{encoder.longest}" if encoder else "none"
    return f"encoder:{known}"


class LanguageModel(Protocol):
    """What a metric with `Needs("likelihood", …)` or `Needs("judge", …)` is handed."""

    def nll(self, prompts: Sequence[str], texts: Sequence[str]) -> Array:
        """Negative log-likelihood [N] of each text after its prompt, in nats."""
        ...

    def answers(self, prompts: Sequence[str], max_new_tokens: int = 64) -> list[str]:
        """The greedy answer to each prompt, a user's turn through the chat template."""
        ...


@dataclass(frozen=True)
class Needs:
    """A model that a metric needs from the run; metrics handle no tensors themselves.

    kind: what it does.
    model: folder or hub name of an encoder, or of a causal LM.
    """

    kind: Literal["encoder", "likelihood", "judge"]
    model: str

    @property
    def short(self) -> str:
        """The last part of the model's name, for titles."""
        return self.model.rstrip("/").rpartition("/")[2]


class Metric:
    """Base class of all metrics, with a default for everything but `rows` and `value`.

    The class is called without arguments, or with those that `options` names. A mean over examples
    derives from `MeanMetric` instead.
    """

    name: str
    """Name in settings and records."""
    title: str = ""
    """Name in tables; `name` where it is empty."""
    unit: str = "0–100"
    better: Better = "higher"
    digits: int = 2
    """Decimals shown."""
    brief: bool = True
    """Whether it is shown where there is no room for all metrics."""
    mean: bool = False
    """Whether rows are (value, 1) and the metric is their mean."""
    by_pair: ClassVar[bool] = False
    """Whether a pair's row depends on that pair alone, so that processes may share the pairs. A
    class says so for itself: it is not inherited."""
    needs: Needs | None = None
    """A model that the run hands to the metric before `rows` is called."""
    encoder: Encoder | None = None
    """The model, if it needs an encoder."""
    language_model: LanguageModel | None = None
    """The model, if it needs a likelihood or a judge."""
    unavailable: str = ""
    """Why the model was not handed over; the metric is then null with this reason."""
    remedy: str = ""
    """What to do if the metric's tokenizer does not see the references."""
    options: ClassVar[Mapping[str, str]] = {}
    """Argument of the class → the setting in `eval` that gives its value."""

    @property
    def signature(self) -> str:
        """Everything that the number depends on; only equal signatures compare."""
        return self.name

    def rows(self, pairs: Sequence[Pair]) -> Array:
        """What each example adds to the sum [N,K]; all 0 where it has no value.

        Raises Unavailable where the metric cannot be computed.
        """
        raise NotImplementedError

    def value(self, sums: Array) -> Array:
        """The metric of a set of examples, from the sum of their rows: [..., K] → [...]."""
        raise NotImplementedError

    def each(self, rows: Array) -> Array:
        """The value of each example [N] from its row; NaN where it has none."""
        return np.where(np.abs(rows).sum(axis=-1) > 0, self.value(rows), np.nan)

    def overall(self, rows: Array, pairs: Sequence[Pair]) -> float:
        """The reported value of all pairs, equal to the library's to the last digit."""
        return float(self.value(rows.sum(axis=0)))

    def absent(self, rows: Array) -> Array | None:
        """Rows [..., K] of missing texts, from another system's rows of the same examples.

        A missing text counts as an empty one. None, by default, where it is not known what an
        empty text gets: the metric is not compared where texts are missing.
        """
        return None

    def of_slices(self) -> Metric:
        """The metric that scores slices of whole texts; by default this one.

        Another one can give every slice the same mix of what it counts.
        """
        return self

    def breakdown(self, samples: Sequence[Sequence[Pair]], panel: Panel) -> Breakdown | None:
        """The metric by groups of the places that it counts; None if it counts none.

        samples: the pairs of each sample.
        panel: the users of the examples.
        """
        return None

    def unseen(self, text: str) -> int:
        """Number of letters in a reference that the metric's tokenizer does not see."""
        return 0

    @property
    def statistic(self) -> Statistic:
        """The metric as a `Statistic`."""
        scale = PERCENT if self.unit in OF_A_HUNDRED else None
        return Statistic(self.value, mean=self.mean, scale=scale)


class MeanMetric(Metric):
    """A mean over examples, given the value of one pair; None where it has none."""

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

    def absent(self, rows: Array) -> Array | None:
        """Scored as an empty text: 0, where the example has a value and higher is better.

        None where lower is better: 0 would be the best value, and the worst is not known.
        """
        if self.better == "lower":
            return None
        worst = np.zeros_like(rows)
        worst[..., 1] = rows[..., 1]
        return worst
