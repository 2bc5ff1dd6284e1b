"""Preference following on the built-in benchmark, between its floor and its ceiling."""

from __future__ import annotations

import random
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from harness.metrics.following import Rate, following
from harness.settings import DataSettings, EvalSettings
from harness.types import SplitData


def mini_following(
    test: SplitData,
    data: DataSettings,
    samples: Sequence[Sequence[str]],
    settings: EvalSettings,
) -> tuple[dict[str, Any], list[float | None]]:
    """What the record says of preference following, and the value of each example of `test`.

    samples: one list of texts a sample, in the order of `test`. The floor is the same input
    written by another author of the split, drawn from the data's fingerprint; the ceiling the
    references themselves. Kinds held out of training are kept apart.
    """
    from harness.mini import calls, followed, rewrite

    place = (test.task, data.setting, test.split)
    all_calls = calls(*place, seed=data.mini_seed)
    ids = [example.id for example in test.examples]
    users = [example.user_id for example in test.examples]
    wanted = [all_calls[key] for key in ids]
    authors = sorted(set(users))
    draw = random.Random(f"floor {test.fingerprint}")
    others = [draw.choice([a for a in authors if a != user] or authors) for user in users]
    texts = {
        "floor": [
            rewrite(*place, key, other, seed=data.mini_seed)
            for key, other in zip(ids, others, strict=True)
        ],
        "ceiling": [test.references[key].text for key in ids],
    }

    def measured(rows: Sequence[str]) -> Any:
        kept = [followed(places, text) for places, text in zip(wanted, rows, strict=True)]
        return following(wanted, kept, users, settings.slices, test.fingerprint, settings.resamples)

    found = [measured(rows) for rows in samples]
    ends = {name: measured(rows).overall.score.value for name, rows in texts.items()}
    overall = _mean_rate([one.overall for one in found])
    names = {
        "kinds": [one.by_kind for one in found],
        "families": [one.by_family for one in found],
    }
    summary = {
        **overall,
        **ends,
        "held_out": _mean_rate([one.held_out for one in found]),
        "slices": [
            {"slice": name, "from": start, **_mean_rate([one.by_slice[name] for one in found])}
            for name, start in zip(found[0].by_slice, settings.slices, strict=True)
        ],
        **{
            key: {name: _mean_rate([one[name] for one in rows]) for name in rows[0]}
            for key, rows in names.items()
        },
    }
    each = [
        fmean(values) if None not in values else None
        for values in zip(*(one.overall.score.each for one in found), strict=True)
    ]
    return summary, each


def _mean_rate(rates: Sequence[Rate]) -> dict[str, Any]:
    """One rate, averaged over samples; an interval only where there is one sample."""
    values = [rate.score.value for rate in rates if rate.score.value is not None]
    only = rates[0].score if len(rates) == 1 else None
    return {
        "value": fmean(values) if values else None,
        "low": only.low if only else None,
        "high": only.high if only else None,
        "chance": rates[0].chance,
        "calls": rates[0].calls,
    }
