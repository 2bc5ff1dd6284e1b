"""Where a number that was constant along the text begins to fall, or whether it does.

A text's gain at token p is a_text + d · s(p), where s is 0 up to the onset, rises to 1 over a
width, and stays there. Users are what is sampled: their scores for every onset and width are
summed, signed at random for the test, and drawn with replacement for the interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from harness.errors import counted
from harness.statistics.comparison import Interval, interval
from harness.statistics.effects import METHOD_SEEDS, Side, effect
from harness.statistics.families import ALPHA, holm
from harness.statistics.panel import RATIO, VERDICT_USERS, Array, Panel, Statistic, ratio
from harness.statistics.positions import CELL, Cells

Answer = Literal["fades", "does not fade", "cannot tell"]
WIDTHS = (0, 25, 50, 100, 200)
"""Tokens over which the number falls: at once, or along a line."""
EDGE = 2
"""Cells at both ends in which no onset is sought."""
LOST = 0.5
"""A user fades where this share of the gain is lost: it does not fade where that is excluded."""
SPLIT = 5
"""Cells between the places at which a loss of that share is to be excluded."""


@dataclass(frozen=True)
class Fading:
    """What the test says of one system.

    answer: "does not fade" where the loss of `LOST` of the gain is excluded at every position, else
    "fades" where a fall is shown. reason: why the answer is "cannot tell".
    onset, low, high: the token at which the gain begins to fall, and its 95 % interval.
    width: tokens over which it falls. fallen: the token from which it counts as fallen.
    p_value, p_holm: of no fall, one-sided; the latter corrected over the systems of a page.
    total: the gain over all positions; before, after: up to the onset, and once it has fallen.
    excluded: whether a loss of `LOST` is excluded at every position.
    """

    answer: Answer
    onset: int
    low: int
    high: int
    width: int
    fallen: int
    p_value: float
    p_holm: float
    total: Interval
    before: Interval
    after: Interval
    excluded: bool
    users: int
    reason: str = ""

    @property
    def falls(self) -> bool:
        """Whether a fall is shown, however small."""
        return self.p_holm < ALPHA


@dataclass(frozen=True)
class _Shapes:
    """Candidates: their curves [K,C], onsets [K] in cells and widths [K] in tokens."""

    curves: Array
    onsets: Array
    widths: Array


def judge_fading(systems: Mapping[str, tuple[Cells, Panel, bool]]) -> dict[str, Fading]:
    """The answer for each system, with Holm's correction over all of them.

    systems: name → its cells, the panel of its texts, and whether it is trained.
    """
    found = {name: fading(*each) for name, each in systems.items()}
    adjusted = holm([each.p_value for each in found.values()])
    return {
        name: _answered(replace(each, p_holm=p_holm))
        for (name, each), p_holm in zip(found.items(), adjusted, strict=True)
    }


def fading(cells: Cells, panel: Panel, trained: bool) -> Fading:
    """Test, onset and levels of one system; `p_holm` and the answer are for it alone.

    cells: gains by position. panel: the users of the texts. trained: whether seeds count.
    """
    shapes = _shapes(cells.tokens.shape[1])
    # 1. Each user's part of every candidate's slope d = Σ score / Σ weight
    scores, weights = _user_scores(cells, shapes)  # [S,U,K], [U,K]
    users = len(weights)
    mean = scores.mean(axis=0)
    best = _best(mean.sum(axis=0)[None], weights.sum(axis=0)[None])[0]
    # 2. The test: the largest studentized fall, against the same with random signs of users
    p_value = _sign_test(mean, panel)
    if trained and len(scores) >= METHOD_SEEDS:
        both = np.stack(
            [scores[..., best], np.broadcast_to(weights[:, best], scores.shape[:2])], -1
        )
        slope = effect(ratio, [Side(both)], panel.draws(users))
        one_sided = slope.p_value() / 2
        p_value = max(p_value, one_sided if slope.value < 0 else 1 - one_sided)
    # 3. The interval of the onset: users, and seeds where they count, drawn again
    onsets = _drawn_onsets(scores, weights, shapes, panel, trained)
    low, high = (int(CELL * np.quantile(onsets, level)) for level in (0.025, 0.975))
    onset, width = int(CELL * shapes.onsets[best]), int(shapes.widths[best])
    # 4. Levels before and after
    end = min((onset + width) // CELL, cells.tokens.shape[1] - 2 * EDGE)
    pieces = {"total": slice(None), "before": slice(onset // CELL), "after": slice(end, None)}
    levels = {name: _level(cells, piece, panel, trained) for name, piece in pieces.items()}
    found = Fading(
        "cannot tell", onset, min(low, onset), max(high, onset), width, end * CELL,
        p_value, p_value,
        levels["total"], levels["before"], levels["after"],
        excluded=_loss_excluded(cells, panel, trained), users=users,
    )  # fmt: skip
    return _answered(found)


def _answered(found: Fading) -> Fading:
    """The answer that p, levels and users allow."""
    if found.users < VERDICT_USERS:
        why = f"{counted(found.users, 'user')}: an answer needs {VERDICT_USERS}"
        return replace(found, answer="cannot tell", reason=why)
    if found.excluded and (found.total.low or 0.0) > 0:
        return replace(found, answer="does not fade", reason="")
    if found.falls and (found.before.low or 0.0) > 0:
        return replace(found, answer="fades", reason="")
    if (found.total.low or 0.0) <= 0:
        why = "the user's own profile shows no gain that could fade"
        return replace(found, answer="cannot tell", reason=why)
    why = f"neither a fall nor the loss of {LOST:.0%} of the gain can be shown or excluded"
    return replace(found, answer="cannot tell", reason=why.replace("%", " %"))


def _shapes(cells: int) -> _Shapes:
    onsets = np.arange(EDGE, cells - EDGE)
    middles = np.arange(cells) + 0.5
    curves, starts, widths = [], [], []
    for width in WIDTHS:
        for onset in onsets:
            if onset * CELL + width / 2 > (cells - EDGE) * CELL:
                continue  # less than half of the fall would be seen
            past = (middles - onset) * CELL
            curves.append(np.clip(past / width, 0, 1) if width else (past > 0).astype(np.float64))
            starts.append(onset)
            widths.append(width)
    return _Shapes(np.array(curves), np.array(starts), np.array(widths))


def _user_scores(cells: Cells, shapes: _Shapes) -> tuple[Array, Array]:
    """Numerator [S,U,K] and denominator [U,K] of the slope on each candidate, within texts.

    A text's own mean is taken out, so that texts that end early change nothing. Users without a
    token are left out.
    """
    tokens = cells.tokens
    lengths = np.maximum(tokens.sum(axis=1, keepdims=True), 1.0)  # a text without tokens adds 0
    means = cells.sums.sum(axis=-1, keepdims=True) / lengths
    scores = (cells.sums - tokens * means) @ shapes.curves.T  # [S,N,K]
    weights = tokens @ (shapes.curves**2).T - (tokens @ shapes.curves.T) ** 2 / lengths
    return cells.member @ scores, cells.member @ weights


def _best(scores: Array, weights: Array) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """The candidate with the least squares among those that fall, for each row [R,K]."""
    falls = np.where(scores < 0, scores**2 / np.maximum(weights, 1e-12), -1.0)
    return np.asarray(falls.argmax(axis=1))


def _sign_test(scores: Array, panel: Panel) -> float:
    """One-sided p of the largest studentized fall over all candidates; scores [U,K]."""
    spread = np.sqrt((scores**2).sum(axis=0))
    scaled = scores / np.where(spread > 0, spread, np.inf)
    largest = float((-scaled.sum(axis=0)).max())
    signs = panel.rng().choice([-1.0, 1.0], size=(panel.resamples, len(scores)))
    reached = (signs @ scaled).max(axis=1) >= largest - 1e-12
    return float((1 + reached.sum()) / (1 + panel.resamples))


def _drawn_onsets(
    scores: Array, weights: Array, shapes: _Shapes, panel: Panel, trained: bool
) -> Array:
    """The onset, in cells, in each bootstrap draw of users and seeds."""
    seeds, users = scores.shape[:2]
    draws = panel.draws(users).astype(np.float64)  # [R,U]
    if trained and seeds >= METHOD_SEEDS:
        times = panel.rng().multinomial(seeds, [1 / seeds] * seeds, size=len(draws)) / seeds
        drawn = sum(times[:, [at]] * (draws @ scores[at]) for at in range(seeds))
    else:
        drawn = draws @ scores.mean(axis=0)
    return np.asarray(shapes.onsets[_best(np.asarray(drawn), draws @ weights)])


def _level(cells: Cells, piece: slice, panel: Panel, trained: bool) -> Interval:
    """The mean gain per token over a range of cells."""
    sums, tokens = cells.sums[..., piece].sum(axis=-1), cells.tokens[:, piece].sum(axis=-1)
    rows = np.stack([sums, np.broadcast_to(tokens, sums.shape)], axis=-1)
    return interval(RATIO, rows, panel, trained)


def _loss_excluded(cells: Cells, panel: Panel, trained: bool) -> bool:
    """Whether less than `LOST` of the gain is lost wherever the text is split.

    At each split the mean after it − (1 − LOST) × the mean before it is above 0 at a one-sided 5 %.
    All of them must be, so that no correction is needed (an intersection-union test, Berger 1982).
    The last split leaves `SPLIT` cells; with fewer than that on each side nothing is excluded.
    """
    last = cells.tokens.shape[1] - SPLIT
    if last < SPLIT:
        return False
    kept = Statistic(lambda sums: ratio(sums[..., 2:]) - (1 - LOST) * ratio(sums[..., :2]))
    splits = (*range(SPLIT, last, SPLIT), last)
    return all(_lower_end(cells, split, kept, panel, trained) > 0 for split in splits)


def _lower_end(cells: Cells, split: int, kept: Statistic, panel: Panel, trained: bool) -> float:
    """The one-sided 95 % end of a statistic of the sums before and after a split.

    Only texts with a token after it count.
    """
    both = (cells.tokens[:, split:].sum(axis=1) > 0)[:, None]
    columns = [
        part
        for piece in (slice(split), slice(split, None))
        for part in (
            cells.sums[..., piece].sum(axis=-1),
            np.broadcast_to(cells.tokens[:, piece].sum(axis=-1), cells.sums.shape[:2]),
        )
    ]
    sums = panel.by_user(np.stack(columns, axis=-1) * both)
    if sums.shape[1] < 2:
        return -np.inf
    return effect(kept.value, [Side(sums, trained)], panel.draws(sums.shape[1])).ends(0.90)[0]
