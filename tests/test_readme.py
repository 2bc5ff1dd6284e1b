"""Every command that README shows runs, in README's order, in an empty folder."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from harness import cli
from harness.data import load_split
from harness.settings import RunSettings, validate
from tests.support.command_line import SMALL

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
LESS = {
    "run": [*SMALL, "--limit", "2", "--train-limit", "4", "--set", "data.val_limit=2"],
    "leaderboard": ["--boards", str(ROOT / "leaderboards")],
}
"""What a verb is given beside README's words, so that it ends within seconds."""


def commands(text):
    """Commands of code blocks and of inline code, comments off, in the order of the page."""
    found = []
    for block, inline in re.findall(
        r"^```\w*\n(.*?)^```|`([^`]+)`", text, re.MULTILINE | re.DOTALL
    ):
        for line in block.splitlines() if block else [" ".join(inline.split())]:
            words = shlex.split(line, comments=True) if re.match(r"(make|harness) ", line) else []
            if words:
                found.append(words)
    return found


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


def test_every_harness_command_runs(tmp_path, reviews, backbone, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    settings = validate(RunSettings, {"data": {"source": str(reviews)}}, "test")
    made = [{"id": one.id, "output": "text"} for one in load_split(settings, "test").examples]
    Path("texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in made), "utf-8")
    for words in commands(README):
        if words[0] != "harness":
            continue
        runs = sorted(path.parent for path in Path("results").rglob("record.json"))
        places = {
            "FOLDER": str(reviews),
            "TEXTS": "texts.jsonl",
            "RUN": str(runs[0]) if runs else "no run yet",
            "results/published/mini": str(ROOT / "results/published/mini/product_review/coconut"),
        }
        given = [places.get(word, word) for word in words] + LESS.get(words[1], [])
        if "smollm2" in given:  # its settings, without its 135 million weights
            given += ["--backbone", str(backbone)]
        monkeypatch.setattr("sys.argv", given)
        code = 0
        try:
            cli.main()
        except SystemExit as stopped:
            code = stopped.code or 0
        printed = capsys.readouterr()
        assert code == 0, f"{shlex.join(words)}\n{printed.out}\n{printed.err}"
        assert printed.out


def test_the_first_table_is_that_of_the_published_records():
    from benchmarks.readme_table import PUBLISHED, table

    assert table(PUBLISHED) in README
