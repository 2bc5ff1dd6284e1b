"""A new method is one file: written, checked, run; a broken one is named with its line."""

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from harness import registry
from harness.errors import UsageError
from harness.record import read_record
from harness.registry import find, load_plugin, table
from tests.test_cli import SMALL, call  # noqa: F401  (a fixture)


@pytest.fixture
def made(call, tmp_path):  # noqa: F811
    path = tmp_path / "my_method.py"
    code, out, _ = call("new-method", "my_method", "--out", path)
    assert code == 0
    assert f"harness check-method {path}" in out
    return path


def test_the_skeleton_passes_the_kit_and_its_own_test(call, made):  # noqa: F811
    code, out, _ = call("check-method", made)
    assert code == 0, out
    assert "failed" not in out
    test = made.with_name("test_my_method.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", str(test)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_the_skeleton_runs_by_name(call, made, tmp_path, reviews, backbone):  # noqa: F811
    options = ["--data", reviews, "--backbone", backbone, "--out", tmp_path / "out", *SMALL]
    code, out, _ = call(
        "run", "--method", "my_method", "--plugin", made, *options, "--set", "method.end_weight=2"
    )
    assert code == 0, out
    record = read_record(next((tmp_path / "out").rglob("record.json")))
    assert record.method == "my_method"
    assert record.settings["method"] == {"end_weight": 2}


def test_the_skeleton_is_never_written_over_a_file(call, made):  # noqa: F811
    code, _, err = call("new-method", "my_method", "--out", made)
    assert code == 2
    assert "is there already" in err


@pytest.mark.parametrize(
    ("name", "message"),
    [("sft", "exists already (built in)"), ("My-Method", "expected a lower-case name")],
)
def test_a_name_that_cannot_be(call, name, message):  # noqa: F811
    code, _, err = call("new-method", name)
    assert code == 2
    assert message in err


def test_a_built_in_method_passes_by_name(call):  # noqa: F811
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


def test_a_plugin_may_not_take_a_built_in_name(call, tmp_path):  # noqa: F811
    path = tmp_path / "again.py"
    path.write_text(
        "from harness.method import BaseMethod\nclass Again(BaseMethod):\n name='sft'\n"
    )
    code, _, err = call("run", "--method", "sft", "--plugin", path)
    assert code == 2
    assert "a method called 'sft' exists already" in err


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
    installed(_point("broken", "tests.conformance.broken:TrainsNothing"))
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
    with pytest.raises(UsageError, match="method 'shaky' of some-package is broken"):
        find("method", "shaky")


def test_two_methods_of_one_name_are_an_error(installed):
    installed(_point("sft", "baselines.rag:Rag"))
    with pytest.raises(UsageError, match="two methods are called 'sft': built in and some-package"):
        table("method")
