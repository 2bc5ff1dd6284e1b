"""Which numbers of a model behind an API compare: likelihoods of one tokenizer, and no times."""

import dataclasses

import pytest

from harness.record import ApiInfo, ModelInfo
from harness.record.inputs import Inputs
from harness.reports.compared.measures import measures_of
from harness.reports.runs.comparable import checked
from harness.reports.runs.likelihoods import with_comparable_likelihoods
from harness.reports.runs.system_costs import machine, times_not_comparable
from harness.reports.sections.settings_and_runs import warnings
from tests.support.synthetic import board_of, write_runs

TASK = ["product_review"]


OF_AN_API = ModelInfo(
    name="openai:http://h/v1#m", api=ApiInfo(url="http://h/v1/chat/completions", chat=True,
                                             concurrent=8),
)  # fmt: skip


def with_tokenizer(digest):
    return Inputs(backbone={"tokenizer.json": digest} if digest else {})


@pytest.mark.parametrize(
    ("own", "served", "kept"), [("a", "a", True), ("a", "b", False), ("a", None, False)]
)
def test_likelihoods_of_an_api_compare_with_the_same_tokenizer_only(tmp_path, own, served, kept):
    write_runs(
        tmp_path / "a", ["nonpers"], TASK, full=True, changes={"inputs": with_tokenizer(own)}
    )
    write_runs(
        tmp_path / "b", ["rag"], TASK, full=True,
        changes={"inputs": with_tokenizer(served), "backbone": OF_AN_API},
    )  # fmt: skip
    board = checked(board_of(tmp_path / "a", tmp_path / "b"), allow_different=True)
    measures = {measure.name for measure in measures_of(board)}
    assert ("nll" in measures) == kept
    found = {record.method: record for record in board.records}
    assert (found["rag"].likelihood is not None) == kept
    assert (found["rag"].lift.likelihood is not None) == kept
    assert all((each.likelihood is not None) == kept for each in found["rag"].examples.values())
    assert found["nonpers"].likelihood is not None
    said = [line for line in warnings([board], []) if "the likelihood of rag is left out" in line]
    assert bool(said) != kept


def test_a_likelihood_of_an_api_that_only_a_later_seed_has_is_left_out_too(tmp_path):
    write_runs(tmp_path / "a", ["nonpers"], TASK, changes={"inputs": with_tokenizer("a")})
    write_runs(
        tmp_path / "b", ["rag"], TASK, (0, 1, 2),
        changes={"inputs": with_tokenizer("b"), "backbone": OF_AN_API},
    )  # fmt: skip
    board = board_of(tmp_path / "a", tmp_path / "b")
    other, served = board.systems
    first = dataclasses.replace(
        served.runs[0], record=dataclasses.replace(served.record, likelihood=None)
    )
    served = dataclasses.replace(served, runs=(first, *served.runs[1:]))
    board = with_comparable_likelihoods(dataclasses.replace(board, systems=(other, served)))
    assert {one.method for one in board.records if one.likelihood} == {"nonpers"}


def test_times_of_an_api_compare_with_none(tmp_path):
    write_runs(tmp_path / "a", ["nonpers", "rag"], TASK, changes={"backbone": OF_AN_API})
    board = board_of(tmp_path / "a")
    assert "are its server's latency" in times_not_comparable(board)
    assert machine(board.records[0]) == "http://h/v1/chat/completions, 8 requests at a time"
