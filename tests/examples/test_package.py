"""The example package from its own wheel, in an environment of its own."""

import json
import os
import subprocess
import sys
import sysconfig
import venv

import pytest

from tests.examples.conftest import EXAMPLES
from tests.test_cli import SMALL

METHODS = ("perce", "contrastive")


@pytest.fixture(scope="module")
def harness(tmp_path_factory):
    """The `harness` command where the wheel is installed; the harness itself is borrowed."""
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
    borrowed = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    (site / "borrowed.pth").write_text(borrowed)
    _run(*pip, "--python", python, "install", "--no-deps", "--no-index", wheel)
    command = "from harness.cli import main; main()"

    def call(*words):
        environment = {**os.environ, "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
        return _run(python, "-c", command, *words, cwd=folder, env=environment)

    return call


def _run(*words, **more):
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False, **more
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_its_methods_are_listed_with_their_origin(harness):
    rows = {row["name"]: row for row in json.loads(harness("list", "methods", "--json"))}
    assert {rows[name]["origin"] for name in METHODS} == {"harness-example-methods"}
    assert rows["sft"]["origin"] == "built in"


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_its_methods_pass_the_kit(harness, name):
    assert "failed" not in harness("check-method", name)


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_its_methods_run_by_name(harness, name, tmp_path, reviews, backbone):
    options = ["--data", reviews, "--backbone", backbone, "--out", tmp_path / "out", *SMALL]
    assert "bleu" in harness("run", "--method", name, *options)
    (record,) = (tmp_path / "out").rglob("record.json")
    assert json.loads(record.read_text())["status"] == "complete"
