"""Preference following on the built-in benchmark, between its floor and its ceiling."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from statistics import fmean

from harness.metrics.following import Following as Rates
from harness.metrics.following import Rate as Measured
from harness.metrics.following import following
from harness.metrics.forced import up_to, window_drift, window_lengths
from harness.record import Ends, Following, ForcedFollowing, Rate, SliceRate
from harness.settings import DataSettings, EvalSettings
from harness.statistics import Panel
from harness.types import SplitData


def mini_following(
    test: SplitData,
    data: DataSettings,
    samples: Sequence[Sequence[str]],
    settings: EvalSettings,
) -> tuple[Following, list[float | None]]:
    """What the record says of preference following, and the value of each example of `test`.

    samples: one list of texts a sample, in the order of `test`. The floor is the same input
    written by another author of the split, drawn from the data's fingerprint, None where there is
    none; the ceiling the references themselves. Kinds held out of training are kept apart.
    """
    from harness.mini import calls, followed, rewrite

    place = (test.task, data.setting, test.split)
    all_calls = calls(*place, seed=data.mini_seed)
    ids = [example.id for example in test.examples]
    users = [example.user_id for example in test.examples]
    panel = Panel.of(test, settings.resamples)
    wanted = [all_calls[key] for key in ids]
    authors = sorted(set(users))
    draw = random.Random(f"floor {test.fingerprint}")
    texts = {"ceiling": [test.references[key].text for key in ids]}
    if len(authors) > 1:
        others = [draw.choice([a for a in authors if a != user]) for user in users]
        texts["floor"] = [
            rewrite(*place, key, other, seed=data.mini_seed)
            for key, other in zip(ids, others, strict=True)
        ]

    def measured(rows: Sequence[str]) -> Rates:
        kept = [followed(places, text) for places, text in zip(wanted, rows, strict=True)]
        return following(wanted, kept, settings.slices, panel)

    found = [measured(rows) for rows in samples]
    ends = {name: measured(rows).overall.score.value for name, rows in texts.items()}
    summary = Following(
        **_mean_rate([one.overall for one in found]),
        floor=ends.get("floor"),
        ceiling=ends["ceiling"],
        held_out=Rate(**_mean_rate([one.held_out for one in found])),
        slices=tuple(
            SliceRate(slice=name, start=start, **_mean_rate([one.by_slice[name] for one in found]))
            for name, start in zip(found[0].by_slice, settings.slices, strict=True)
        ),
        kinds=_mean_rates([one.by_kind for one in found]),
        families=_mean_rates([one.by_family for one in found]),
    )
    each = [
        fmean(values) if None not in values else None
        for values in zip(*(one.overall.score.each for one in found), strict=True)
    ]
    return summary, each


def forced_following(
    test: SplitData,
    data: DataSettings,
    texts: Sequence[Sequence[str]],
    settings: EvalSettings,
) -> tuple[ForcedFollowing, list[list[float | None]]]:
    """Preference following inside the windows of the forced view, and each example's by slice.

    texts: per example of `test` and slice, what was given and written up to the window's end. A
    call counts where the reference decides it inside the window: followed by its end, not yet
    where it begins. The ceiling is thereby 100.
    """
    from harness.mini import calls, followed

    all_calls = calls(test.task, data.setting, test.split, seed=data.mini_seed)
    starts, panel = settings.slices, Panel.of(test, settings.resamples)
    decided, kept = [], []
    for example, row in zip(test.examples, texts, strict=True):
        reference, places = test.references[example.id].text, all_calls[example.id]
        found = []
        for start, length, text in zip(starts, window_lengths(reference, starts), row, strict=True):
            known, shown, given = (
                followed(places, part)
                for part in (up_to(reference, start), up_to(reference, start + length), text)
            )
            found += [
                (call, given[at])
                for at, call in enumerate(places)
                if start <= call.position < start + length and shown[at] and not known[at]
            ]
        decided.append([call for call, _ in found])
        kept.append([held for _, held in found])
    rates = following(decided, kept, starts, panel)
    by_slice = [rate.score.each for rate in rates.by_slice.values()]
    each = [list(values) for values in zip(*by_slice, strict=True)]
    references = [test.references[example.id].text for example in test.examples]
    signature = rates.overall.score.signature
    drift = window_drift(each, references, starts, panel, signature)
    summary = ForcedFollowing(
        **_mean_rate([rates.overall]),
        slices=tuple(
            SliceRate(
                slice=name,
                start=start,
                examples=sum(one is not None for one in score),
                **_mean_rate([rates.by_slice[name]]),
            )
            for (name, start), score in zip(
                zip(rates.by_slice, starts, strict=True), by_slice, strict=True
            )
        ),
        drift=drift,
    )
    return summary, each


class RateFields(Ends):
    """The fields of a `Rate`."""

    chance: float | None
    calls: int


def _mean_rates(samples: Sequence[Mapping[str, Measured]]) -> dict[str, Rate]:
    """Name → its rate averaged over samples."""
    return {name: Rate(**_mean_rate([one[name] for one in samples])) for name in samples[0]}


def _mean_rate(rates: Sequence[Measured]) -> RateFields:
    """One rate, averaged over samples; an interval only where there is one sample."""
    values = [rate.score.value for rate in rates if rate.score.value is not None]
    only = rates[0].score if len(rates) == 1 else None
    return RateFields(
        value=fmean(values) if values else None,
        low=only.low if only else None,
        high=only.high if only else None,
        missing=None,
        chance=rates[0].chance,
        calls=rates[0].calls,
    )
