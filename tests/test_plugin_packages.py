"""Plugins of installed packages: found by name, and a broken one is named."""

import json
from importlib.metadata import EntryPoint

import pytest

from harness import registry
from harness.errors import UsageError
from harness.record import read_predictions, read_record
from harness.registry import find, table
from tests.support.command_line import SMALL


class _Package:
    name = "some-package"


def _point(name, value):
    point = EntryPoint(name, value, "harness.methods")
    vars(point).update(dist=_Package())
    return point


@pytest.fixture
def installed(monkeypatch):
    def offer(*points):
        monkeypatch.setattr(registry, "entry_points", lambda group: points)
        table.cache_clear()

    yield offer
    table.cache_clear()


def test_an_installed_method_shows_its_origin_and_is_found(installed):
    installed(_point("broken", "tests.support.broken:TrainsNothing"))
    assert table("method")["broken"].origin == "some-package"
    assert find("method", "broken").name == "broken"


def test_an_installed_method_has_one_name(installed):
    installed(_point("borrowed", "baselines.rag:Rag"))
    with pytest.raises(
        UsageError, match=r"'borrowed' of some-package calls itself 'rag': baselines.rag:Rag"
    ):
        find("method", "borrowed")


def test_a_broken_package_is_named_and_does_not_take_down_the_list(installed):
    installed(_point("shaky", "nowhere_at_all:Method"))
    assert "shaky" in table("method")
    with pytest.raises(
        UsageError, match=r"'shaky' of some-package \(nowhere_at_all:Method\) is broken: Module"
    ):
        find("method", "shaky")


def test_two_methods_of_one_name_are_an_error(installed, call):
    installed(_point("sft", "baselines.rag:Rag"))
    message = "two methods are called 'sft': built in and some-package; uninstall one of them"
    with pytest.raises(UsageError, match=message):
        find("method", "sft")
    assert find("method", "rag").name == "rag"
    code, out, err = call("list", "methods")
    assert code == 2
    assert "flythinker" in out
    assert "built in and some-package" in out
    assert message in err
    code, out, err = call("list", "methods", "--json")
    assert code == 2
    assert {row["name"] for row in json.loads(out)} == set(registry.BUILT_IN["method"])


def test_options_are_listed_with_their_meaning_and_a_broken_package_with_its_fault(
    installed,
    call,
):
    installed(_point("shaky", "nowhere_at_all:Method"))
    code, out, _ = call("list", "options", "--json")
    assert code == 0
    rows = {(row["method"], row["option"]): row for row in json.loads(out)}
    assert rows["coconut", "method.n_thoughts"]["default"] == 4
    assert "0 without a curriculum is SFT" in rows["coconut", "method.n_thoughts"]["meaning"]
    assert rows["nonpers", ""]["meaning"] == "no options"
    assert "'shaky' of some-package" in rows["shaky", ""]["meaning"]
    assert {method for method, _ in rows} == {*registry.BUILT_IN["method"], "shaky"}


def test_a_package_that_leaves_is_named_like_any_broken_one(installed, tmp_path, monkeypatch):
    (tmp_path / "leaving.py").write_text("import sys\nsys.exit('bye')\n")
    monkeypatch.syspath_prepend(tmp_path)
    installed(_point("leaving", "leaving:Method"))
    with pytest.raises(UsageError, match=r"\(leaving:Method\) is broken: SystemExit: bye .*py:2\)"):
        find("method", "leaving")


def test_the_line_of_a_broken_package_is_its_own(installed, tmp_path, monkeypatch):
    package = tmp_path / "shaky_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "inner.py").write_text("import json\n\n\nx = json.loads('{')\n")
    (package / "method.py").write_text("from shaky_package import inner\n")
    monkeypatch.syspath_prepend(tmp_path)
    installed(_point("shaky", "shaky_package.method:Method"))
    with pytest.raises(UsageError, match=r"JSONDecodeError: .* \(at .*shaky_package/inner\.py:4\)"):
        find("method", "shaky")


OFFERS = """
from dataclasses import replace
from harness.data.tasks import PRODUCT_REVIEW
from harness.metrics.base import MeanMetric
TASK = replace(PRODUCT_REVIEW, name="short_review")
class Words(MeanMetric):
    name, unit, signature = "words", "words", "words|v1"
    def score(self, pair):
        return float(len(pair.prediction.split()))
"""


@pytest.fixture
def offering(tmp_path, monkeypatch):
    """A package on the path as pip leaves one: it offers a task and a metric."""
    site = tmp_path / "site"
    about = site / "offering-1.0.dist-info"
    about.mkdir(parents=True)
    (site / "offering.py").write_text(OFFERS)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: offering\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[harness.tasks]\nshort_review = offering:TASK\n[harness.metrics]\nwords = offering:Words\n"
    )
    monkeypatch.syspath_prepend(site)
    table.cache_clear()
    yield
    table.cache_clear()


def test_a_package_offers_tasks_and_metrics(call, offering, tmp_path, reviews, backbone):
    for kind, name in (("tasks", "short_review"), ("metrics", "words")):
        code, out, _ = call("list", kind)
        assert code == 0
        assert any(name in line and "offering" in line for line in out.splitlines())
    short = tmp_path / "data" / "short_review"
    short.parent.mkdir()
    short.symlink_to(reviews / "product_review")
    code, out, _ = call(
        "run", "--method", "rag", "--task", "short_review", "--data", short.parent,
        "--backbone", backbone, "--out", tmp_path / "out", *SMALL,
        "--set", 'eval.metrics=["words"]',
    )  # fmt: skip
    assert code == 0, out
    record = read_record(next((tmp_path / "out").rglob("record.json")))
    assert record.task == "short_review"
    words = [len(text.output.split()) for text in read_predictions(next(tmp_path.rglob("s0-*")))]
    assert record.metrics["words"].value == pytest.approx(sum(words) / len(words))
