"""--plugin brings methods, tasks and metrics; new-task and new-metric write ones that work."""

import dataclasses
import json
import re
import subprocess
import sys

import pytest

from harness import compare, load_runs, registry
from harness.record import read_record, write_record
from harness.registry import FROM_FILES, register_plugins, table
from tests.support.command_line import SMALL
from tests.support.synthetic import write_runs

METRIC = '''
from harness.metrics.base import MeanMetric

class Words(MeanMetric):
    """Words of a text that its profile has."""
    name, unit = "words_of_profile", "words"

    def score(self, pair):
        known = {word for entry in pair.example.profile for text in entry.values()
                 for word in text.split()}
        return float(len(set(pair.prediction.split()) & known))

class Raises(MeanMetric):
    name = "raises"

    def score(self, pair):
        raise ZeroDivisionError("on purpose")
'''
TASK = """
from dataclasses import replace
from harness.data.tasks import PRODUCT_REVIEW
MINE = replace(PRODUCT_REVIEW, name="my_reviews", instruction=". Now, ")
"""


@pytest.fixture(autouse=True)
def nothing_left(monkeypatch):
    for kind in FROM_FILES:
        monkeypatch.setitem(FROM_FILES, kind, {})
    table.cache_clear()
    yield
    table.cache_clear()


@pytest.fixture
def files(tmp_path):
    for name, text in {"metrics": METRIC, "tasks": TASK}.items():
        (tmp_path / f"own_{name}.py").write_text(text)
    return [word for name in ("metrics", "tasks")
            for word in ("--plugin", tmp_path / f"own_{name}.py")]  # fmt: skip


def test_a_task_and_metrics_of_files_are_run_and_compared(call, tmp_path, reviews, backbone, files):
    out = tmp_path / "out"
    asked = [
        "--task",
        "my_reviews",
        "--data",
        reviews / "product_review",
        "--backbone",
        backbone,
        "--out",
        out,
    ]
    asked += [*SMALL, "--set", "eval.metrics=words_of_profile,raises,bleu", *files]
    code, printed, err = call("run", "--method", "rag", *asked)
    assert code == 0, err
    record = read_record(next(out.rglob("record.json")))
    assert record.task == "my_reviews"
    # the metric that raises costs itself alone
    assert record.metrics["words_of_profile"].value is not None
    assert record.metrics["bleu"].value is not None
    assert record.metrics["raises"].value is None
    assert re.search(r"ZeroDivisionError: on purpose \(at .*own_metrics\.py:\d+\)",
                     record.metrics["raises"].missing)  # fmt: skip
    # the file with which the same run is made again names both plugins
    again = next(out.rglob("run.toml")).read_text()
    assert "own_tasks.py" in again
    assert "own_metrics.py" in again
    code, printed, _ = call("run", "--method", "rag", *asked)
    assert "already complete" in printed
    (tmp_path / "own_metrics.py").write_text(METRIC.replace("set(pair", "list(pair"))
    code, printed, err = call("run", "--method", "rag", *asked)
    assert "already complete" not in printed
    code, _, err = call("compare", out, "--out", tmp_path / "page", *files[:2], "--no-texts")
    assert code == 0, err
    assert "words_of_profile" in (tmp_path / "page" / "index.html").read_text()


@pytest.fixture
def own_scores(tmp_path):
    """A folder of runs that also have values of the metric of a file: those of ROUGE-1."""
    for folder in write_runs(tmp_path / "runs", ["rag", "sft"], ["product_review"], (0, 1, 2)):
        record, name = read_record(folder), "words_of_profile"
        metrics = {**record.metrics, name: record.metrics["rouge1"]}
        examples = {
            key: dataclasses.replace(each, scores={**each.scores, name: each.scores["rouge1"]})
            for key, each in record.examples.items()
        }
        write_record(dataclasses.replace(record, metrics=metrics, examples=examples), folder)
    return tmp_path / "runs"


def test_a_claim_about_a_metric_of_a_file_is_answered_where_the_file_is_given(
    call, tmp_path, own_scores, files
):
    (tmp_path / "paper.toml").write_text(
        'name = "P"\narxiv = "0"\nbenchmark = "none"\n[[claims]]\nstatement = "s"\nwhere = "w"\n'
        'first = "sft"\nsecond = "rag"\nsense = "above"\nmeasure = "words_of_profile"\n'
    )
    asked = ("claims", own_scores, "--paper", tmp_path / "paper.toml")
    _, printed, _ = call(*asked)
    reason = "words_of_profile: not installed here; give its file with --plugin"
    assert f"CANNOT TELL here: s. {reason}" in " ".join(printed.split())
    code, printed, err = call(*asked, *files[:2])
    assert code == 0, err
    assert "HOLDS here: s" in printed


def test_a_comparison_from_python_takes_a_metric_of_a_file(own_scores, files, tmp_path):
    with pytest.raises(registry.UsageError, match="give its file with --plugin"):
        compare(own_scores, metric="words_of_profile")
    with pytest.raises(registry.UsageError, match="words_of_profile"):
        load_runs(own_scores).export("eee", tmp_path / "first", texts=False)
    again = load_runs(own_scores).export("eee", tmp_path / "eee", texts=False, plugin=files[1])
    assert again
    found = compare(own_scores, metric="words_of_profile", plugin=files[1])
    assert "words_of_profile" in repr(found)


def test_names_of_files_are_listed(call, files):
    _, printed, _ = call("list", "metrics", *files)
    assert "Words of a text that its profile has." in printed
    _, printed, _ = call("list", "tasks", *files)
    assert "my_reviews" in printed


def test_score_takes_a_metric_of_a_file(call, tmp_path, reviews, files):
    rows = [
        json.loads(line)
        for line in (reviews / "product_review" / "test.jsonl").read_text().splitlines()
    ]
    _, printed, _ = call(
        "list", "examples", "--data", reviews, "--task", "product_review", "--json"
    )
    ids = [each["id"] for each in json.loads(printed)]
    texts = [{"id": key, "output": row["output"]} for key, row in zip(ids, rows, strict=True)]
    (tmp_path / "p.jsonl").write_text("\n".join(map(json.dumps, texts)))
    code, printed, err = call(
        "score", tmp_path / "p.jsonl", "--data", reviews, "--task", "product_review",
        "--metrics", "words_of_profile", "--json", *files[:2],
    )  # fmt: skip
    assert code == 0, err
    assert json.loads(printed)["metrics"]["words_of_profile"]["value"] > 0


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["x = 1\n"], "expected one class with `name` and `prompt`, found 0"),
        ([TASK.replace("my_reviews", "product_review")],
         "a task called 'product_review' exists already (built in); rename one"),
        ([METRIC.replace("words_of_profile", "bleu")],
         "a metric called 'bleu' exists already (built in); rename one"),
        ([TASK, TASK], "a task called 'my_reviews' exists already (another --plugin)"),
        ([TASK.replace("my_reviews", "../out")], "its name is '../out'"),
    ],
)  # fmt: skip
def test_what_a_file_may_not_bring(tmp_path, texts, message):
    paths = []
    for number, text in enumerate(texts):
        paths.append(tmp_path / f"own_{number}.py")
        paths[-1].write_text(text)
    with pytest.raises(registry.UsageError, match=re.escape(message)):
        register_plugins(paths)
    assert "my_reviews" not in table("task")


@pytest.mark.parametrize("kind", [pytest.param("task", marks=pytest.mark.slow), "metric"])
def test_a_new_plugin_passes_its_own_test(call, tmp_path, kind):
    code, printed, _ = call(f"new-{kind}", f"my_{kind}", "--out", tmp_path / f"my_{kind}.py")
    assert code == 0
    test = tmp_path / f"test_my_{kind}.py"
    assert f"python -m pytest {test}" in printed
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    code, _, err = call(f"new-{kind}", f"my_{kind}", "--out", tmp_path / f"my_{kind}.py")
    assert (code, "already exists" in err) == (2, True)
    code, _, err = call(f"new-{kind}", "My")
    assert (code, f"expected a lower-case name like my_{kind}" in err) == (2, True)
