"""Preferences followed, on the built-in benchmark: the share of places that show the habit."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from statistics import fmean

from harness.metrics.base import MeanMetric, Pair, Part
from harness.metrics.scoring import mean_score
from harness.metrics.slices import up_to
from harness.mini.benchmark import calls, rewrite
from harness.mini.call import Call
from harness.mini.parser import followed
from harness.record import Breakdown, Ends, Group, ends_of
from harness.statistics import PERCENT_MEAN, Panel
from harness.types import Score

Kept = Sequence[tuple[Call, bool]]
"""The calls of one example, and whether its text follows each."""
NO_CALL = "no call of this sort in any reference"


class Following(MeanMetric):
    """Mean over examples of the share of their calls that were followed, 0–100.

    setting, split, seed: which texts of the built-in benchmark.

    A call is a place in the reference where one of the author's preferences applies. Kinds of
    preferences that training never shows appear only in the breakdown. A continuation is scored on
    the calls that the reference decides inside the window: followed at its end, not yet at its
    start.
    """

    name = "following"
    title = "preferences followed"
    unit = "% of calls"

    def __init__(self, setting: str = "user", split: str = "test", seed: int = 0) -> None:
        self._place = (setting, split)
        self._seed = seed

    @property
    def signature(self) -> str:
        return "following|calls:0-100|mean:examples"

    def score(self, pair: Pair) -> float | None:
        return _share([(call, kept) for call, kept in self.calls(pair) if not call.held_out])

    def calls(self, pair: Pair) -> Kept:
        """The calls that a pair is scored on. Raises DataError for an example of other data."""
        places = calls(pair.example.task, *self._place, seed=self._seed)[pair.example.id]
        if pair.part is None:
            return list(zip(places, followed(places, pair.prediction), strict=True))
        return _inside(places, pair.part)

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
        shares = (
            self.score(Pair(text, pair.reference, pair.example))
            for text, pair in zip(texts, pairs, strict=True)
        )
        known = [share for share in shares if share is not None]
        return fmean(known) if known else None


def _inside(places: Sequence[Call], part: Part) -> Kept:
    """The calls inside a part; in a continuation only those that the reference decides there."""
    kept = followed(places, part.prediction)
    counted = [part.start <= call.position < part.end for call in places]
    if part.given:
        before, after = (
            followed(places, up_to(part.reference, end)) for end in (part.start, part.end)
        )
        counted = [
            inside and now and not then
            for inside, now, then in zip(counted, after, before, strict=True)
        ]
    return [
        (call, shown) for call, shown, counts in zip(places, kept, counted, strict=True) if counts
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
