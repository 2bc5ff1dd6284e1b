"""The example package, as its wheel installs it."""

import json
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

from harness.registry import table
from tests.support.tutorial import EXAMPLES, FEWER, commands

PROJECT = tomllib.loads((EXAMPLES / "pyproject.toml").read_text("utf-8"))["project"]
METHODS = PROJECT["entry-points"]["harness.methods"]
BUILD = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with the files of the wheel, as pip leaves them."""
    folder = tmp_path_factory.mktemp("package")
    source = folder / "source"
    for file in EXAMPLES.rglob("*"):
        if file.is_file() and not {"build", "__pycache__"} & set(file.parts):
            copy = source / file.relative_to(EXAMPLES)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    words = [sys.executable, "-c", BUILD, str(folder)]
    done = subprocess.run(words, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = folder.glob("harness_example_methods-*.whl")
    with ZipFile(wheel) as files:
        files.extractall(folder / "site")
    return folder / "site"


@pytest.fixture
def installed(site, call, monkeypatch):
    """Calls `harness` where the wheel's package is on the path, and the folder of examples not."""
    for name in [one for one in sys.modules if one.startswith("harness_example_methods")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [str(site), *(p for p in sys.path if p != str(EXAMPLES))])
    table.cache_clear()

    def go(*words):
        code, out, err = call(*words)
        assert code == 0, out + err
        return out

    yield go
    for name in [one for one in sys.modules if one.startswith("harness_example_methods")]:
        module = sys.modules.pop(name)
        assert Path(module.__file__).is_relative_to(site)
    table.cache_clear()


def _harness(line):
    """The arguments of `harness` in a shell line of the tutorial."""
    first, *words = shlex.split(line)
    assert first == "harness"
    return words


PIP, LIST, *CHECKED = commands(1)


def test_its_methods_are_listed_with_their_origin(installed):
    assert PIP == "pip install ./examples"  # what the fixture does, from the wheel
    shown = installed(*_harness(LIST))
    assert shown.count("harness-example-methods") == len(METHODS)
    rows = {row["name"]: row for row in json.loads(installed(*_harness(LIST), "--json"))}
    assert {rows[name]["from"] for name in METHODS} == {"harness-example-methods"}
    assert rows["sft"]["from"] == "built in"


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(line, marks=[pytest.mark.slow] if "run --method perce" in line else [])
        for line in CHECKED
    ],
    ids=lambda line: " ".join(_harness(line)[:3]),
)
def test_the_tutorials_commands_work(installed, line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = _harness(line)
    shown = installed(*words, *(FEWER if words[0] == "run" else ()))
    if words[0] == "check-method":
        assert "failed" not in shown
        assert f"check-method {words[1]}" in shown
    else:
        name = words[words.index("--method") + 1]
        (record,) = (tmp_path / "results").glob(f"*/{name}/*/record.json")
        assert json.loads(record.read_text())["status"] == "complete"


def test_docs_have_a_row_for_every_method():
    text = (EXAMPLES.parent / "docs" / "methods.md").read_text("utf-8")
    table = text.partition("## Methods of the example package")[2].partition("\n## ")[0]
    rows = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")]
    assert set(rows) - {"method"} == set(METHODS)
    assert "arXiv" in table


def test_the_tutorial_checks_and_runs_two_methods():
    assert [_harness(line)[0] for line in CHECKED] == 2 * ["check-method"] + 2 * ["run"]
