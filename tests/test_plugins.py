"""A new method is one file: written, checked, run; a broken one is named with its line."""

import json
import runpy
from importlib.metadata import EntryPoint

import pytest

from harness import registry
from harness.errors import UsageError
from harness.record import read_predictions, read_record
from harness.registry import blaming, find, load_plugin, table
from harness.settings import build_settings
from tests.support.command_line import SMALL


@pytest.fixture
def made(call, tmp_path):
    path = tmp_path / "my_method.py"
    code, out, _ = call("new-method", "my_method", "--out", path)
    assert code == 0
    assert f"harness check-method {path}" in out
    return path


def test_the_skeleton_passes_its_own_test(made):
    """Its test calls the kit on its file; the tutorial's commands call `check-method`."""
    found = runpy.run_path(str(made.with_name("test_my_method.py")))
    (own_test,) = [value for name, value in found.items() if name.startswith("test_")]
    own_test()
    made.write_text("x = 1\n")
    with pytest.raises(UsageError, match="expected one class with `name` and `prompt`"):
        own_test()


def test_the_skeleton_runs_by_name(call, made, tmp_path, reviews, backbone):
    options = ["--data", reviews, "--backbone", backbone, "--out", tmp_path / "out", *SMALL]
    code, out, _ = call(
        "run", "--method", "my_method", "--plugin", made, *options, "--set", "method.end_weight=2"
    )
    assert code == 0, out
    record = read_record(next((tmp_path / "out").rglob("record.json")))
    assert record.method == "my_method"
    assert record.settings["method"] == {"end_weight": 2}


def test_the_skeleton_is_never_written_over_a_file(call, made):
    code, _, err = call("new-method", "my_method", "--out", made)
    assert code == 2
    assert "already exists" in err


@pytest.mark.parametrize(
    ("name", "message"),
    [("sft", "exists already (built in)"), ("My-Method", "expected a lower-case name")],
)
def test_a_name_that_cannot_be(call, name, message):
    code, _, err = call("new-method", name)
    assert code == 2
    assert message in err


def test_a_built_in_method_passes_by_name(call):
    code, out, _ = call("check-method", "rag")
    assert code == 0
    assert "skipped" in out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nowhere_at_all\n", r"broken.py is broken: ModuleNotFoundError.*broken.py:1"),
        ("x = 1\ny = 1 / 0\n", r"ZeroDivisionError.*broken.py:2"),
        ("def f(:\n", r"SyntaxError.*broken.py:1"),
        ("x = 1\n", r"expected one class with `name` and `prompt`, found 0"),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path, text, message):
    path = tmp_path / "broken.py"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        load_plugin(path)


def test_a_plugin_may_not_take_a_built_in_name(call, tmp_path):
    path = tmp_path / "again.py"
    path.write_text("from harness.method import Method\nclass Again(Method):\n name='sft'\n")
    code, _, err = call("run", "--method", "sft", "--plugin", path)
    assert code == 2
    assert "a method called 'sft' exists already (built in); rename one" in err


def test_two_plugin_files_may_not_share_a_name(call, made, tmp_path):
    copy = tmp_path / "copy.py"
    copy.write_text(made.read_text())
    code, _, err = call("run", "--method", "my_method", "--plugin", made, "--plugin", copy)
    assert code == 2
    assert "copy.py: a method called 'my_method' exists already (another --plugin)" in err


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


ALONE = """
class Alone:
    name = "alone"
    trains = False
    def __init__(self, settings): ...
    def prompt(self, example): ...
"""


def test_a_class_that_inherits_no_method_is_named_before_any_work(
    call,
    tmp_path, reviews, backbone,
):  # fmt: skip
    (tmp_path / "alone.py").write_text(ALONE)
    code, _, err = call(
        "run", "--plugin", tmp_path / "alone.py", "--method", "alone", "--data", reviews,
        "--backbone", backbone, "--out", tmp_path / "out",
    )  # fmt: skip
    assert code == 2
    assert "Alone is no harness.method.Method; expected a class that inherits it" in err
    assert not (tmp_path / "out").exists()


FAULTY = """
from harness.method import Method
from harness.engine.lm import CausalLM
class LM(CausalLM):
    def loss(self, batch):
        return self.logprobs(batch).nosuch{loss}
class Faulty(Method):
    name = "faulty"
    trains = True
    def __init__(self, settings):
        super().__init__(settings)
        {init}
    def prompt(self, example):
        {prompt}
        return super().prompt(example)
    def build(self, backbones):
        {build}
        return LM(backbones.main)
"""
FAULTS = [  # which part is faulty, the message, its line
    ("init", "ZeroDivisionError: division by zero", 12),
    ("prompt", "ZeroDivisionError: division by zero", 14),
    ("build", "ZeroDivisionError: division by zero", 17),
    ("loss", "AttributeError: 'Tensor' object has no attribute 'nosuch'", 6),
]


@pytest.mark.parametrize(("part", "message", "line"), FAULTS, ids=[row[0] for row in FAULTS])
def test_a_run_names_the_line_where_a_plugin_breaks(
    call,
    tmp_path, reviews, backbone, part, message, line,
):  # fmt: skip
    parts = dict.fromkeys(("init", "prompt", "build"), "pass") | {"loss": ""}
    path = tmp_path / "faulty.py"
    path.write_text(FAULTY.format(**{**parts, **({part: "1 / 0"} if part != "loss" else {})}))
    options = ["--data", reviews, "--backbone", backbone, "--out", tmp_path / "out", *SMALL]
    code, _, err = call("run", "--method", "faulty", "--plugin", path, *options)
    assert code == 2
    assert f"method 'faulty' is broken: {message} (at {path}:{line})" in err
    assert "Traceback" not in err


def test_an_error_of_the_harness_is_not_blamed_on_a_plugin(tmp_path):
    path = tmp_path / "innocent.py"
    path.write_text(FAULTY.format(init="pass", prompt="pass", build="pass", loss=""))
    with pytest.raises(KeyError), blaming("faulty", load_plugin(path)):
        {}["x"]
    with pytest.raises(KeyError), blaming("sft", find("method", "sft")):
        {}["x"]


def test_memory_that_runs_out_in_a_plugin_is_not_its_fault(tmp_path):
    path = tmp_path / "large.py"
    path.write_text(FAULTY.format(init="raise MemoryError", prompt="pass", build="pass", loss=""))
    factory = load_plugin(path)
    with pytest.raises(MemoryError), blaming("faulty", factory):
        factory(build_settings("mini"))


def test_show_finds_a_plugin_or_says_how(call, made, tmp_path, reviews, backbone):
    options = ["--data", reviews, "--backbone", backbone, "--out", tmp_path / "out", *SMALL]
    call("run", "--method", "my_method", "--plugin", made, "--limit", "1", *options)
    folder = next((tmp_path / "out").rglob("record.json")).parent
    code, out, _ = call("show", folder)
    assert code == 0
    assert "method 'my_method' is not installed; give its file with --plugin FILE" in out
    code, out, _ = call("show", folder, "--plugin", made)
    assert code == 0
    assert "prompt (main)" in out
