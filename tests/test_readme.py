"""The commands of README and of first pages of docs/ run, in order, in an empty folder."""

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
from tests.support.page_commands import commands

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
PAGES = (
    "README.md",
    pytest.param("docs/quickstart.md", marks=pytest.mark.slow),
    "docs/own-data.md",
)
LESS = {
    "run": [*SMALL, "--limit", "2", "--train-limit", "4", "--set", "data.val_limit=2"],
    "leaderboard": ["--boards", str(ROOT / "leaderboards")],
}
"""What a verb is given beside README's words, so that it ends within seconds."""


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


def run_python(text):
    """Run a page's Python block as its reader would: here, on a table of texts by 30 authors."""
    rows = [f"a{author},Title {n},Text {n} by {author}." for author in range(30) for n in range(3)]
    Path("texts.csv").write_text("\n".join(["author,title,text", *rows]), encoding="utf-8")
    (script,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    exec(compile(script, "page", "exec"), {})


@pytest.mark.parametrize("page", PAGES)
def test_every_harness_command_runs(page, tmp_path, reviews, backbone, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    settings = validate(RunSettings, {"data": {"source": str(reviews)}}, "test")
    made = [{"id": one.id, "output": "text"} for one in load_split(settings, "test").examples]
    Path("texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in made), "utf-8")
    text = (ROOT / page).read_text(encoding="utf-8")
    if "```python" in text:
        run_python(text)
    for words in map(list, dict.fromkeys(map(tuple, commands(text)))):  # each once
        if words[0] != "harness":
            continue
        runs = sorted(path.parent for path in Path("results").rglob("record.json"))
        places = {
            "FOLDER": str(reviews),
            "hub": str(reviews),  # its rows, without the hub
            "DIR": str(backbone),
            "TEXTS": "texts.jsonl",
            "RUN": str(runs[0]) if runs else "no run yet",
            "results/published/mini": str(ROOT / "results/published/mini/product_review/coconut"),
        }
        given = [places.get(word, word) for word in words] + LESS.get(words[1], [])
        if "smollm2" in given and "--backbone" not in given:
            given += ["--backbone", str(backbone)]  # its settings, without its 135 million weights
        monkeypatch.setattr("sys.argv", given)
        code = 0
        try:
            cli.main()
        except SystemExit as stopped:
            code = stopped.code or 0
        printed = capsys.readouterr()
        assert code == 0, f"{shlex.join(words)}\n{printed.out}\n{printed.err}"
        assert printed.out or words[1] == "new-method"


def test_the_first_table_is_that_of_the_published_records():
    from benchmarks.readme_table import PUBLISHED, table

    assert table(PUBLISHED) in README
