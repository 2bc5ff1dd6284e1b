"""Rows of the terminal's table, from records made by hand."""

from types import SimpleNamespace

import pytest

from harness.cli.views import (
    author_rows,
    control_rows,
    following_rows,
    forced_rows,
    likelihood_rows,
)


def n(value, low=None, high=None, **more):
    return {"value": value, "low": low, "high": high, **more}


def view(*values, drift=None, **more):
    slices = [n(value, **{"from": 100 * at}) for at, value in enumerate(values)]
    return {"slices": slices, "drift": n(drift, examples=7), **more}


def record(**fields):
    none = dict.fromkeys(("likelihood", "forced", "authors", "controls"))
    return SimpleNamespace(**{**none, **fields})


def test_nothing_measured_has_no_row():
    for rows in (likelihood_rows, forced_rows, author_rows, control_rows):
        assert rows(record()) == []
    assert author_rows(record(authors={"missing": "one user"})) == []


def test_likelihood_beside_the_untrained_backbone():
    beside = view(-0.5, None, **n(-0.25, -0.5, -0.125))
    found = view(1.5, 2.0, drift=0.125, relative=beside, **n(1.75, 1.5, 2.0))
    assert likelihood_rows(record(likelihood=found)) == [
        ("NLL of references", "1.75 [1.50, 2.00]", "nats per slice token, lower is better"),
        ("  by position", "1.500 · 2.000", "slices from 0, 100"),
        ("  drift", "0.125", "nats per 100 tokens, 7 texts that reach every slice"),
        ("  − untrained backbone", "-0.250 [-0.500, -0.125]", "below 0: found more likely"),
        ("  by position", "-0.500 · –", "slices from 0, 100"),
    ]


@pytest.mark.parametrize(("floor", "shown"), [(24.5, "24.5"), (None, "–")])
def test_following_stands_between_floor_and_ceiling(floor, shown):
    found = view(50.0, **n(50.0), chance=25.0, floor=floor, ceiling=100.0)
    assert following_rows(SimpleNamespace(following=found))[0] == (
        "preferences followed", "50.00",
        f"chance 25.0, another author's text {shown}, ceiling 100",
    )  # fmt: skip


def test_forced_shows_following_and_the_first_metric():
    bleu = view(12.5, 10.0, drift=-2.5, **n(11.25, 10.0, 12.5))
    found = {
        "window": 100,
        "metrics": {"bleu": bleu, "rouge1": bleu},
        "following": view(50.0, **n(50.0)),
    }
    assert [row[:2] for row in forced_rows(record(forced=found))] == [
        ("forced: preferences followed", "50.00"),
        ("  by position", "50.0"),
        ("forced: bleu", "11.25 [10.00, 12.50]"),
        ("  by position", "12.5 · 10.0"),
        ("  drift", "-2.5"),
    ]
    assert len(forced_rows(record(forced={**found, "following": None}))) == 3


def test_authors_stand_between_references_and_chance():
    who = {"top1": n(40.0, 30.0, 50.0, ceiling=90.0, chance=12.5), "mrr": n(1.0)}
    rows = author_rows(record(authors={"others": 7, "characters": who}))
    assert rows == [
        ("author by characters", "40.00 [30.00, 50.00]",
         "own profile nearest, %; references 90.0, chance 12.5"),
    ]  # fmt: skip


def test_controls_show_what_other_thoughts_change():
    nll = n(0.125, 0.0, 0.25, p_holm=0.0312)
    thoughts = {
        "own": {"minus_own": None},
        "zero": {"minus_own": {"likelihood": nll, "metrics": {"bleu": n(-1.5, p_holm=None)}}},
        "shuffled": {"missing": "one user"},
    }
    assert control_rows(record(controls={"family": 8, "thoughts": thoughts})) == [
        ("thoughts: zero", "0.125 [0.000, 0.250]", "NLL − own, p 0.031 (Holm, 8)"),
        ("thoughts: zero", "-1.50", "bleu − own"),
        ("thoughts: shuffled", "–", "one user"),
    ]
