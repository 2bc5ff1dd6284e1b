"""Preferences followed, on the built-in benchmark: the share of places that show the habit."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from statistics import fmean

import numpy as np

from harness.metrics.base import MeanMetric, Metric, Pair, Part, Unavailable
from harness.metrics.scoring import mean_of_known, mean_score
from harness.metrics.slices import up_to
from harness.mini.answer import answers
from harness.mini.benchmark import calls, rewrite
from harness.mini.call import Call
from harness.mini.habits import KINDS
from harness.record import Breakdown, Ends, Group, ends_of
from harness.statistics import PERCENT_MEAN, Array, Panel
from harness.types import Score

Kept = Sequence[tuple[Call, bool]]
"""The calls of one example, and whether its text follows each."""
NO_CALL = "no call of this sort in any reference"
SIGNATURE = "following|calls:0-100|grammar:3-new-sentences|mean:examples"
EVERYWHERE = tuple(name for name in KINDS if name not in ("opening", "closing", "tag"))
"""Kinds that are trained and may show in any slice; slices are about these."""


class Following(MeanMetric):
    """Mean over examples of the share of their calls that were followed, 0–100.

    setting, split, seed: which texts of the built-in benchmark.

    A call is a place in the reference where one of the author's preferences applies;
    `harness.mini.answer` says what follows it. Kinds of preferences that training never shows
    appear only in the breakdown. A continuation is scored on the calls that the reference decides
    inside the window: followed at its end, not yet at its start; opening and closing, which belong
    to one slice, are left out.
    """

    name = "following"
    title = "preferences followed"
    unit = "% of calls"

    def __init__(self, setting: str = "user", split: str = "test", seed: int = 0) -> None:
        self._place = (setting, split)
        self._seed = seed

    @property
    def signature(self) -> str:
        return SIGNATURE

    def score(self, pair: Pair) -> float | None:
        return _share([(call, kept) for call, kept in self.calls(pair) if not call.held_out])

    def of_slices(self) -> Metric:
        return FollowingInSlices(self)

    def calls(self, pair: Pair) -> Kept:
        """The calls that a pair is scored on. Raises DataError for an example of other data."""
        places = calls(pair.example.task, *self._place, seed=self._seed)[pair.example.id]
        if pair.part is None:
            found = answers(places, pair.prediction)
            return [(call, answer.followed) for call, answer in zip(places, found, strict=True)]
        return [
            (call, kept)
            for call, kept in _inside(places, pair.part)
            if call.kind not in ("opening", "closing")
        ]

    def breakdown(self, samples: Sequence[Sequence[Pair]], panel: Panel) -> Breakdown:
        """Rates by kind and family, with floor and ceiling.

        The floor is the same input written by another author of the split, chosen at random; None
        where there is no other. The ceiling is the rate of the references.
        """
        kept = [[self.calls(pair) for pair in pairs] for pairs in samples]
        trained = {call for row in kept[0] for call, _ in row if not call.held_out}

        def groups(of: Callable[[Call], str]) -> dict[str, Group]:
            def of_group(name: str) -> Group:
                return _group(kept, lambda call: not call.held_out and of(call) == name, panel)

            return {name: of_group(name) for name in sorted({of(call) for call in trained})}

        return Breakdown(
            **vars(_group(kept, lambda call: not call.held_out, panel)),
            floor=self._floor(samples[0], panel),
            ceiling=self._mean([pair.reference for pair in samples[0]], samples[0]),
            groups={
                "held_out": {"all": _group(kept, lambda call: call.held_out, panel)},
                "kind": groups(lambda call: call.kind),
                "family": groups(lambda call: call.family),
            },
        )

    def _floor(self, pairs: Sequence[Pair], panel: Panel) -> float | None:
        authors = sorted(set(panel.users))
        if len(authors) < 2:
            return None
        draw = random.Random(f"floor {panel.fingerprint}")
        others = [draw.choice([each for each in authors if each != user]) for user in panel.users]
        texts = [
            rewrite(pair.example.task, *self._place, pair.example.id, other, seed=self._seed)
            for pair, other in zip(pairs, others, strict=True)
        ]
        return self._mean(texts, pairs)

    def _mean(self, texts: Sequence[str], pairs: Sequence[Pair]) -> float | None:
        return mean_of_known(
            self.score(Pair(text, pair.reference, pair.example))
            for text, pair in zip(texts, pairs, strict=True)
        )


class FollowingInSlices(Metric):
    """Preferences followed in one slice of the texts: the mean over kinds of their share of calls.

    Every kind weighs the same in every slice, so that slices differ in position alone and not in
    which kinds occur there. A call belongs to the slice in which the text answers it; one that it
    does not answer, to that of the reference. Rows: calls followed of each kind, then all calls.
    """

    name, title, unit = Following.name, Following.title, Following.unit
    signature = f"{SIGNATURE}|slices:kinds-equal"

    def __init__(self, whole: Following) -> None:
        self._whole = whole

    def rows(self, pairs: Sequence[Pair]) -> Array:
        rows = np.array([self._row(self._whole.calls(pair)) for pair in pairs], dtype=np.float64)
        if not rows.any():
            raise Unavailable("no text answers a call here; the texts may be too short")
        return rows

    def value(self, sums: Array) -> Array:
        kept, asked = np.split(sums, 2, axis=-1)
        shares = 100 * kept / np.where(asked > 0, asked, 1.0)
        present = (asked > 0).sum(axis=-1)
        return np.asarray(shares.sum(axis=-1) / np.where(present > 0, present, 1), dtype=np.float64)

    def absent(self, rows: Array) -> Array:
        half = rows.shape[-1] // 2
        return np.concatenate([np.zeros_like(rows[..., :half]), rows[..., half:]], axis=-1)

    @staticmethod
    def _row(kept: Kept) -> list[int]:
        each = {name: [kept for call, kept in kept if call.kind == name] for name in EVERYWHERE}
        return [*map(sum, each.values()), *map(len, each.values())]


def _inside(places: tuple[Call, ...], part: Part) -> Kept:
    """The calls inside a part; in a continuation those that the reference decides there."""
    found = answers(places, part.prediction)
    if not part.given:
        return [
            (call, answer.followed)
            for call, answer in zip(places, found, strict=True)
            if part.start
            <= (call.position if answer.position is None else answer.position)
            < part.end
        ]
    before, after = (answers(places, up_to(part.reference, end)) for end in (part.start, part.end))
    return [
        (call, answer.followed)
        for call, answer, early, late in zip(places, found, before, after, strict=True)
        if part.start <= call.position < part.end and late.followed and not early.followed
    ]


def _share(kept: Kept) -> float | None:
    return 100 * fmean(followed for _, followed in kept) if kept else None


def _group(
    samples: Sequence[Sequence[Kept]], included: Callable[[Call], bool], panel: Panel
) -> Group:
    """Rate over the included calls, averaged over samples; an interval only with one sample."""
    chosen = [[[each for each in row if included(each[0])] for row in rows] for rows in samples]
    scores = [
        mean_score([_share(row) for row in rows], PERCENT_MEAN, panel, "", NO_CALL)
        for rows in chosen
    ]
    chances = [100 * fmean(call.chance for call, _ in row) for row in chosen[0] if row]
    return Group(
        **_averaged(scores),
        chance=fmean(chances) if chances else None,
        places=sum(map(len, chosen[0])),
    )


def _averaged(scores: Sequence[Score]) -> Ends:
    if len(scores) == 1:
        return ends_of(scores[0]) | {"missing": None}
    values = [score.value for score in scores if score.value is not None]
    return Ends(value=fmean(values) if values else None, low=None, high=None, missing=None)
