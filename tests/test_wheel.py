"""A newcomer's first hour: every command of the first pages, from a wheel, without a network."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv

import pytest

from tests.support.pages import PAGES, ROOT, filled, prepare

pytestmark = pytest.mark.slow
OFFLINE = """
import socket


def refuse(*_, **__):
    raise OSError("no network here")


socket.socket.connect = socket.socket.connect_ex = socket.create_connection = refuse
socket.getaddrinfo = refuse
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The scripts' folder of an environment with the wheel; it shares this one's packages."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    names = ["ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(["git", *names], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file() and not name.startswith(("results/", "tests/", "docs/")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "--quiet"]
    offline = ["--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "wheel", *offline, "--wheel-dir", folder, source], check=True)
    (wheel,) = folder.glob("flythinker_harness-*.whl")
    venv.create(folder / "venv", with_pip=False)
    site = next((folder / "venv" / "lib").glob("python*/site-packages"))
    (site / "offline.py").write_text(OFFLINE)
    shared = sysconfig.get_path("purelib")
    (site / "shared.pth").write_text(f"import offline, site; site.addsitedir({shared!r})\n")
    python = folder / "venv" / "bin" / "python"
    subprocess.run(
        [*pip, "--python", python, "install", "--no-deps", "--no-index", wheel], check=True
    )
    return python.parent


@pytest.fixture
def call(installed, tmp_path):
    """Run a script of the environment in an empty folder; standard output, if it succeeds."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment = {**kept, "COLUMNS": "120", "OMP_NUM_THREADS": "1"}

    def go(script, *words):
        done = subprocess.run(
            [installed / script, *words], cwd=tmp_path, env=environment, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{script} {words}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return go


def test_both_scripts_are_the_wheels_and_have_no_network(call, installed):
    assert call("harness", "--version") == call("flythinker-harness", "--version")
    where = call("python", "-c", "import harness, baselines, flythinker; print(harness.__file__)")
    assert where.startswith(str(installed.parent))
    tried = "import socket\ntry: socket.getaddrinfo('a', 9)\nexcept OSError as e: print(e)"
    assert "no network here" in call("python", "-c", tried)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_runs(page, call, tmp_path, reviews, backbone, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where a page's script writes
    text = (ROOT / page).read_text(encoding="utf-8")
    prepare(text, tmp_path, reviews)
    for given in filled(text, tmp_path, reviews, backbone):
        call(*given)


def test_texts_made_elsewhere_are_compared_with_a_run(call, tmp_path, reviews, backbone):
    prepare("", tmp_path, reviews)
    pages = "`harness run --method rag --data FOLDER --backbone DIR`"
    pages += " `harness score TEXTS --data FOLDER --task product_review --name mine --limit 2"
    pages += """ --set 'eval.metrics=["bleu","rouge1"]' --set eval.resamples=100`"""
    for given in filled(pages, tmp_path, reviews, backbone):
        call(*given)
    call("harness", "compare", "results", "--out", "report")
    page = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert "mine" in page
    assert "rag" in page
