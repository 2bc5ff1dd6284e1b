"""A trial of metrics as a document: sentences, figure, tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict

from harness.errors import counted
from harness.record.trials import Trial, TriedMetric
from harness.reports.render.numbers import figure
from harness.reports.render.section import Document, Part, Section, section
from harness.reports.render.table import Cell, Column, Table, Value
from harness.reports.trial.figure import picture
from harness.reports.trial.words import MARK, outcome_sentences, why_failed

HEADS = {
    "own_over_other": "own > other",
    "padded_over_own": "padded > own",
    "copied_over_own": "copied > own",
    "own_over_generic": "own > generic",
    "other_over_generic": "other > generic",
    "own_over_stranger": "own > stranger",
    "other_over_stranger": "other > stranger",
    "own_over_shuffled": "own > shuffled",
    "cut_over_own": "cut > own",
    "half_copied_over_own": "half copied > own",
}
"""Duel → head of its column."""
NARROW = 3
"""Duels that fit a terminal."""


def document(trial: Trial) -> Document:
    """The page of a trial. Its facts are the trial as stored."""
    part = Part(
        tuple(outcome_sentences(trial.metrics)),
        (picture(trial),),
        (duels_table(trial), agreement_table(trial), planted_table(trial)),
    )
    return Document(
        f"Metrics on trial: {trial.task}",
        f"{counted(trial.examples, 'example')} of {counted(trial.users, 'user')}, {trial.split}"
        f" split of {trial.source}, {trial.setting} setting; made by harness trial",
        (_section(part),),
        tuple(warnings(trial)),
        asdict(trial),
    )


def _section(part: Part) -> Section:
    """Verdicts first; the introduction, which explains the duels, stands below them."""
    found = section("trial", [part])
    introduction = len(found.text) - len(part.text)
    text = (*part.text, *found.text[:introduction])
    return Section(**(vars(found) | {"text": text}))


def warnings(trial: Trial) -> list[str]:
    """What a reader should know before using the numbers."""
    if not trial.left_out:
        return []
    return [
        f"{counted(trial.left_out, 'example')} left out: fewer than two different texts in the"
        " profile, where one is planted and one stays to be copied"
    ]


def ordered(metrics: Mapping[str, TriedMetric]) -> list[TriedMetric]:
    """Metrics by how often own wins over other, those without a value last."""

    def own(one: TriedMetric) -> float:
        value = one.auc["own_over_other"].value if one.auc else None
        return -1.0 if value is None else value

    return sorted(metrics.values(), key=lambda one: -own(one))


def duels_table(trial: Trial) -> Table:
    """How often the first text of each duel wins."""
    columns = (
        Column("metric"),
        Column("verdict"),
        *(
            Column(head, "%", "number", 0, wide=place >= NARROW)
            for place, head in enumerate(HEADS.values())
        ),
        Column("why", wide=True),
    )
    notes = (
        "How often the first text scores higher, in %; a tie counts half, 50 is no preference"
        " [95 % interval over users]. Grey rows: measures that are known to be bad.",
        "A metric passes if own > other is shown to be above 50, and neither padded > own nor"
        " copied > own is. There is no verdict if fewer than 20 users have a value in one of them.",
    )
    table = Table(
        f"trial_{trial.task}",
        f"What each metric prefers, {trial.task}",
        columns,
        tuple(_row(one) for one in ordered(trial.metrics)),
        notes,
    )
    return table.with_faint(_row(one) for one in ordered(trial.controls))


def _row(one: TriedMetric) -> tuple[str | Cell, ...]:
    cells = [Cell.of(found) if (found := one.auc.get(duel)) else Cell() for duel in HEADS]
    fails = one.outcome == "fails"
    title = f"{one.title} {MARK}" if fails else one.title
    return (title, one.outcome, *cells, why_failed(one) if fails else (one.missing or ""))


def agreement_table(trial: Trial) -> Table:
    """Rank correlation of every two metrics."""
    tried = {**trial.metrics, **trial.controls}
    known = {name: one for name, one in tried.items() if one.auc}
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (one.title, *(_correlation(one, other, name == other) for other in known))
        for name, one in known.items()
    )
    return Table(
        f"agreement_{trial.task}",
        f"How far metrics agree, {trial.task}",
        (Column("metric"), *(Column(one.title, "", "number", 2) for one in known.values())),
        rows,
        ("Spearman's rank correlation over the planted texts of an example; mean over examples.",),
        faint=frozenset(place for place, name in enumerate(known) if name in trial.controls),
    )


def _correlation(one: TriedMetric, other: str, same: bool) -> Cell:
    return Cell() if same or other not in one.agreement else Cell(one.agreement[other].value)


def planted_table(trial: Trial) -> Table:
    """What the planted texts are."""
    rows: Iterable[tuple[str, str, float]] = (
        (name.replace("_", " "), meaning, trial.words[name])
        for name, meaning in trial.planted.items()
    )
    columns = (Column("text"), Column("what it is"), Column("words", "mean", "number", 0))
    note = f"References have {figure(trial.reference_words, 0)} words in the mean."
    return Table("planted", "The planted texts", columns, tuple(rows), (note,))
