"""Runs and floors that were scored by other files of a plugin metric."""

import dataclasses

import pytest

from harness.record import write_record
from harness.record.inputs import Inputs
from harness.reports.runs.boards import load_boards
from harness.reports.runs.comparable import differences
from harness.reports.runs.recorded_floors import fits
from tests.support.synthetic import made_up


@pytest.mark.parametrize(
    ("name", "first", "second", "differ"),
    [
        ("echo", "a" * 64, "b" * 64, True),
        ("echo", "a" * 64, "a" * 64, False),
        ("echo", "a" * 64, None, False),  # an older record does not say
        ("echo", "a" * 64, "unknown", False),
        ("bleu", "sacrebleu 2.4", "sacrebleu 2.5", False),  # built in: its signature says
        ("evaluate:echo.py", "a" * 64, "b" * 64, False),
    ],
)
def test_metrics_of_other_plugin_files_are_not_comparable(tmp_path, name, first, second, differ):
    records = []
    for method, digest in (("rag", first), ("sft", second)):
        record = made_up("product_review", method)
        inputs = Inputs(metrics={name: digest}) if digest else None
        metrics = {name: record.metrics["bleu"], **record.metrics}
        records.append(dataclasses.replace(record, metrics=metrics, inputs=inputs))
        write_record(records[-1], tmp_path / method)
    (board,), _ = load_boards([tmp_path])
    found = [str(one) for one in differences(board)]
    message = f"files of echo (inputs.metrics)  {'a' * 12}: rag; {'b' * 12}: sft"
    assert found == ([message] if differ else [])
    floor = dataclasses.replace(records[0], kind="floor")
    assert fits(floor, records[1]) == (not differ)
