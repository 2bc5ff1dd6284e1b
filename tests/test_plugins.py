"""A new method is one file: written, checked, run; a broken one is named with its line."""

import runpy

import pytest

from harness.blame import blaming
from harness.errors import UsageError
from harness.record import read_record
from harness.registry import find, load_plugin
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
