"""Which floor wins on a metric: one rule for one run and for systems compared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.record import MetricScore, Record
from harness.reports.runs import recorded_floors
from harness.reports.runs.recorded_floors import fits, won_by_floors
from tests.support.synthetic import made_up


def floor(name: str, value: float | None) -> Record:
    scores = {metric: MetricScore(value=value, signature="s") for metric in ("points", "errors")}
    return replace(made_up("topic_writing", name, examples=2), kind="floor", metrics=scores)


@pytest.fixture(autouse=True)
def directions(monkeypatch):
    better = {"points": "higher", "errors": "lower"}
    monkeypatch.setattr(recorded_floors, "better_of", better.__getitem__)


@pytest.mark.parametrize(
    ("values", "top", "of_points", "of_errors"),
    [
        ({"floor-a": 1.0, "floor-b": 3.0}, 2.0, "floor-b", "floor-a"),
        ({"floor-a": 2.0, "floor-b": 2.0}, 2.0, "floor-a", "floor-a"),  # ties: the first floor wins
        ({"floor-a": 0.0}, 1.0, None, "floor-a"),  # 0 is a value, not a gap
        ({"floor-a": 0.0}, 0.0, "floor-a", "floor-a"),
        ({"floor-a": None, "floor-b": 1.0}, 2.0, None, "floor-b"),
        ({"floor-a": 1.0}, None, None, None),
        ({"skyline": 9.0}, 2.0, None, None),  # it need not be beaten
        ({}, 2.0, None, None),
    ],
)
def test_the_best_floor_wins_where_it_is_at_least_as_good(values, top, of_points, of_errors):
    won = won_by_floors(
        {"points": top, "errors": top}, [floor(name, value) for name, value in values.items()]
    )
    assert {name: one.method for name, one in won.items()} == {
        name: floor
        for name, floor in (("points", of_points), ("errors", of_errors))
        if floor is not None
    }


@pytest.mark.parametrize(
    ("signature", "fitting"),
    [
        ("bleu|made up", True),
        ("bleu|made up|samples:3", True),  # a floor has one text of each example
        ("bleu|another|samples:3", False),
        ("bleu|made up|samples:3|another", False),
    ],
)
def test_a_floor_fits_runs_of_one_and_of_several_texts_of_each_example(signature, fitting):
    run = made_up("product_review", "rag", examples=2)
    floor = replace(run, method="floor-first", kind="floor")
    metrics = {**run.metrics, "bleu": replace(run.metrics["bleu"], signature=signature)}
    assert fits(floor, replace(run, metrics=metrics)) == fitting
