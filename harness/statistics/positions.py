"""A number along the text: cells of a few tokens, a smooth curve, and its band over users."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.statistics.effects import METHOD_SEEDS
from harness.statistics.panel import Array, ratio
from harness.statistics.users import pseudo_values

CELL = 5
"""Tokens that are summed before anything else: where a text changes is known to a cell."""
BANDWIDTH = 15.0
"""Standard deviation of the Gaussian kernel, in tokens."""
REACHED = 0.5
"""Only positions that at least this share of the texts reach are looked at."""
FEWEST_CELLS = 8
"""Below this many such cells there is no curve."""


@dataclass(frozen=True)
class Cells:
    """Sums of a number over cells of `CELL` tokens.

    sums: [S,N,C] for S training seeds, N texts and C cells. tokens: how many [N,C].
    users: the user of each text [N].
    """

    sums: Array
    tokens: Array
    users: tuple[str, ...]

    @property
    def length(self) -> int:
        """Tokens that the cells cover."""
        return CELL * int(self.tokens.shape[1])

    @property
    def member(self) -> Array:
        """1 where a text is a user's, else 0 [U,N]; users without a token are left out."""
        reach = self.tokens.sum(axis=1) > 0
        names = dict.fromkeys(user for user, has in zip(self.users, reach, strict=True) if has)
        return np.array([[user == name for user in self.users] for name in names], np.float64)

    @property
    def of_users(self) -> tuple[Array, Array]:
        """Sums [S,U,C] and tokens [U,C] of each user with a token."""
        return self.member @ self.sums, self.member @ self.tokens


@dataclass(frozen=True)
class Band:
    """A curve with its 95 % interval at each point."""

    x: Array
    value: Array
    low: Array
    high: Array


def cells_of(values: Sequence[Sequence[Array]], users: Sequence[str]) -> Cells | None:
    """Cells of a number for each token; None where texts are too short for a curve.

    values: for each seed and text, a number for each token; a text has the same length in all.
    users: of the texts.
    """
    lengths = np.array([len(text) for text in values[0]])
    if not len(lengths):
        return None
    reached = int(np.sort(lengths)[int(len(lengths) * (1 - REACHED))])
    count = reached // CELL
    if count < FEWEST_CELLS:
        return None
    edges = np.arange(count) * CELL
    tokens = np.clip(lengths[:, None] - edges, 0, CELL).astype(np.float64)

    def row(text: Array) -> Array:
        padded = np.zeros(count * CELL)
        kept = text[: count * CELL]
        padded[: len(kept)] = kept
        return np.asarray(padded.reshape(count, CELL).sum(axis=1))

    sums = np.array([[row(text) for text in of_seed] for of_seed in values], dtype=np.float64)
    return Cells(sums, tokens, tuple(users))


def smooth(cells: Cells, trained: bool) -> Band:
    """The kernel mean once in two cells with its pointwise band. Nadaraya 1964, Watson 1964.

    trained: whether the seeds are of a trained method.
    """
    sums, tokens = cells.of_users
    step = 2 * CELL
    middles = (np.arange(sums.shape[-1]) + 0.5) * CELL
    x = np.arange(step / 2, cells.length, step)
    kernel = np.exp(-0.5 * ((x[:, None] - middles) / BANDWIDTH) ** 2)  # [X,C]
    parts = [sums @ kernel.T, np.broadcast_to(tokens @ kernel.T, (*sums.shape[:2], len(x)))]
    return Band(x, *ratio_band(np.stack(parts, axis=-1), trained))


def ratio_band(parts: Array, trained: bool) -> tuple[Array, Array, Array]:
    """Value and ends of Σ first / Σ second at many points at once.

    parts: [S,U,X,2] for S seeds, U users and X points.
    trained: whether seeds count, if there are `METHOD_SEEDS`.

    The errors of users and seeds as in `harness.statistics.effects`, with Student's t and the
    degrees of freedom of their sum (Satterthwaite 1946) instead of a bootstrap at every point.
    """
    from scipy.stats import t

    seeds, users = parts.shape[:2]
    of_seed = ratio(parts.sum(axis=1))  # [S,X]
    value = of_seed.mean(axis=0)
    if users < 2:
        nothing = np.full_like(value, np.nan)
        return value, nothing, nothing
    scores = np.moveaxis(
        pseudo_values(ratio, np.moveaxis(parts, 2, 1).reshape(-1, users, 2)), -1, 0
    )
    scores = scores.reshape(users, seeds, -1)  # [U,S,X]
    of_users = scores.mean(axis=1)
    variance = of_users.var(axis=0, ddof=1) / users
    freedom = np.full_like(variance, users - 1)
    if trained and seeds >= METHOD_SEEDS:
        rest = scores - of_users[:, None] - scores.mean(axis=0) + of_users.mean(axis=0)
        within = (rest**2).sum(axis=(0, 1)) / ((seeds - 1) * (users - 1))
        of_seeds = np.maximum(of_seed.var(axis=0, ddof=1) / seeds - within / (seeds * users), 0.0)
        both = variance + of_seeds
        below = variance**2 / (users - 1) + of_seeds**2 / (seeds - 1)
        freedom = np.divide(both**2, below, out=freedom, where=below > 0)
        variance = both
    reach = t.ppf(0.975, freedom) * np.sqrt(variance)
    return value, value - reach, value + reach
