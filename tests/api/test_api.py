"""The harness from Python: runs, data frames, comparisons."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import harness
from harness import compare, load_runs
from harness.errors import DataError, UsageError
from harness.method import Method
from harness.record import read_record
from harness.registry import find
from harness.settings import RUN_FILE, RunSettings
from tests.support.synthetic import write_runs

SMALL = {
    "train": {"lr": 1e-3, "epochs": 1},
    "decode.max_new_tokens": 5,
    "budget": {"profile": 80},
    "eval": {"resamples": 100, "floors": False, "metrics": ["bleu", "rouge1"]},
}


@pytest.fixture
def small(tmp_path, reviews, backbone):
    def go(method="rag", **more):
        options = {"data": reviews, "backbone": backbone, "out": tmp_path / "out", **SMALL, **more}
        return harness.run(method, **options)

    return go


def test_a_run_and_its_repeat(small, tmp_path, monkeypatch, capsys):
    made = small(limit=2)
    assert (made.method, made.status, made.seed, made.record.n.planned) == ("rag", "complete", 0, 2)
    assert made.record.settings["budget"]["profile"] == 80
    assert set(made.scores) == {"bleu", "rouge1"}
    assert len(made.predictions()) == 2
    assert made.record.command.startswith("harness.run('rag', data=")
    assert (made.path / RUN_FILE).is_file()
    monkeypatch.setattr("harness.pipeline.single.run", None)  # a repeat reads the run alone
    assert small(limit=2) == made


def test_the_name_is_that_of_the_command(small, call, tmp_path, reviews, backbone):
    from tests.support.command_line import SMALL as WORDS

    made = small(seed=3)
    words = ("--method", "rag", "--data", reviews, "--backbone", backbone, "--seed", "3", *WORDS)
    call("run", *words, "--out", tmp_path / "cli")
    (record,) = (read_record(path.parent) for path in (tmp_path / "cli").rglob("record.json"))
    assert record.run_id == made.record.run_id


class Mine(Method):
    name = "mine"


def test_a_class_is_a_method(small):
    assert small(Mine, limit=1).method == "mine"


@pytest.mark.parametrize("file", [None, "<stdin>"], ids=["notebook", "standard input"])
def test_a_class_without_a_file_is_refused(small, tmp_path, monkeypatch, file):
    main = sys.modules["__main__"]
    monkeypatch.setattr(main, "__file__", file, raising=False)
    if file is None:
        monkeypatch.delattr(main, "__file__")
    typed = type("Typed", (Method,), {"name": "typed", "__module__": "__main__"})
    with pytest.raises(UsageError, match="method Typed has no file; expected a class in a Python"):
        small(typed)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["", "../mine", "all", None])
def test_a_class_needs_a_name_that_can_be_a_folder(small, tmp_path, name):
    named = type("Named", (Method,), {"name": name, "__module__": __name__})
    with pytest.raises(UsageError, match="method Named: "):
        small(named)
    assert not (tmp_path / "out").exists()


def test_a_class_with_another_methods_name_is_refused(small, tmp_path):
    named = type("Named", (Method,), {"name": "sft", "__module__": __name__})
    message = "method Named: a method called 'sft' exists already (built in); rename one"
    with pytest.raises(UsageError, match=re.escape(message)):
        small(named)
    assert not (tmp_path / "out").exists()


def test_a_built_in_class_is_its_method(small):
    assert small(find("method", "rag"), limit=1).method == "rag"


METRIC = """
from harness.metrics.base import MeanMetric


class Words(MeanMetric):
    name, title, unit = "words-here", "words", "words"

    def score(self, pair):
        return float(len(pair.prediction.split()))
"""


def test_a_plugin_brings_a_metric_and_a_method(small, tmp_path):
    (tmp_path / "words.py").write_text(METRIC)
    (tmp_path / "mine.py").write_text(
        "from harness.method import Method\n\n\nclass Mine(Method):\n    name = 'my-own'\n"
    )
    files = [tmp_path / "words.py", tmp_path / "mine.py"]
    evaluated = {**SMALL["eval"], "metrics": ["words-here"]}
    made = small("my-own", plugin=files, eval=evaluated, limit=1)
    assert (made.method, set(made.scores)) == ("my-own", {"words-here"})
    assert all(str(file) in (made.path / RUN_FILE).read_text() for file in files)


def test_quiet_and_loud(small, capsys):
    small(limit=1, progress=False)
    assert capsys.readouterr() == ("", "")
    small(limit=1, fresh=True)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "1/1" in printed.err


WRONG = [
    ({"epochs": 1}, "unknown key 'epochs'. Did you mean 'train.epochs'?"),
    ({"train": {"epoch": 1}}, "unknown key 'train.epoch'. Did you mean 'train.epochs'?"),
    ({"lam": 0.5}, "unknown key 'lam'; there are no options here"),
    ({"preset": "minni"}, "no preset 'minni'. Did you mean 'mini'?"),
    ({"task": "reviews"}, "no task 'reviews'"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG)
def test_a_mistake_is_an_exception_of_the_harness(small, wrong, message):
    with pytest.raises(UsageError) as caught:
        small(**wrong)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("method", "found"),
    [
        (int, "the class int"),
        (3, "3 (int)"),
        (None, "None (NoneType)"),
        (Path("sft"), "sft') (PosixPath)"),
        (["sft"], "['sft'] (list)"),
        (Mine(RunSettings()), " (Mine)"),
    ],
)
def test_what_is_no_method_is_refused_by_what_it_is(small, method, found):
    with pytest.raises(UsageError, match="expected a method's name, or a class") as caught:
        small(method)
    assert str(caught.value).startswith("method: found ")
    assert f"{found}; expected" in str(caught.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda runs: load_runs(3), "paths: found 3 (int); expected a path"),
        (lambda runs: load_runs(None), "paths: found None (NoneType); expected a path"),
        (lambda runs: load_runs(b"runs"), "paths: found b'runs' (bytes); expected a path"),
        (lambda runs: load_runs([3]), "paths: found 3 (int); expected a path"),
        (lambda runs: compare(3), "runs: found 3 (int); expected a path"),
        (lambda runs: compare([*runs, None]), "runs: found None (NoneType); expected a path"),
        (lambda runs: compare(runs).to_html(None), "folder: found None (NoneType); expected"),
        (lambda runs: runs.export(None, "out"), "--to None: no such format"),
        (lambda runs: runs.export("csv", None), "out: found None (NoneType); expected a path"),
        (lambda runs: harness.run("sft", out=None), "out: found None (NoneType); expected a"),
        (lambda runs: harness.run("sft", plugin=None), "plugin: found None (NoneType); expected"),
    ],
)
def test_a_wrong_type_is_an_exception_of_the_harness(results, call, message):
    with pytest.raises(UsageError) as caught:
        call(load_runs(results))
    assert message in str(caught.value)


def test_a_run_is_its_folder(results):
    runs = load_runs(results)
    assert list(load_runs(runs)) == list(runs)
    assert list(load_runs(runs[0])) == [runs[0]]


def test_an_unknown_method(small):
    with pytest.raises(UsageError, match=r"no method 'rga'\. Did you mean 'rag'"):
        small("rga")


@pytest.fixture
def results(tmp_path) -> Path:
    write_runs(tmp_path / "runs", ["sft", "flythinker"], ["product_review"], (0, 1), examples=30)
    write_runs(tmp_path / "runs", ["floor-words"], ["product_review"], changes={"kind": "floor"})
    return tmp_path / "runs"


def test_runs_are_a_sequence_and_a_data_frame(results):
    runs = load_runs(results)
    assert [(run.method, run.seed) for run in runs] == [
        ("flythinker", 0), ("flythinker", 1), ("sft", 0), ("sft", 1),
    ]  # fmt: skip
    assert [run.method for run in runs[2:]] == ["sft", "sft"]
    assert repr(runs[:1]) == "Runs(flythinker product_review seed 0)"
    assert len(load_runs(results, floors=True)) == 5
    frame = runs.to_pandas()
    score = runs[0].record.metrics["bleu"]
    assert list(frame.loc[0, ["bleu", "bleu_low", "bleu_high"]]) == [
        score.value, score.low, score.high,
    ]  # fmt: skip
    assert list(frame.method) == ["flythinker", "flythinker", "sft", "sft"]
    assert frame.training_s[0] == runs[0].record.training.seconds_total
    assert {"task", "seed", "status", "nll", "nll_low", "wall_s", "tokens_per_s"} <= set(frame)
    html = runs._repr_html_()
    assert html.count("<tr") == 5
    assert "<th>bleu</th>" in html


def test_examples_are_a_data_frame(results):
    runs = load_runs(results)
    frame = runs[:2].examples()
    assert len(frame) == 60
    one = frame.iloc[0]
    values = runs[0].record.examples[one.id]
    assert (one.bleu, one.nll) == (values.scores["bleu"], values.likelihood.mean)
    assert one.output == next(text.output for text in runs[0].predictions() if text.id == one.id)


def test_examples_with_their_references(small):
    made = small(limit=2)
    frame = made.examples(references=True)
    assert len(frame) == 2
    assert all(frame.reference.str.len() > 0)
    assert all(frame.input.str.len() > 0)
    data = made.record.data
    splits = {**data.splits, "test": replace(data.test, fingerprint="other")}
    other = replace(made, record=replace(made.record, data=replace(data, splits=splits)))
    with pytest.raises(DataError, match="have changed since this run"):
        other.examples(references=True)


def test_a_comparison_is_the_document_of_the_command(results, call, tmp_path):
    runs = load_runs(results)
    found = compare(runs)
    _, out, _ = call("compare", results, "--out", tmp_path / "page", "--json")
    assert (
        json.loads(out)
        == json.loads(json.dumps(found.facts))
        == json.loads(json.dumps(dict(found)))
    )
    page = found.to_html(tmp_path / "own")
    assert page.read_text() == (tmp_path / "page" / "index.html").read_text()
    assert repr(found).startswith("Comparison of")
    html = found._repr_html_()
    assert found.document.sections[0].text[0].split(":")[0] in html
    assert "<table>" in html
    assert "flythinker" in html


def test_a_comparison_of_folders_and_of_single_runs(results):
    runs = load_runs(results)
    assert compare(results).facts == compare(list(runs)).facts
    with pytest.raises(UsageError, match="metric"):
        compare(runs, metric="nothing")


def test_importing_the_harness_and_reading_runs_imports_no_torch(results):
    words = (
        "import sys, harness; assert 'harness.api' not in sys.modules;"
        f"harness.load_runs({str(results)!r}).to_pandas();"
        "from harness.registry import OPTIONS, options_of;"
        "[options_of(name) for name in OPTIONS];"  # which a comparison asks for
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", words], check=True)
