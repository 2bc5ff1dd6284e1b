"""Rows of the terminal's table, from records made by hand."""

import dataclasses
from types import SimpleNamespace

import pytest

from harness.cli.record_rows import (
    COLUMNS,
    author_rows,
    breakdown_rows,
    continuation_rows,
    likelihood_rows,
    thought_rows,
)
from harness.record import (
    AuthorRank,
    Authors,
    AuthorScores,
    Breakdown,
    Controls,
    Difference,
    Drift,
    Forced,
    ForcedMetric,
    Group,
    Likelihood,
    MinusOwn,
    NllDifference,
    NllSlice,
    RelativeLikelihood,
    SliceEstimate,
    Thoughts,
)
from harness.reports.render.table import Table


def n(value, low=None, high=None):
    return {"value": value, "low": low, "high": high}


def slices(*values, kind=SliceEstimate, **more):
    return tuple(
        kind(**n(value), slice=f"from {100 * at}", start=100 * at, **more)
        for at, value in enumerate(values)
    )


def drift(value=None):
    return Drift(value=value, examples=7)


RATE = {"chance": 25.0, "places": 9}


def seen(rows):
    """Rows as a reader sees them."""
    return [tuple(map(str, row)) for row in Table("t", "", COLUMNS, tuple(rows)).shown()]


def record(**fields):
    none = {"metrics": {}, **dict.fromkeys(("likelihood", "forced", "authors", "controls"))}
    return SimpleNamespace(**{**none, **fields})


def test_nothing_measured_has_no_row():
    for rows in (likelihood_rows, continuation_rows, author_rows, thought_rows):
        assert list(rows(record())) == []
    assert list(author_rows(record(authors=Authors(missing="one user")))) == []


def test_likelihood_relative_to_the_base_model():
    beside = RelativeLikelihood(**n(-0.25, -0.5, -0.125), slices=slices(-0.5, None), drift=drift(),
                                backbone="mini", fingerprint="f")  # fmt: skip
    found = Likelihood(
        **n(1.75, 1.5, 2.0), slices=slices(1.5, 2.0, kind=NllSlice, per_model_token=1.0),
        drift=drift(0.125), relative=beside, per_model_token=1.0, signature="nll",
    )  # fmt: skip
    assert seen(likelihood_rows(record(likelihood=found))) == [
        ("NLL of references", "1.75 [1.50, 2.00]", "nats per slice token, lower is better"),
        ("  by position", "1.500 · 2.000", "slices from 0, 100"),
        ("  drift", "0.125", "nats per 100 tokens, 7 examples reaching every slice"),
        (
            "  − base model",
            "−0.250 [−0.500, −0.125]",
            "below 0: more likely than to the base model",
        ),
        ("  by position", "-0.500 · –", "slices from 0, 100"),
    ]


@pytest.mark.parametrize(("floor", "shown"), [(24.5, "24.5"), (None, "–")])
def test_following_stands_between_floor_and_ceiling(floor, shown):
    found = Breakdown(
        **n(50.0), **RATE, floor=floor, ceiling=100.0,
        groups={"held_out": {"all": Group(**n(None), **RATE)}},
    )  # fmt: skip
    known = record(breakdowns={"following": found}, slices={"following": slices(50.0)})
    assert seen(breakdown_rows(known))[0] == (
        "  following by", f"25.0 · {shown} · 100.0",
        "chance, another author's text, the reference",
    )  # fmt: skip


def test_continuation_shows_following_and_the_first_metric():
    bleu = ForcedMetric(
        **n(11.25, 10.0, 12.5), slices=slices(12.5, 10.0), drift=drift(-2.5), signature="bleu"
    )
    rate = ForcedMetric(**n(50.0), slices=slices(50.0), drift=drift(), signature="following")
    metrics = {"following": rate, "bleu": bleu, "rouge1": bleu}
    found = Forced(window=100, windows=2, ended=0, metrics=metrics)
    assert [row[:2] for row in seen(continuation_rows(record(forced=found)))] == [
        ("continuation: following", "50.00"),
        ("  by position", "50.0"),
        ("continuation: bleu", "11.25 [10.00, 12.50]"),
        ("  by position", "12.5 · 10.0"),
        ("  drift", "−2.5"),
    ]
    words = dataclasses.replace(found, metrics={"bleu": bleu, "rouge1": bleu})
    assert len(list(continuation_rows(record(forced=words)))) == 3


def test_authors_stand_between_references_and_chance():
    top1 = AuthorRank(**n(40.0, 30.0, 50.0), ceiling=90.0, chance=12.5)
    who = AuthorScores(top1=top1, mrr=top1)
    rows = author_rows(record(authors=Authors(others=7, characters=who)))
    assert seen(rows) == [
        ("author by characters", "40.00 [30.00, 50.00]",
         "own profile nearest, %; references 90.0, chance 12.5"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("p", "shown"), [(0.0312, "p 0.031"), (0.0003, "p <0.001"), (0.04996, "p <0.05")]
)
def test_thought_replacement_shows_what_changes(p, shown):
    nll = NllDifference(**n(0.125, 0.0, 0.25), p_holm=p, users=20, slices=())
    bleu = Difference(**n(-1.5), users=20)
    thoughts = {
        "own": Thoughts(),
        "zero": Thoughts(minus_own=MinusOwn(likelihood=nll, metrics={"bleu": bleu})),
        "shuffled": Thoughts(missing="one user"),
    }
    found = Controls(donors="random", family=8, thoughts=thoughts)
    assert seen(thought_rows(record(controls=found))) == [
        ("thoughts: zero", "0.125 [0.000, 0.250]", f"NLL − own, {shown} (Holm, 8)"),
        ("thoughts: zero", "−1.50", "bleu − own"),
        ("thoughts: shuffled", "–", "one user"),
    ]
