"""How often one of two texts is preferred: win rate, and win rate at equal lengths.

AlpacaEval 2 (Dubois et al. 2024, arXiv:2404.04475) fits the judge's preferences by a logistic
regression on the difference of the texts' lengths,

    logit P(the first wins) = α + φ · tanh((length of the first − length of the second) / spread)

and reports the win rate where the lengths are equal, 1 / (1 + exp(−α)). Its term for how hard an
instruction is needs many models on the same instructions and is left out. A tie is half a win.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.statistics.comparison import Comparison, Interval, compare, interval
from harness.statistics.panel import PERCENT, PERCENT_MEAN, Array, Panel, Statistic, mean_rows

RIDGE = 0.01
"""Weight of α² + φ² in the regression, which keeps it finite where one side always wins."""
MOST_STEPS, LARGEST_STEP, ENOUGH = 100, 2.0, 1e-10


@dataclass(frozen=True)
class Preference:
    """How often the first text is preferred, in %.

    win_rate: the mean over examples.
    at_equal_length: what the regression gives for texts of equal length.
    test: of the first's win rate minus the second's.
    """

    win_rate: Interval
    at_equal_length: Interval
    test: Comparison


def preference(wins: Sequence[float | None], longer: Sequence[float], panel: Panel) -> Preference:
    """Preferences over the examples of two runs, with intervals and a test over users.

    One run a side: they describe checkpoints.

    wins: 1 where the first text is preferred, 0 where the second is, 0.5 for a tie, None where it
        is not known.
    longer: length of the first text minus that of the second.
    panel: the users of the examples.
    """
    first = mean_rows([None if win is None else 100 * win for win in wins])
    second = mean_rows([None if win is None else 100 * (1 - win) for win in wins])
    known = [index for index, win in enumerate(wins) if win is not None]
    return Preference(
        interval(PERCENT_MEAN, first, panel),
        _at_equal_length(
            np.array([wins[index] for index in known], np.float64),
            np.array([longer[index] for index in known], np.float64),
            panel.only(known),
        ),
        compare(PERCENT_MEAN, first, second, panel),
    )


def _at_equal_length(wins: Array, longer: Array, panel: Panel) -> Interval:
    """The win rate at equal lengths. A row per example is a unit vector, so sums are weights."""
    if not len(wins):
        return Interval(None, None, None, 0, reason="no example has a verdict")
    spread = float(longer.std())
    if not spread:
        why = "the texts' lengths differ by the same number everywhere"
        return Interval(None, None, None, len(set(panel.users)), reason=why)
    squashed = np.tanh(longer / spread)
    statistic = Statistic(Regression(wins, squashed), scale=PERCENT)
    return interval(statistic, np.eye(len(wins)), panel)


@dataclass(frozen=True)
class Regression:
    """The win rate at equal lengths from weights of the examples.

    wins, longer: [N]; the latter between −1 and 1.
    """

    wins: Array
    longer: Array

    def __call__(self, weights: Array) -> Array:
        """The win rate in %; weights [..., N] → [...]."""
        return 100 * _chance(_fitted(weights, self.wins, self.longer)[0])

    def slopes(self, weights: Array) -> Array:
        """Its derivative by each weight [..., N], from the implicit function theorem.

        At the fit the penalised likelihood's gradient is 0, so weight n moves (α, φ) by the inverse
        of its curvature times what example n adds to it.
        """
        alpha, phi = _fitted(weights, self.wins, self.longer)
        chance = _chance(alpha[..., None] + phi[..., None] * self.longer)
        straight, mixed, square = _curvature(weights * chance * (1 - chance), self.longer)
        whole = straight * square - mixed**2
        moved = (square[..., None] - mixed[..., None] * self.longer) / whole[..., None]
        level = _chance(alpha)
        return np.asarray(100 * (level * (1 - level))[..., None] * moved * (self.wins - chance))


def _chance(logits: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-logits)))


def _curvature(curve: Array, longer: Array) -> tuple[Array, Array, Array]:
    """Second derivatives of the penalised −log-likelihood by α α, α φ and φ φ."""
    return curve.sum(axis=-1) + RIDGE, curve @ longer, curve @ longer**2 + RIDGE


def _fitted(weights: Array, wins: Array, longer: Array) -> tuple[Array, Array]:
    """α and φ of the regression by Newton's method, for many weights of the examples at once.

    weights: [..., N]. wins, longer: [N]. Returns two [...].
    """
    alpha, phi = np.zeros(weights.shape[:-1]), np.zeros(weights.shape[:-1])
    for _ in range(MOST_STEPS):
        # 1. gradient and curvature of the penalised log-likelihood
        chance = _chance(alpha[..., None] + phi[..., None] * longer)
        rest = weights * (wins - chance)
        slopes = rest.sum(axis=-1) - RIDGE * alpha, rest @ longer - RIDGE * phi
        bends = _curvature(weights * chance * (1 - chance), longer)
        # 2. the step, which is bounded so that it cannot overshoot
        whole = bends[0] * bends[2] - bends[1] ** 2
        steps = (
            (bends[2] * slopes[0] - bends[1] * slopes[1]) / whole,
            (bends[0] * slopes[1] - bends[1] * slopes[0]) / whole,
        )
        alpha = alpha + np.clip(steps[0], -LARGEST_STEP, LARGEST_STEP)
        phi = phi + np.clip(steps[1], -LARGEST_STEP, LARGEST_STEP)
        if max(np.abs(step).max(initial=0.0) for step in steps) < ENOUGH:
            break
    return alpha, phi
