"""The example package, installed from its wheel into a fresh environment."""

import json
import os
import shlex
import subprocess
import sys
import sysconfig
import venv

import pytest

from tests.support.tutorial import EXAMPLES, commands

METHODS = ("perce", "contrastive")
LESS = ("--set", "data.val_limit=2", "--set", "eval.resamples=100", "--set", "eval.authors=false")
"""What a run is given besides the tutorial's words, so that it ends within seconds."""
SERVER = """
import datasets, gc, io, json, sys, transformers
from contextlib import redirect_stdout
from harness.cli import main
gc.freeze()  # a run collects garbage three times
for line in sys.stdin:
    sys.argv = ["harness", *json.loads(line)]
    shown, code = io.StringIO(), 0
    with redirect_stdout(shown):
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
    print(json.dumps([code, shown.getvalue()]), flush=True)
"""
"""Runs the commands that it reads, one a line, so that torch is imported once."""


@pytest.fixture(scope="module")
def harness(tmp_path_factory):
    """Call `harness` in an environment with the wheel; it shares this environment's packages."""
    folder = tmp_path_factory.mktemp("package")
    source = folder / "source"
    source.mkdir()
    for file in EXAMPLES.rglob("*"):
        if file.is_file() and not {"build", "__pycache__"} & set(file.parts):
            copy = source / file.relative_to(EXAMPLES)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    pip = [sys.executable, "-m", "pip", "--quiet"]
    offline = ["--no-deps", "--no-index", "--no-build-isolation"]
    _run(*pip, "wheel", *offline, "--wheel-dir", folder, source)
    (wheel,) = folder.glob("harness_example_methods-*.whl")
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv" / "bin" / "python"
    site = next((folder / "venv" / "lib").glob("python*/site-packages"))
    shared = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    (site / "shared.pth").write_text(shared)
    _run(*pip, "--python", python, "install", "--no-deps", "--no-index", wheel)
    environment = {**os.environ, "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
    server = subprocess.Popen(
        [str(python), "-c", SERVER], cwd=folder, env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip

    def call(*words):
        print(json.dumps(words), file=server.stdin, flush=True)
        code, shown = json.loads(server.stdout.readline())
        assert code == 0, shown
        return shown

    call.folder = folder
    yield call
    server.communicate()


def _run(*words, **more):
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False, **more
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _harness(line):
    """The arguments of `harness` in a shell line of the tutorial."""
    first, *words = shlex.split(line)
    assert first == "harness"
    return words


PIP, LIST, *CHECKED = commands(1)


def test_its_methods_are_listed_with_their_origin(harness):
    assert PIP == "pip install ./examples"  # what the fixture does, from the wheel
    shown = harness(*_harness(LIST))
    assert shown.count("harness-example-methods") == len(METHODS)
    rows = {row["name"]: row for row in json.loads(harness(*_harness(LIST), "--json"))}
    assert {rows[name]["origin"] for name in METHODS} == {"harness-example-methods"}
    assert rows["sft"]["origin"] == "built in"


@pytest.mark.parametrize("line", CHECKED, ids=lambda line: " ".join(_harness(line)[:3]))
def test_the_tutorials_commands_work(harness, line):
    words = _harness(line)
    shown = harness(*words, *(LESS if words[0] == "run" else ()))
    if words[0] == "check-method":
        assert "failed" not in shown
        assert f"check-method {words[1]}" in shown
    else:
        name = words[words.index("--method") + 1]
        (record,) = (harness.folder / "results").glob(f"*/{name}/*/record.json")
        assert json.loads(record.read_text())["status"] == "complete"


def test_the_tutorial_checks_and_runs_both_methods():
    assert [_harness(line)[0] for line in CHECKED] == 2 * ["check-method"] + 2 * ["run"]
