"""Numbers as readers see them: what is missing does not look like 0, p agrees with its verdict."""

import math

import pytest

from harness.reports.render.latex import to_latex
from harness.reports.render.markdown import table_as_markdown
from harness.reports.render.numbers import (
    NONE,
    SIGNIFICANT,
    ends,
    estimate,
    figure,
    p_value,
    seconds,
)
from harness.reports.render.spreadsheet import to_csv
from harness.reports.render.table import Cell, Column, Table
from harness.statistics.families import ALPHA

NOT_FINITE = (math.nan, math.inf, -math.inf)


@pytest.mark.parametrize("value", NOT_FINITE)
def test_a_number_that_is_not_finite_is_missing(value):
    assert figure(value, 2) == p_value(value) == seconds(value) == NONE
    assert ends(value, 1.0, 2) == ends(0.0, value, 2) == ""
    assert estimate(Cell(value, 0.0, 1.0), 2) == NONE
    columns = tuple(
        Column(kind, kind=kind, better="higher")
        for kind in ("number", "difference", "p", "seconds", "short")
    )
    table = Table("t", "T", columns, ((value,) * 5, (Cell(value, value, value),) * 5, (0.5,) * 5))
    missing, also, known = table.shown()
    assert [str(one) for one in (*missing, *also)] == [NONE] * 10
    assert not any(one.best for one in (*missing, *also, *known))  # there is one number alone
    assert to_csv(table).splitlines()[1:] == [",,,,", ",,,,", "0.5,0.5,0.5,0.5,0.5"]
    for shown in (table_as_markdown(table), to_latex(table)):
        assert not any(one in shown for one in ("nan", "inf", "0.00"))


@pytest.mark.parametrize(
    ("p", "shown"),
    [
        (0.0496, "<0.05"), (0.04999999, "<0.05"), (0.0494, "0.049"), (0.05, "0.050"),
        (0.0504, "0.050"), (0.0009, "<0.001"), (0.001, "0.001"), (1.0, "1.000"), (None, NONE),
    ],
)  # fmt: skip
def test_a_p_value_does_not_contradict_its_verdict(p, shown):
    assert p_value(p) == shown


def test_the_limit_is_that_of_the_tests():
    assert SIGNIFICANT == ALPHA


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "none"), (0.0004, "0.4 ms"), (0.0042, "4.2 ms"), (0.00999, "10 ms"),
        (0.01, "0.01 s"), (0.31, "0.31 s"), (None, NONE),
    ],
)  # fmt: skip
def test_short_times_are_in_milliseconds(value, shown):
    assert seconds(value) == shown
