"""check.sh: a pull request may add rows, and nothing else."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECK = Path(__file__).parents[2] / "leaderboards" / "check.sh"
ROW = "leaderboards/product_review/user/mini"


@pytest.fixture
def repository(boards, tmp_path):
    """A repository with the mini board; its row is not committed yet."""
    root = tmp_path / "repository"
    shutil.copytree(boards / "mini", root / "leaderboards")
    git(root, "init", "-q")
    git(root, "add", f"{ROW}/board.json")
    commit(root)
    git(root, "tag", "base")
    return root


def git(root, *words):
    names = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", "-C", root, *names, *words], check=True, capture_output=True)


def commit(root):
    git(root, "commit", "-qm", "x")


def check(root, *words):
    harness = root.parent / "harness"
    code = "from harness.cli import main; main()"
    harness.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{code}" "$@"\n')
    harness.chmod(0o755)
    variables = {**os.environ, "HARNESS": str(harness), "PYTHONPATH": str(CHECK.parents[1])}
    return subprocess.run([CHECK, *words], cwd=root, env=variables, capture_output=True, text=True)


def test_an_added_row_is_verified(repository):
    git(repository, "add", ".")
    commit(repository)
    done = check(repository, "base")
    assert (done.returncode, done.stdout.split()[0]) == (0, "verified"), done.stderr
    assert not list(repository.rglob("verification.json"))


@pytest.mark.parametrize(
    "path",
    [f"{ROW}/board.json", f"{ROW}/mine/verification.json", f"{ROW}/mine/run.py", 
     "harness/cli/run.py", "leaderboards/check.sh",
     f"{ROW}/Mine/submission.json", f"{ROW}/mine/deeper/submission.json"],
)  # fmt: skip
def test_anything_else_is_refused(repository, path):
    file = repository / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("{}")
    git(repository, "add", path)
    commit(repository)
    done = check(repository, "base")
    assert done.returncode == 2
    assert f"{path}; a submission only adds ROW/submission.json" in done.stderr


def test_nothing_added_and_no_base(repository):
    done = check(repository, "base")
    assert (done.returncode, done.stderr) == (2, "no row added since base\n")
    done = check(repository)
    assert done.returncode != 0
    assert "usage: leaderboards/check.sh BASE" in done.stderr
