"""docs/contributing.md: its errands name files that exist, and need no more than they say."""

import dataclasses
import inspect
import json
import re
from importlib import import_module
from pathlib import Path

import pytest

from harness import registry
from harness.metrics import metric
from harness.pipeline.evaluate.texts import score_texts
from harness.record import write_record
from harness.settings import EvalSettings
from harness.types import Example, Reference, SplitData
from tests.support.synthetic import made_up, write_runs

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
ERRANDS = dict(re.findall(r"^\| ((?:add|change) .+?) \| (.+) \|$", PAGE, re.MULTILINE))
PRODUCT = r"`((?:harness|flythinker|baselines)/[\w/.-]*)`"


@pytest.mark.parametrize("errand", ERRANDS)
def test_an_errand_needs_few_files_and_they_exist(errand):
    """The first sentence has them; "the same" stands for the two files of the row above."""
    needed, *_ = re.split(r"\. [A-Z]", ERRANDS[errand])
    files = re.findall(PRODUCT, needed)
    assert files or needed.startswith("the same")
    assert all((ROOT / name).exists() for name in files)
    assert len(files) <= (3 if "view" in errand else 2)


def test_there_are_eleven():
    assert len(ERRANDS) == 11


METRICS = {
    "a metric that is a mean over examples": '''
from harness.metrics.base import MeanMetric


class Mine(MeanMetric):
    """Share of a text's words that begin with a capital letter."""

    name = "mine"

    def score(self, pair):
        words = pair.prediction.split()
        return 100 * sum(word[0].isupper() for word in words) / len(words)
''',
    "a corpus metric": '''
import numpy as np

from harness.metrics.base import Metric


class Mine(Metric):
    """Share of all words in all texts that the references have at the same place."""

    name = "mine"

    def rows(self, pairs):
        words = [(pair.prediction.split(), pair.reference.split()) for pair in pairs]
        return np.array([(sum(map(str.__eq__, *both)), len(both[0])) for both in words], float)

    def value(self, sums):
        return 100 * sums[..., 0] / sums[..., 1]
''',
    "a metric where lower is better": '''
from harness.metrics.base import MeanMetric


class Mine(MeanMetric):
    """Words that a text lacks or has too many."""

    name = "mine"
    unit = "words"
    better = "lower"

    def score(self, pair):
        return float(abs(len(pair.prediction.split()) - len(pair.reference.split())))
''',
}
TEXTS = {"sft": ("Ab Cd", "ab x x x"), "cot": ("ab cd", "x Cd")}
REFERENCES = ("ab cd", "ab cd ef gh")
EXPECTED = {  # by hand: sft, cot
    "a metric that is a mean over examples": (50, 25),  # 2/2 and 0/4; 0/2 and 1/2
    "a corpus metric": (100 / 6, 50),  # 0 + 1 of 2 + 4 words; 2 + 0 of 2 + 2
    "a metric where lower is better": (0, 1),  # 0 and 0; 0 and 2
}
COUNT = 24
"""Examples: the two pairs of texts, alternating, each by a user of its own."""


def made_split():
    ids = [f"e{at}" for at in range(COUNT)]
    return SplitData(
        "product_review",
        "test",
        tuple(Example(key, f"u-{key}", "product_review", "x", ()) for key in ids),
        {key: Reference(key, f"u-{key}", REFERENCES[at % 2]) for at, key in enumerate(ids)},
        "f" * 64,
    )


@pytest.fixture
def register(tmp_path, monkeypatch):
    """Does an errand: a new file with this code, and its name in harness/registry.py."""

    def go(kind, code, target):
        (tmp_path / f"{target.partition(':')[0]}.py").write_text(code, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setitem(registry.BUILT_IN[kind], "mine", target)
        registry.table.cache_clear()

    yield go
    monkeypatch.undo()
    registry.table.cache_clear()


@pytest.mark.parametrize("errand", METRICS)
def test_a_new_metric_is_scored_listed_and_compared(errand, register, call, tmp_path):
    assert f"add {errand}" in ERRANDS
    register("metric", METRICS[errand], f"errand_{len(errand)}:Mine")
    # 1. It scores, with intervals and slices.
    options = EvalSettings(metrics=("mine", "bleu"), slices=(0, 1), resamples=100)
    test = made_split()
    for method, expected in zip(TEXTS, EXPECTED[errand], strict=True):
        texts = {key: TEXTS[method][at % 2] for at, key in enumerate(test.references)}
        found = score_texts(test, [texts], options)
        score = found.metrics["mine"]
        assert score.value == pytest.approx(expected)
        assert score.low <= score.value <= score.high
        assert len(found.slices["mine"]) == 2
        record = made_up("product_review", method, examples=COUNT)
        parts = {"metrics": found.metrics, "slices": found.slices, "examples": found.examples}
        write_record(
            dataclasses.replace(record, likelihood=None, breakdowns={}, **parts),
            tmp_path / "runs" / method,
        )
    # 2. It is listed.
    assert call("list", "metrics")[1].count("mine") == 1
    # 3. It is compared, in its direction.
    code, out, _ = call("compare", tmp_path / "runs", "--out", tmp_path / "page", "--json")
    assert code == 0
    (board,) = json.loads(out)["boards"]
    measure = board["measures"]["mine"]
    values = dict(zip(TEXTS, EXPECTED[errand], strict=True))
    assert measure["lower_is_better"] == ("lower" in errand)
    best_first = sorted(values, key=values.__getitem__, reverse="lower" not in errand)
    assert measure["best_first"] == best_first
    assert measure["values"]["sft"]["value"] == pytest.approx(values["sft"])


def test_a_new_task_is_a_task_and_its_name(register, tmp_path):
    from harness.data import load_split
    from harness.settings import DataSettings, RunSettings
    from tests.support.reviews import made_up_rows, write_rows

    code = """
from dataclasses import replace

from harness.data.tasks import PRODUCT_REVIEW

MINE = replace(PRODUCT_REVIEW, name="mine")
"""
    register("task", code, "errand_task:MINE")
    write_rows(tmp_path / "data", {"test": made_up_rows("test", 3)})
    data = DataSettings(source=str(tmp_path / "data"))
    split = load_split(RunSettings(task="mine", data=data), "test")
    assert {example.task for example in split.examples} == {"mine"}


def test_a_new_export_format_is_a_file_and_its_suffix(call, monkeypatch, tmp_path):
    """The page names the file with the suffixes; each is the name of a function on one table."""
    code = """
def to_mine(table):
    heads = " | ".join(column.head for column in table.columns)
    return f"{table.title}: {heads}; {len(table.rows)} rows"
"""
    (tmp_path / "errand_format.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    _, second = re.findall(PRODUCT, ERRANDS["add an export format of tables"])
    suffixes = import_module(second.removesuffix(".py").replace("/", ".")).TABLES
    monkeypatch.setitem(suffixes, ".mine", import_module("errand_format").to_mine)
    write_runs(tmp_path / "runs", ["sft", "cot"], ["product_review"])
    code, _, _ = call("compare", tmp_path / "runs", "--out", tmp_path / "page")
    assert code == 0
    names = {path.stem for path in (tmp_path / "page" / "tables").glob("*.csv")}
    mine = {path.stem: path for path in (tmp_path / "page" / "tables").glob("*.mine")}
    assert set(mine) == names
    assert any("BLEU" in path.read_text(encoding="utf-8") for path in mine.values())


def test_the_default_of_lam_stands_once():
    from flythinker import FlyThinkerLM, options

    lm = inspect.signature(FlyThinkerLM.__init__).parameters["lam"].default
    assert lm is options.FlyThinkerOptions.model_fields["lam"].default is options.LAM


def test_a_metric_that_is_not_registered_is_unknown():
    """Else the errands above would pass without their second file."""
    with pytest.raises(Exception, match="no metric 'mine'"):
        metric("mine")
