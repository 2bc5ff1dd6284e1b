"""What of each example a view's number is made of: one slice, a slope, an author, a lift."""

from __future__ import annotations

from collections.abc import Sequence

from harness.metrics.drift import SLOPE
from harness.metrics.forced import window_middles, windows_within
from harness.reports.compared.measures import Measure, Values, drift_row
from harness.statistics import MEAN, PERCENT_MEAN, RATIO


def nll_at(at: int) -> Measure:
    """NLL of the references in slice `at`: nats over slice tokens."""

    def row(values: Values) -> Sequence[float] | None:
        tokens = values.get("slice_tokens")
        return (values["nll_slices"][at], tokens[at]) if tokens and tokens[at] else None

    return Measure(f"nll {at}", "NLL", "nats per slice token", RATIO, row)


def relative_at(at: int) -> Measure:
    """The same, minus the untrained backbone's nats."""

    def row(values: Values) -> Sequence[float] | None:
        base, tokens = values.get("untrained_nll_slices"), values.get("slice_tokens")
        if base is None or not tokens or not tokens[at]:
            return None
        return values["nll_slices"][at] - base[at], tokens[at]

    return Measure(f"relative {at}", "NLL", "nats per slice token", RATIO, row)


def relative_drift() -> Measure:
    """Slope of NLL minus the untrained backbone's."""

    def row(values: Values) -> Sequence[float] | None:
        base = values.get("untrained_nll_slices")
        if base is None:
            return None
        own = [nll - of_base for nll, of_base in zip(values["nll_slices"], base, strict=True)]
        return drift_row({**values, "nll_slices": own})

    return Measure("relative drift", "drift", "nats per 100 tokens", SLOPE, row)


def forced_at(name: str, at: int) -> Measure:
    """A metric of the windows that begin at slice `at`; a mean, so BLEU's values do not serve."""

    def row(values: Values) -> Sequence[float] | None:
        each = (values.get("forced") or {}).get(name)
        return None if each is None or each[at] is None else (each[at], 1.0)

    return Measure(f"forced {name} {at}", name, "0–100", PERCENT_MEAN, row)


def forced_drift(name: str, starts: Sequence[int]) -> Measure:
    """Slope of a metric over the middles of its windows; texts with a window in every slice."""

    def row(values: Values) -> Sequence[float] | None:
        each, tokens = (values.get("forced") or {}).get(name), values.get("slice_tokens")
        if not each or None in each or not tokens or len(tokens) < 2 or not all(tokens):
            return None
        middles = window_middles(windows_within(sum(tokens), starts), starts)
        return [*each, *[1.0] * len(each), *map(float, middles)]

    return Measure(f"forced {name} drift", name, "points per 100 tokens", SLOPE, row)


def author_measure(features: str, name: str) -> Measure:
    """top1 or mrr of author identification by these features."""

    def row(values: Values) -> Sequence[float] | None:
        found = (values.get("authors") or {}).get(features)
        return None if found is None else (found[name], 1.0)

    return Measure(f"authors {features} {name}", name, "%", PERCENT_MEAN, row)


def lift_measure(
    view: str, kind: str, name: str, title: str, unit: str = "points", digits: int = 2
) -> Measure:
    """Gain of the own profile over that of others ("random", "topic") or none ("empty").

    view, name: "likelihood" and a slice or "all", or "texts" and a metric.
    """

    def row(values: Values) -> Sequence[float] | None:
        gain = ((values.get("lift") or {}).get(view) or {}).get(kind, {}).get(name)
        return None if gain is None else (gain, 1.0)

    named = f"lift {view} {kind} {name}"
    return Measure(named, title, unit, MEAN, row, digits=digits)
