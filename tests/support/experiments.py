"""Simulated experiments: scores of users under training seeds, with known true values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from harness.statistics import MEAN, Array, Comparison, Panel, compare, judge

TRUE = 5.0
"""The true difference of two systems in experiments on coverage."""
USER_SD, REST_SD = 15.0, 8.0
"""Spread over users, and over user and seed together, of following on the built-in benchmark."""
SEED_SD = 3.5
"""The largest spread over training seeds there: sft's."""
DIFFERS = 0.1
"""Share of users that differ at all, where differences are sparse."""


@dataclass(frozen=True)
class Design:
    """One cell: how scores come about.

    users: number of users.
    seeds: training seeds of either side.
    seed_sd: spread over training seeds.
    scores: "normal"; "skewed", exponential over users, with 1–20 examples each; "sparse", nine in
        ten users have a difference of exactly 0 and the others one around `TRUE` / `DIFFERS`;
        "sparse, both signs", the same around 0.
    trained: whether the second side is trained.
    """

    users: int
    seeds: tuple[int, int]
    seed_sd: float
    scores: str
    trained: bool = True

    @property
    def truth(self) -> float:
        """The true difference of the methods."""
        return 0.0 if self.scores == "sparse, both signs" else TRUE

    def draw(self, rng: np.random.Generator) -> tuple[Array, Array, Panel, float]:
        """One experiment: rows [S,N,2] of both sides, the panel, and the true difference.

        The true difference is that of the checkpoints, where a trained side has only one.
        """
        many = self.scores == "skewed"
        counts = rng.integers(1, 21, self.users) if many else np.ones(self.users, int)
        own = rng.exponential(1, self.users) - 1 if many else rng.normal(size=self.users)
        shared = rng.normal(50, USER_SD, self.users)
        shifts = [rng.normal(0, self.seed_sd, (seeds, 1)) for seeds in self.seeds]
        if not self.trained:
            shifts[1] *= 0
        rest = [
            rng.normal(0, REST_SD, (seeds, self.users)) / np.sqrt(counts) for seeds in self.seeds
        ]
        values = [USER_SD * own + self.truth + shifts[0] + rest[0], shifts[1] + rest[1]]
        if self.scores.startswith("sparse"):
            differ = rng.random(self.users) < DIFFERS
            values[0] = differ * (USER_SD * own + (self.truth + shifts[0]) / DIFFERS + rest[0])
            values[1] = differ * (shifts[1] / DIFFERS + rest[1])
        truth = self.truth
        if 1 in self.seeds and self.trained:  # about checkpoints
            truth += float(shifts[0].mean() - shifts[1].mean())
        # a user's examples as one row: their sum, and their number
        first, second = (_rows(shared + each) * counts[:, None] for each in values)
        names = tuple(map(str, range(self.users)))
        panel = Panel(names, f"simulation {rng.integers(8)}", resamples=400, trials=1)
        return first, second, panel, truth

    def experiments(self, number: int) -> Iterator[tuple[Comparison, float]]:
        """The comparison of every experiment, with its true difference."""
        rng = np.random.default_rng(1)
        for _ in range(number):
            first, second, panel, truth = self.draw(rng)
            yield compare(MEAN, first, second, panel, (True, self.trained)), truth


@dataclass(frozen=True)
class Coverage:
    """Share of experiments with a valid interval, and of these, of intervals with the truth."""

    valid: float
    covered: float


def coverage(design: Design, number: int) -> Coverage:
    """Measure a cell."""
    held = [
        found.low <= truth <= (found.high or 0.0)
        for found, truth in design.experiments(number)
        if found.low is not None and found.reason is None
    ]
    return Coverage(len(held) / number, float(np.mean(held)) if held else float("nan"))


def equal_methods(
    seeds: tuple[int, ...], trained: bool, number: int, users: int = 100
) -> tuple[float, float]:
    """Shares of families of equal methods with a verdict about methods, and about checkpoints.

    seeds: training seeds of each method in the family; all pairs are compared.
    trained: whether the last method is trained.
    number: families.
    """
    rng = np.random.default_rng(2)
    shown = {"methods": 0, "checkpoints": 0}
    pairs = [(a, b) for b in range(len(seeds)) for a in range(b)]
    for _ in range(number):
        easy = rng.normal(50, USER_SD, users)
        flags = [True] * (len(seeds) - 1) + [trained]
        rows = [
            _rows(
                easy
                + rng.normal(0, SEED_SD * flag, (count, 1))
                + rng.normal(0, REST_SD, (count, users))
            )
            for count, flag in zip(seeds, flags, strict=True)
        ]
        panel = Panel(tuple(map(str, range(users))), "simulation", 400, 400, len(pairs))
        found = judge(
            compare(MEAN, rows[a], rows[b], panel, (flags[a], flags[b])) for a, b in pairs
        )
        for about in shown:
            shown[about] += any(
                each.verdict in ("higher", "lower") and each.about == about for each in found
            )
    return shown["methods"] / number, shown["checkpoints"] / number


def _rows(values: Array) -> Array:
    """Values [S,N] as rows (value, 1) [S,N,2]."""
    return np.stack([values, np.ones_like(values)], axis=-1)
