"""Metrics of the evaluate package, from scripts written here: no network."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.metrics import score

SCRIPT = """
import datasets
import evaluate


class {name}(evaluate.Metric):
    def _info(self):
        features = datasets.Features(
            {{"predictions": datasets.Value("string"), "references": datasets.Value("string")}}
        )
        return evaluate.MetricInfo(
            description="", citation="", inputs_description="", features=features
        )

    def _compute(self, predictions, references, factor=1):
        equal = [float(a == b) for a, b in zip(predictions, references)]
        return {result}
"""


@pytest.fixture
def metric(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))

    def write(name, result):
        folder = tmp_path / name.lower()
        folder.mkdir()
        (folder / f"{name.lower()}.py").write_text(SCRIPT.format(name=name, result=result))
        return f"evaluate:{folder}"

    return write


def test_the_first_number_is_the_score(metric):
    name = metric("Share", '{"note": "text", "share": sum(equal) / len(equal), "other": 7}')
    found = score(name, ["a", "b", ""], ["a", "c", "d"])
    assert found.value == pytest.approx(1 / 3)  # one of three is equal, on its own scale
    assert found.each == (1.0, 0.0, 0.0)
    assert "|key:share|scale:own|evaluate:" in found.signature


def test_a_list_of_numbers_is_one_a_pair(metric):
    found = score(metric("Listed", '{"f1": equal}'), ["a", "b"], ["a", "c"])
    assert (found.value, found.each) == (0.5, (1.0, 0.0))


def test_options_follow_a_question_mark(metric):
    name = metric("Scaled", '{"value": int(factor) * sum(equal)}')
    assert score(f"{name}?factor=10", ["a"], ["a"]).value == 10


def test_no_pairs_is_null_with_a_reason(metric):
    found = score(metric("Never", '{"value": 1}'), [], [])
    assert found.missing == "nothing to average: no example was scored"


@pytest.mark.parametrize(
    ("name", "result", "expected"),
    [
        ("Wordy", '{"note": "text"}', "gave no number; it gave {'note': 'text'}"),
        ("Broken", "1 / 0", "failed on predictions and references alone: ZeroDivisionError"),
        (
            "Short",
            '{"f1": [1.0, 2.0, 3.0]}',
            "gave 3 values under 'f1'; expected one for each of 2",
        ),
    ],
)
def test_a_metric_that_does_not_fit_says_so(metric, name, result, expected):
    place = metric(name, result)
    with pytest.raises(UsageError, match=expected):
        score(place, ["a", "b"], ["a", "c"])


def test_a_metric_that_cannot_be_loaded_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_EVALUATE_OFFLINE", "1")
    with pytest.raises(UsageError, match=r"could not be loaded: .*a path to a metric's script"):
        score(f"evaluate:{tmp_path / 'nothing'}", ["a"], ["a"])
