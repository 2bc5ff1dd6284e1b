"""The commands of README and of first pages of docs/ run, in order, in an empty folder."""

import re
import shlex
import subprocess

import pytest

from harness import cli
from tests.support.page_commands import commands
from tests.support.pages import PAGES, ROOT, filled, prepare

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_commands_are_found():
    text = "Then `harness list\nmethods`, `harness`, `x`.\n```\nmake demo  # first\nls\n```\n"
    assert commands(text) == [["harness", "list", "methods"], ["make", "demo"]]
    shown = commands(README)
    assert ["make", "demo"] in shown
    assert ["make", "test"] in shown
    assert any(words[:2] == ["harness", "run"] for words in shown)


@pytest.mark.parametrize("target", sorted({w[1] for w in commands(README) if w[0] == "make"}))
def test_make_knows_the_target(target):
    words = ["make", "--dry-run", "--directory", str(ROOT), target]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    if target == "demo":
        assert "harness run --method flythinker" in done.stdout


@pytest.mark.parametrize("page", PAGES)
def test_every_harness_command_runs(page, tmp_path, reviews, backbone, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    text = (ROOT / page).read_text(encoding="utf-8")
    prepare(text, tmp_path, reviews)
    for given in filled(text, tmp_path, reviews, backbone):
        monkeypatch.setattr("sys.argv", given)
        code = 0
        try:
            cli.main()
        except SystemExit as stopped:
            code = stopped.code or 0
        printed = capsys.readouterr()
        assert code == 0, f"{shlex.join(given)}\n{printed.out}\n{printed.err}"
        assert printed.out or given[1].startswith("new-")


def test_the_tree_names_every_room():
    tree = README.partition("## The tree")[2].partition("## ")[0]
    rooms = [path.name for path in (ROOT / "harness").iterdir() if (path / "__init__.py").exists()]
    assert not [room for room in rooms if not re.search(rf"[\s/]{room}/", tree)]
    parts = (ROOT / "harness" / "reports").iterdir()
    parts = [path.name for path in parts if (path / "__init__.py").exists()]
    assert not [part for part in parts if f"{part}/" not in tree]


def test_results_stand_between_their_lines():
    """benchmarks/findings.py writes what is between them."""
    before, _, rest = README.partition("<!-- results: benchmarks/findings.py -->\n")
    results, _, after = rest.partition("<!-- end of results -->\n")
    assert before.endswith("## First results\n")
    assert not re.search(r"^#{1,2} ", results, re.MULTILINE)
    assert after.startswith("\n## How it compares\n")
