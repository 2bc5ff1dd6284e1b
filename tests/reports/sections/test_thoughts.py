"""Thought replacement: seeds pooled, what is marked as best, and metrics of either direction."""

import dataclasses

import pytest

from harness.metrics.rouge import RougeL
from harness.reports.compared.verdicts import Compared
from harness.reports.runs.boards import load_boards
from harness.reports.sections.thoughts import thoughts_part
from tests.support.synthetic import write_runs


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """One method with thought replacement, two seeds."""
    out = tmp_path_factory.mktemp("runs")
    write_runs(out, ["flythinker"], ["product_review"], (0, 1), full=True)
    (found,), _ = load_boards([out])
    return found


def seeds_with(board, *changes):
    """The board with a seed for each of `changes`, made to its replacement of thoughts by zero."""
    (system,) = board.systems
    runs = []
    for run, change in zip(system.runs, changes, strict=False):
        controls = run.record.controls
        zero = controls.thoughts["zero"]
        minus = {
            name: dataclasses.replace(one, **change) for name, one in zero.minus_own.metrics.items()
        }
        minus_own = dataclasses.replace(zero.minus_own, metrics=minus)
        zero = dataclasses.replace(zero, minus_own=minus_own)
        thoughts = {"own": controls.thoughts["own"], "zero": zero}
        controls = dataclasses.replace(controls, thoughts=thoughts)
        record = dataclasses.replace(run.record, controls=controls)
        runs.append(dataclasses.replace(run, record=record))
    return dataclasses.replace(board, systems=(dataclasses.replace(system, runs=tuple(runs)),))


def table_of(board):
    (table,) = thoughts_part(Compared(board, {}, "bleu")).tables
    return table


def rouge(table):
    """Each row's thoughts, and whether its ROUGE-L is marked as the best."""
    at = next(at for at, one in enumerate(table.columns) if one.title == "ROUGE-L")
    return {row[0].text: row[at].best for row in table.shown()}


@pytest.mark.parametrize(("verdict", "marked"), [("lower", True), ("not shown", False)])
def test_the_best_is_marked_only_if_it_differs_significantly(board, verdict, marked):
    table = table_of(seeds_with(board, {"verdict": verdict}))
    assert rouge(table) == {"own": marked, "zero": False}


def test_a_metric_may_be_better_when_lower(board, monkeypatch):
    monkeypatch.setattr(RougeL, "better", "lower")
    table = table_of(seeds_with(board, {"verdict": "lower"}))  # own 25, zero 24
    assert rouge(table) == {"own": False, "zero": True}
    assert "ROUGE-L ↓" in [one.name for one in table.columns]


def test_thought_replacement_uses_every_seed_and_the_largest_p(board):
    table = table_of(board)
    heads = [one.head for one in table.columns]
    assert heads[:4] == ["thoughts", "NLL ↓", "NLL minus own", "p (Holm)"]
    (zero,) = [row for row in table.shown() if row[0].text == "zero"]
    # seeds 0 and 1: 0.10 ± 0.05 with p 0.01, and 0.12 ± 0.05 with p 0.03
    assert [str(field) for field in zero[2:4]] == ["+0.110 [+0.050, +0.170]", "0.030"]
    assert "Means over 2 training seeds" in table.notes[1]
    one = dataclasses.replace(
        board,
        systems=tuple(dataclasses.replace(s, runs=s.runs[:1]) for s in board.systems),
    )
    table = table_of(one)
    zero = next(row for row in table.shown() if row[0].text == "zero")
    assert [str(field) for field in zero[2:4]] == ["+0.100 [+0.050, +0.150]", "0.010"]
    assert len(table.notes) == 1


@pytest.mark.parametrize("seed", [0, 1])
def test_a_value_that_a_seed_lacks_has_no_mean(board, seed):
    (system,) = board.systems
    runs = list(system.runs)
    record = runs[seed].record
    zero = dataclasses.replace(record.controls.thoughts["zero"], likelihood=None)
    minus_own = dataclasses.replace(zero.minus_own, likelihood=None)
    zero = dataclasses.replace(zero, minus_own=minus_own)
    controls = dataclasses.replace(
        record.controls, thoughts={**record.controls.thoughts, "zero": zero}
    )
    record = dataclasses.replace(record, controls=controls)
    runs[seed] = dataclasses.replace(runs[seed], record=record)
    changed = dataclasses.replace(system, runs=tuple(runs))
    table = table_of(dataclasses.replace(board, systems=(changed,)))
    assert [one.head for one in table.columns][1:3] == ["NLL ↓", "NLL minus own"]
    complete = table_of(board)
    assert shown(table, "zero") == ["zero", "–", "–", "–", *shown(complete, "zero")[4:]]
    assert shown(table, "own") == shown(complete, "own")
    said = f"; no mean where a seed has no value (seed {seed} of flythinker). These records"
    assert said in table.notes[1]


def shown(table, thoughts):
    (row,) = [row for row in table.shown() if row[0].text == thoughts]
    return [str(field) for field in row]


LOWER = {"value": -1.0, "low": -1.2, "high": -0.8, "verdict": "lower", "p_holm": 0.01}
HIGHER = {"value": 1.0, "low": 0.8, "high": 1.2, "verdict": "higher", "p_holm": 0.01}


@pytest.mark.parametrize(
    ("second", "marked", "gap", "p"),
    [
        (LOWER, True, "−1.00 [−1.20, −0.80]", "0.010"),
        (HIGHER, False, "0.00 [−1.20, +1.20]", "1.000"),
    ],
)
def test_seeds_with_opposite_differences_show_none(board, second, marked, gap, p):
    table = table_of(seeds_with(board, LOWER, second))
    assert rouge(table) == {"own": marked, "zero": False}
    at = next(at for at, one in enumerate(table.columns) if one.title == "ROUGE-L")
    (zero,) = [row for row in table.shown() if row[0].text == "zero"]
    assert [str(field) for field in zero[at + 1 : at + 3]] == [gap, p]
