"""What a text costs, where an example has several."""

import dataclasses

import pytest

from harness.leaderboard.row import _costs
from harness.reports.compared.verdicts import compare_boards
from harness.reports.runs.boards import load_boards
from harness.reports.runs.system_costs import text_s
from harness.reports.sections.costs_of_methods import costs_part
from tests.support.synthetic import column, made_up, write_runs

THREE = ["decode.samples=3"]


def test_costs_of_a_text_are_over_all_texts_of_an_example(tmp_path):
    # 40 examples of 3 texts each, with 20 preface tokens and 2 + 1 s before and in each text
    record = made_up("product_review", "cot", examples=40, assignments=THREE)
    inference = dataclasses.replace(
        record.inference, preface_tokens=40 * 3 * 20, decode_s=240.0, preface_s=120.0,
        seconds_per_example=None,
    )  # fmt: skip
    record = dataclasses.replace(record, inference=inference)
    assert record.samples == 3
    assert _costs(record).hidden_tokens == pytest.approx(20)
    assert text_s(record) == pytest.approx(3.0)
    write_runs(
        tmp_path, ["cot"], ["product_review"], assignments={"cot": THREE},
        changes={"inference": inference},
    )  # fmt: skip
    (board,), _ = load_boards([tmp_path])
    writing = costs_part(compare_boards([board])[0]).tables[-1]
    assert column(writing, "hidden tokens per text") == ["20.0"]


def test_a_record_without_the_setting_has_one_text_of_each_example():
    record = made_up("product_review", "cot")
    assert dataclasses.replace(record, settings={}).samples == 1
