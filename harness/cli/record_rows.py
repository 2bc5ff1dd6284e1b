"""The rows of a record's views in the terminal's table, one function per view."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from harness.errors import counted
from harness.metrics import of_words, unit_of
from harness.metrics.coverage import unseen_words
from harness.record import (
    Curve,
    HasInterval,
    Inference,
    MetricScore,
    Record,
    SliceEstimate,
    Training,
)
from harness.reports.render.numbers import p_value
from harness.reports.render.table import Cell, Column, Value
from harness.types import Score

Row = tuple[str, Value, str]
"""Measure, value with its interval, a note on it."""
Rows = Iterator[Row]
PASSED_OVER = "for which users were passed over, whose profiles hold the target"
COLUMNS = (
    Column("measure"),
    Column("value [95 % interval over users]", kind="number"),
    Column("of", kind="note"),
)


def number(found: HasInterval, digits: int = 2) -> Cell:
    """A number with its interval."""
    return Cell.of(found, digits)


def remark(score: MetricScore | Score, scale: str) -> str:
    """The note on a metric: why it has no value, or `scale` and what it does not see."""
    if score.missing:
        return score.missing
    return f"{scale}, {unseen_words(score.unseen)}" if score.unseen else scale


def quality_rows(record: Record) -> Rows:
    """Length, repetition, variety and copying, of the texts and of the references."""
    found = record.quality.values()
    if found:
        names = ", ".join(name.replace("_", " ") for name in record.quality)
        of_references = plain((each.references for each in found), 1)
        note = f"{names} (%); references {of_references}"
        yield "  text quality", plain((each.value for each in found), 1), note


def breakdown_rows(record: Record) -> Rows:
    """Metrics that count places, e.g. preferences followed, with floor and ceiling."""
    for name, found in record.breakdowns.items():
        ends = plain((found.chance, found.floor, found.ceiling), 1)
        yield f"  {name} by", ends, "chance, another author's text, the reference"
        if slices := record.slices.get(name):
            yield by_position(slices, 1)
        held = found.groups.get("held_out", {}).get("all")
        if held is not None and held.value is not None:
            yield "  kind never trained", held.value, f"chance {plain([held.chance], 1)}"


def plain(values: Iterable[float | None], digits: int) -> str:
    """Numbers in one cell."""
    return " · ".join("–" if value is None else f"{value:.{digits}f}" for value in values)


def by_position(slices: Sequence[SliceEstimate], digits: int) -> Row:
    """One value per slice of the reference."""
    starts = ", ".join(str(each.start) for each in slices)
    return "  by position", plain((each.value for each in slices), digits), f"slices from {starts}"


def likelihood_rows(record: Record) -> Rows:
    """NLL of the references, overall, by slice and relative to the base model."""
    found = record.likelihood
    if found is None or found.value is None:
        return
    yield "NLL of references", number(found), "nats per slice token, lower is better"
    yield from position_rows(found, 3, "nats")
    if relative := found.relative:
        note = "below 0: more likely than to the base model"
        yield "  − base model", number(relative, 3), note
        yield from position_rows(relative, 3, "nats")


def position_rows(view: Curve, digits: int, unit: str) -> Rows:
    """A view by slice, and its drift if a text reaches every slice."""
    yield by_position(view.slices, digits)
    drift = view.drift
    if drift.value is not None:
        of = f"{unit} per 100 tokens, {counted(drift.examples, 'example')} reaching every slice"
        yield "  drift", number(drift, digits), of


def continuation_rows(record: Record) -> Rows:
    """Continuations of the reference: the data source's own metric, and the first of words."""
    found = record.forced
    if found is None:
        return
    others = [name for name in found.metrics if not of_words(name)]
    first_of_words = [name for name in found.metrics if of_words(name)][:1]
    for name in (*others, *first_of_words):
        view = found.metrics[name]
        of = f"the next {found.window} tokens, given the reference so far"
        yield f"continuation: {name}", number(view), of
        yield from position_rows(view, 1, "points")


def lift_rows(record: Record) -> Rows:
    """Profile swap: what the user's own profile adds over others' and over none."""
    from harness.reports.compared.measures import is_apart

    found = record.lift
    if found is None:
        return
    main = next(iter(record.metrics), "")
    of_texts = None if is_apart(main, record) else found.texts  # an old record's; see is_apart
    views = (("NLL", found.likelihood, "all", "nats", 3),
             (main, of_texts, main, "points", 2))  # fmt: skip
    for what, pairs, key, unit, digits in views:
        for kind, named in (pairs or {}).items():
            if pair := named.get(key):
                other = number(pair.own_other, digits)
                yield f"lift {what}", other, f"own − {kind} other, {unit}"
                if kind == "random":  # the same for every kind
                    yield f"lift {what}", number(pair.own_empty, digits), f"own − none, {unit}"
    if found.tied:
        yield "lift topics", str(found.tied), "examples whose topic users BM25 cannot rank"
    if found.shared:
        yield "lift shared", str(found.shared), f"examples {PASSED_OVER}"
    if found.failed:
        yield "lift failed", str(found.failed), "examples without a text or preface in some swap"


def author_rows(record: Record) -> Rows:
    """Author identification: how often the user's own profile is the nearest."""
    found = record.authors
    if found is None:
        return
    by = {"characters": found.characters, "function words": found.function_words}
    for features, scores in by.items():
        if scores is not None:
            ends = [plain([end], 1) for end in (scores.top1.ceiling, scores.top1.chance)]
            note = "own profile nearest, %; references {}, chance {}".format(*ends)
            yield f"author by {features}", number(scores.top1), note
    if found.shared:
        yield "author shared", str(found.shared), f"texts {PASSED_OVER}"


def thought_rows(record: Record) -> Rows:
    """Thought replacement: its change of likelihood and of the first metric."""
    found = record.controls
    for name, replaced in found.thoughts.items() if found else ():
        if replaced.missing:
            yield f"thoughts: {name}", None, replaced.missing
        minus_own = replaced.minus_own
        if minus_own is None or found is None:
            continue
        main = next(iter(record.metrics), "")
        metric = main if main in minus_own.metrics else next(iter(minus_own.metrics), "")
        changes = (("NLL", minus_own.likelihood, 3), (metric, minus_own.metrics.get(metric), 2))
        for what, change, digits in changes:
            if change is not None:
                p = change.p_holm
                adjusted = "" if p is None else f", p {p_value(p)} (Holm, {found.family})"
                yield f"thoughts: {name}", number(change, digits), f"{what} − own{adjusted}"


def _memory(part: Training | Inference) -> str:
    """The peak of a part, to be appended; "" where it is unknown."""
    peak = part.peak_memory_mib
    return "" if peak is None else f", {peak:,.0f} MiB"


def cost_rows(record: Record) -> Rows:
    """Time and memory of training and generation."""
    if spent := record.training:
        total = spent.seconds_total
        of = f"{counted(spent.steps, 'step')}, {spent.tokens:,} tokens{_memory(spent)}"
        yield "training", "–" if total is None else f"{total:.0f} s", of
        phases = [
            f"{name.replace('_', ' ')} {each:.1f}"
            for name, each in spent.seconds.items()
            if each >= 0.05
        ]
        yield "  by phase", "", f"{' · '.join(phases)} s"
    cost = record.inference
    if cost is None:
        return
    if record.backbone.api and cost.seconds_per_example:
        at_a_time = f"{record.backbone.api.concurrent} requests at a time"
        yield "generation", f"{cost.seconds_per_example:.2f} s", f"a request; {at_a_time}"
    elif cost.tokens_per_s:
        first = 1000 * (cost.time_to_first_token_s or 0.0)
        of = f"batch {cost.batch_size}, first token {first:,.0f} ms{_memory(cost)}"
        yield "generation", f"{cost.tokens_per_s:,.0f} tokens/s", of
    if hidden_s := (cost.preface_s or 0.0) + (cost.latent_s or 0.0):
        thoughts = f"{cost.latent_thoughts_per_text} latent thoughts per text"
        what = f"{cost.preface_tokens:,} tokens" if cost.preface_tokens else thoughts
        yield "  hidden, before texts", f"{hidden_s:.2f} s", what
    if cost.user_work_s:
        made = f"{cost.user_work_tokens:,} hidden tokens" if cost.user_work_tokens else ""
        yield "  once for each user", f"{cost.user_work_s:.2f} s", made


def method_rows(record: Record) -> Rows:
    """The method's own counters that are not 0, e.g. rejected analyses."""
    counters = dict(record.training.method) if record.training else {}
    counters["prefaces"] = dict(record.inference.prefaces) if record.inference else {}
    for name, counts in counters.items():
        if isinstance(counts, Mapping) and any(counts.values()):
            known = [f"{key.replace('_', ' ')} {each}" for key, each in counts.items() if each]
            yield f"  {name.replace('_', ' ')}", "", " · ".join(known)


VIEWS = (
    quality_rows, breakdown_rows, likelihood_rows,
    continuation_rows, lift_rows, author_rows, thought_rows,
    cost_rows, method_rows,
)  # fmt: skip
"""The rows after the metrics in a run's table, in order."""


MOST_METRICS = 4
"""Metrics in the brief table; more than these are shown by `BRIEF` and the first."""
BRIEF = ("bleu", "rougeL", "meteor")
"""Metrics that fit a terminal."""


def brief_rows_of(record: Record) -> Rows:
    """The rows to look at first: a few metrics, and the first row of what each view is about.

    Eight, where only the defaults are evaluated; one more for each further view.
    """
    names = list(record.metrics)
    if len(names) > MOST_METRICS:
        names = [name for at, name in enumerate(names) if at == 0 or name in BRIEF]
    for name in names:
        yield name, number(record.metrics[name]), remark(record.metrics[name], unit_of(name))
    seen = set[str]()
    for rows in VIEWS:
        for label, value, note in rows(record):
            key = label.partition(" by ")[0]
            if not label.startswith(" ") and key not in seen:
                seen.add(key)
                yield label, value, note


def rows_of(record: Record) -> Rows:
    """Every row of a record's table: its metrics, then its views."""
    for name, score in record.metrics.items():
        yield name, number(score), remark(score, unit_of(name))
    for rows in VIEWS:
        yield from rows(record)
