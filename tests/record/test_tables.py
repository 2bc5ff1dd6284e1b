"""No number of a table is lost to another of the same name, in old records either."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import load_runs
from harness.errors import UsageError
from harness.metrics import ready_metric, refuse_column_name
from harness.metrics.text_quality import TEXT_QUALITY
from harness.pipeline.trackers import Trackers
from harness.record import MetricScore, QualityScore
from harness.record.tables import EXAMPLE, OF_DATA, RUN, columns_of, example_rows, run_row
from harness.registry import register_plugins, table
from tests.support.synthetic import made_up, write_runs
from tests.support.synthetic_views import everything

QUALITY = [each.name for each in TEXT_QUALITY]


def with_quality(record):
    score = QualityScore(value=7.0, low=6.0, high=8.0, signature="x", references=5.0)
    values = dict.fromkeys(QUALITY, 7.0)
    examples = {key: replace(each, quality=values) for key, each in record.examples.items()}
    return replace(record, quality=dict.fromkeys(QUALITY, score), examples=examples)


PLAIN = with_quality(
    everything(made_up("product_review", "flythinker", examples=3, assignments=["method.lam=0.5"]))
)
COLUMNS = [*run_row(Path(), PLAIN), *(key for row in example_rows(Path(), PLAIN, [])
                                      for key in row), *OF_DATA]  # fmt: skip
OTHERS = [name for name in dict.fromkeys(COLUMNS) if name not in PLAIN.metrics]
"""Every column of the tables that is not a metric's value; ends of metrics too."""
METRIC = """
from harness.metrics.base import MeanMetric

class Mine(MeanMetric):
    name = "{}"

    def score(self, pair):
        return 1.0
"""


def with_metrics(names):
    """The record with these metrics alone: the n-th is n thousand, from that − 1 to that + 1."""
    scores = {
        name: MetricScore(value=at * 1e3, low=at * 1e3 - 1, high=at * 1e3 + 1, signature=name)
        for at, name in enumerate(names, 1)
    }
    values = {name: score.value for name, score in scores.items()}
    examples = {key: replace(each, scores=values) for key, each in PLAIN.examples.items()}
    return replace(PLAIN, metrics=scores, examples=examples)


names = st.lists(
    st.sampled_from([*OTHERS, *PLAIN.metrics])
    | st.builds("{}{}{}".format, st.sampled_from(["", "metric.", "metric_low.", "method."]),
                st.sampled_from(["x", "nll", "steps", "length"]),
                st.sampled_from(["", "_low", "_high", "_low_low"])),
    unique=True,
)  # fmt: skip


@given(names)
def test_every_metric_of_any_record_has_columns_of_its_own(names):
    record = with_metrics(names)
    row, plain = run_row(Path(), record), run_row(Path(), replace(PLAIN, metrics={}))
    for name, score in record.metrics.items():
        columns = columns_of(name, record)
        assert [row[each] for each in columns] == [score.value, score.low, score.high]
        assert not plain.keys() & set(columns)
    assert {name: row[name] for name in plain} == plain
    assert len(row) == len(plain) + 3 * len(names)
    bare = with_metrics([])
    for one, other in zip(example_rows(Path(), record, []), example_rows(Path(), bare, []),
                          strict=True):  # fmt: skip
        assert {name: one[name] for name in other} == other
        scores = {
            columns_of(name, record)[0]: score.value for name, score in record.metrics.items()
        }
        assert one == other | scores
        assert len(one) == len(other) + len(names)


@pytest.fixture
def plugin(tmp_path):
    """Registers a metric of this name."""

    def registered(name):
        path = tmp_path / "mine.py"
        path.write_text(METRIC.format(name))
        register_plugins([path])
        return name

    return registered


FORMS = ["x_low", "x_high", "method.x", "metric.x", "metric_low.x", "metric_high.x", "nll_drift"]


@pytest.mark.parametrize("name", [*OTHERS, *FORMS])
def test_a_metric_may_not_be_called_as_a_column(name, plugin):
    with pytest.raises(UsageError, match=rf"metric '{name}': tables and comparisons use this name"):
        ready_metric(plugin(name))


@pytest.mark.parametrize("name", [*table("metric"), "mine", "evaluate:a/x_low"])
def test_other_names_are_free(name):
    refuse_column_name(name)


def test_a_run_with_such_a_metric_is_refused_before_any_work(plugin, call, tmp_path, reviews):
    plugin("steps")
    code, _, err = call(
        "run", "--method", "rag", "--plugin", tmp_path / "mine.py", "--data", reviews,
        "--set", "eval.metrics=bleu,steps", "--out", tmp_path / "out",
    )  # fmt: skip
    assert code == 2
    assert "metric 'steps': tables and comparisons use this name for something else" in err
    assert "mend      rename the metric" in err
    assert not (tmp_path / "out").exists()
    code, _, err = call("new-metric", "length", "--out", tmp_path / "length.py")
    assert (code, "metric 'length': tables and comparisons" in err) == (2, True)


def test_an_old_record_is_read_shown_and_exported(plugin, call, tmp_path):
    """Its metrics have their values in data frames and files, the rest has its own."""
    old = with_metrics(["length", "steps", "method"])
    (folder,) = write_runs(
        tmp_path / "runs", ["flythinker"], ["product_review"], examples=3,
        changes={"metrics": old.metrics, "examples": old.examples, "quality": old.quality},
    )  # fmt: skip
    (run,) = load_runs(folder)
    frame = load_runs(folder).to_pandas()
    assert list(frame.loc[0, ["metric.length", "metric.steps", "metric_low.steps"]]) == [
        1000, 2000, 1999,
    ]  # fmt: skip
    assert frame.steps[0] == run.record.training.steps != 2000
    examples = run.examples()
    assert set(examples["metric.length"]) == {1000}
    assert set(examples.length) == {7}
    html = run._repr_html_()
    assert "<th>method</th>" in html
    assert "<td>flythinker</td>" in html
    assert "<td>3000.00</td>" in html
    code, _, err = call("export", folder, "--to", "csv", "--out", tmp_path / "runs.csv")
    assert code == 0, err
    assert pd.read_csv(tmp_path / "runs.csv")["metric.steps"][0] == 2000
    plugin("steps")
    code, _, err = call("show", folder, "--plugin", tmp_path / "mine.py")
    assert code == 0, err


def test_a_tracker_is_sent_the_records_own_numbers():
    record, sent = with_metrics(["length", "steps"]), {}
    tracker = type("T", (), {"scores": lambda self, values, step: sent.update(values)})()
    Trackers(active={"x": tracker}).scores(record)
    assert (sent["scores/length"], sent["scores/steps"]) == (1000, 2000)
    assert sent["scores/nll"] == record.likelihood.value
    assert sent["costs/training_s"] == record.training.seconds_total


def test_the_tables_keep_the_columns_that_they_had():
    row = run_row(Path("x"), PLAIN)
    assert list(row)[: len(RUN)] == list(RUN)
    assert list(row)[-1] == "dtype"
    (one, *_) = example_rows(Path("x"), PLAIN, [])
    assert list(one)[: len(EXAMPLE)] == list(EXAMPLE)
    assert one["output"] is None
    assert one["samples"] == 0
    assert list(one)[-len(QUALITY) :] == QUALITY


def test_a_peak_of_which_a_part_is_unknown_is_unknown():
    assert PLAIN.peak_memory_mib == max(
        PLAIN.training.peak_memory_mib, PLAIN.inference.peak_memory_mib
    )
    lost = replace(PLAIN, training=replace(PLAIN.training, peak_memory_mib=None))
    assert lost.peak_memory_mib is None
    untrained = replace(PLAIN, training=None)
    assert untrained.peak_memory_mib == PLAIN.inference.peak_memory_mib
