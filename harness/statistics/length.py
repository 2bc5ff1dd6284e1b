"""A difference of two systems at equal lengths of their texts.

Longer texts often score higher by their length alone. The regression over examples

    difference of values = α + β · ln(length of the first text / length of the second)

gives α, the difference that remains where both are equally long. The sums that it needs add up over
examples, so users are treated as in every estimate: β is fitted again without each user, and in
each draw.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.statistics.comparison import About, Interval, checked
from harness.statistics.effects import Side, effect
from harness.statistics.panel import Array, Panel, ratio
from harness.statistics.users import tied

ONE_LENGTH = "the texts' lengths differ by the same factor everywhere: no text has an equal"


def at_equal_length(
    first: Array, second: Array, panel: Panel, trained: tuple[bool, bool] = (True, True)
) -> Interval:
    """First − second at equal lengths, with its interval.

    first, second: [S,N,2], value and length of each text, for S training seeds and N examples; NaN
        where there is none. An empty text counts as one of length 1.
    panel: the users of the examples.
    trained: whether each side is of a trained method.
    """
    # 1. values and log lengths, of the examples that have both on both sides
    both = np.isfinite(first).all(axis=(0, 2)) & np.isfinite(second).all(axis=(0, 2))
    kept = panel.only(np.flatnonzero(both).tolist())
    users = len(set(kept.users))
    if users < 2:
        return Interval(None, None, None, users, reason="fewer than two users have both values")
    values = [side[:, both, 0] for side in (first, second)]
    logs = [np.log(np.maximum(side[:, both, 1], 1.0)) for side in (first, second)]
    # 2. the regression of the means over seeds
    gap, longer = (each[0].mean(axis=0) - each[1].mean(axis=0) for each in (values, logs))
    if np.ptp(longer) < 1e-9 and abs(longer[0]) >= 1e-9:
        return Interval(None, None, None, users, reason=ONE_LENGTH)
    rows = np.stack([np.ones_like(gap), longer, gap, longer**2, longer * gap], axis=1)
    sums = kept.by_user(rows)
    found = effect(_intercept, [Side(sums, trained=False)], kept.draws(users))
    # 3. the error from training seeds: of the values without what length explains
    slope = float(_slope(sums.sum(axis=(0, 1))))
    sides = [
        Side(kept.by_user(np.stack([value - slope * log, np.ones_like(log)], axis=-1)), of)
        for value, log, of in zip(values, logs, trained, strict=True)
    ]
    found = replace(found, of_seeds=effect(ratio, sides, kept.draws(users)).of_seeds)
    about: About = "methods" if all(side.about_method for side in sides) else "checkpoints"
    return checked(found, users, tied([side.sums for side in sides], ratio), about)


def _slope(sums: Array) -> Array:
    """β by least squares, from summed rows (1, x, y, x², x·y); 0 where x does not vary."""
    number, x, y, squares, products = np.moveaxis(sums, -1, 0)
    spread = number * squares - x**2
    varies = spread > 1e-12 * np.maximum(number * squares, 1e-12)
    return np.where(varies, (number * products - x * y) / np.where(varies, spread, 1.0), 0.0)


def _intercept(sums: Array) -> Array:
    """α by least squares, from the same sums."""
    number, x, y = (sums[..., column] for column in range(3))
    return np.asarray((y - _slope(sums) * x) / np.where(number > 0, number, 1.0))
