"""The loss by step: means of groups, the range over seeds, the numbers in the table."""

import dataclasses

import pytest

from harness.record import Step
from harness.reports.compare_runs import compare
from harness.reports.render.table import Cell
from harness.reports.sections.loss_curves import (
    MOST_POINTS,
    curve_of,
    last_tenth,
    losses,
)
from tests.support.synthetic import made_up, write_runs

TASK = "product_review"


def trained(*steps, method="sft", **more):
    """A run with this loss at each step."""
    record = made_up(TASK, method, 0, 40)
    curve = tuple(
        Step(step=at + 1, loss=loss, lr=1e-3, grad_norm=1.0) for at, loss in enumerate(steps)
    )
    training = dataclasses.replace(record.training, curve=curve, **more)
    return dataclasses.replace(record, training=training)


def test_few_steps_are_shown_one_by_one():
    steps, points = curve_of([trained(4.0, 3.0, 2.5)])
    assert steps == [1, 2, 3]
    assert [(one.low, one.value, one.high) for one in points] == [
        (4.0, 4.0, 4.0), (3.0, 3.0, 3.0), (2.5, 2.5, 2.5)
    ]  # fmt: skip


def test_many_steps_are_averaged_in_groups():
    steps, points = curve_of([trained(*map(float, range(10 * MOST_POINTS)))])
    assert len(points) == MOST_POINTS
    assert (steps[0], points[0]) == (5.5, Cell(4.5, 4.5, 4.5))


def test_seeds_give_a_mean_and_a_range_over_the_steps_they_share():
    _, points = curve_of([trained(4.0, 2.0, 9.0), trained(6.0, 3.0)])
    assert [(one.value, one.low, one.high) for one in points] == [
        (5.0, 4.0, 6.0), (2.5, 2.0, 3.0)
    ]  # fmt: skip


def test_what_does_not_train_has_no_curve():
    assert losses(made_up(TASK, "rag", 0, 40)) == []
    assert curve_of([made_up(TASK, "rag", 0, 40)]) is None


def test_the_section_shows_only_trained_systems(tmp_path):
    from harness.record import write_record

    (folder,) = write_runs(tmp_path, ["sft"], [TASK])
    write_record(trained(4.0, 3.0, lr=3e-4, val_loss=3.5), folder)
    write_runs(tmp_path, ["rag"], [TASK])
    document = compare([tmp_path])
    section = next(one for one in document.sections if one.name == "training")
    ((row,),) = [table.shown() for table in section.tables]
    assert [cell.text for cell in row] == ["sft", "0.0003", "2", "4.000", "3.000", "3.500"]
    assert "sft from 4.00 to 3.00" in section.pictures[0].alt


def test_without_training_there_is_no_section(tmp_path):
    write_runs(tmp_path, ["rag", "nonpers"], [TASK], examples=12)
    assert "training" not in [one.name for one in compare([tmp_path]).sections]


@pytest.mark.parametrize("steps", [1, 2, 9])
def test_the_last_tenth_holds_at_least_one_step(steps):
    assert last_tenth(trained(*[5.0] * (steps - 1), 1.0)) == 1.0
