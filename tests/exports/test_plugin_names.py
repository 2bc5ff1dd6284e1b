"""Exports of runs whose metric, task or method is a plugin's."""

import json
from dataclasses import replace

import pytest

from harness.errors import UsageError
from harness.exports import Source, export
from harness.record import read_record
from tests.support.runs import edit_record
from tests.support.synthetic import write_runs

METRIC = '''
from harness.metrics.base import MeanMetric

class WordError(MeanMetric):
    """Made up."""

    name, title, unit, better = "my_error", "word error", "% of words", "lower"

    def score(self, pair):
        return 1.0
'''


@pytest.fixture
def folder(tmp_path):
    """A run with a metric of a plugin, as its record has it."""
    write_runs(tmp_path / "runs", ["rag"], ["product_review"], examples=12)
    (found,) = (path.parent for path in (tmp_path / "runs").rglob("record.json"))
    record = json.loads((found / "record.json").read_text("utf-8"))
    edit_record(found, metrics={"my_error": next(iter(record["metrics"].values()))})
    return found


@pytest.mark.parametrize(
    ("to", "out"), [("eee", "out"), ("inspect", "out"), ("model-index", "a.md")]
)
def test_an_unknown_metric_is_refused_and_a_table_needs_none(folder, tmp_path, call, to, out):
    code, _, err = call(
        "export", folder, "--to", to, "--out", tmp_path / out, "--no-texts"
    )  # fmt: skip
    assert code == 2
    assert "the metric 'my_error' is not known" in err
    assert "give its file with --plugin FILE" in err
    code, _, err = call("export", folder, "--to", "csv", "--out", tmp_path / "runs.csv")
    assert code == 0, err


def test_a_plugins_metric_keeps_its_direction_and_unit(folder, tmp_path, call):
    (tmp_path / "my_error.py").write_text(METRIC)
    code, _, err = call(
        "export", folder, "--to", "eee", "--out", tmp_path / "out", "--no-texts",
        "--plugin", tmp_path / "my_error.py",
    )  # fmt: skip
    assert code == 0, err
    (path,) = (tmp_path / "out").rglob("*.json")
    results = json.loads(path.read_text("utf-8"))["evaluation_results"]
    found = {each["metric_config"]["metric_id"]: each["metric_config"] for each in results}
    config = found["my_error"]
    assert config["lower_is_better"] is True
    assert (config["metric_name"], config["metric_unit"]) == ("word error", "% of words")


def test_an_unknown_task_or_method_is_refused(folder, tmp_path):
    (folder / "model.safetensors").touch()
    run = Source(folder, replace(read_record(folder), task="letters", method="mine"))
    with pytest.raises(UsageError, match=r"(?s)the task 'letters' is not known.*--plugin FILE"):
        _ = run.examples
    with pytest.raises(UsageError, match=r"(?s)the method 'mine' is not known.*--plugin FILE"):
        export("model", [run], tmp_path / "model")
