"""Values with the lengths of the texts they belong to."""

import dataclasses

import numpy as np
import pytest

from harness.reports.compared.contrasts import contrast_all
from harness.reports.compared.measures import measures_of
from harness.reports.runs.boards import load_boards
from harness.statistics import at_equal_length
from tests.support.synthetic import write_runs


@pytest.mark.parametrize("name", ["rouge1", "bleu"])
def test_a_missing_text_is_an_empty_one_here_too(tmp_path, name):
    # as in the difference beside it: a run of which half of the texts are missing scores 0 there
    write_runs(tmp_path, ["sft", "cot"], ["product_review"], examples=40)
    (board,), _ = load_boards([tmp_path])
    measure = next(one for one in measures_of(board) if one.name == name)
    first, second = board.systems
    (run,) = second.runs
    known = dict(list(run.record.examples.items())[:20])
    fewer = dataclasses.replace(run, record=dataclasses.replace(run.record, examples=known))
    board = dataclasses.replace(board, systems=(first, dataclasses.replace(second, runs=(fewer,))))
    sides = [
        np.array([[
            (values.scores[name], values.rows["bleu"][0][0]) if values else (0.0, 0.0)
            for values in map(system.record.examples.get, board.ids)
        ]])
        for system in board.systems
    ]  # fmt: skip
    (pair,) = contrast_all(measure, board).pairs.values()
    assert pair.users == pair.at_equal_length.users == 40
    assert pair.at_equal_length == at_equal_length(*sides, board.panel)
