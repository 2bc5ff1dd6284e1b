"""The commands that a page shows, and how a test runs them: smaller, and on data made up for it."""

import json
import re
from pathlib import Path

import pytest

from harness.data import load_split
from harness.settings import RunSettings, validate
from tests.support.command_line import SMALL
from tests.support.page_commands import commands

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    "README.md",
    pytest.param("docs/quickstart.md", marks=pytest.mark.slow),
    "docs/own-data.md",
)
"""Pages whose commands run, in the order of the page, in an empty folder."""
LESS = {
    "run": [*SMALL, "--limit", "2", "--train-limit", "4", "--set", "data.val_limit=2"],
    "leaderboard": ["--boards", str(ROOT / "leaderboards")],
    "trial": ["--limit", "8", "--metrics", "rouge1"],
}
"""What a verb is given in addition to the page's words, so that it ends within seconds."""


def prepare(text, folder, reviews):
    """Make in `folder` what a page takes for granted: texts of one's own, its script's output."""
    settings = validate(RunSettings, {"data": {"source": str(reviews)}}, "test")
    ids = [example.id for example in load_split(settings, "test").examples]
    texts = [json.dumps({"id": key, "output": "text"}) + "\n" for key in ids]
    (folder / "texts.jsonl").write_text("".join(texts), encoding="utf-8")
    for script in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        rows = [f"a{user},Title {n},Text {n} by {user}." for user in range(30) for n in range(3)]
        table = "\n".join(["author,title,text", *rows])
        (folder / "texts.csv").write_text(table, encoding="utf-8")
        exec(compile(script, "page", "exec"), {})


def filled(text, folder, reviews, backbone):
    """A page's `harness` commands, each once, with its placeholders filled in, one after another.

    folder: where they run. A placeholder RUN is a run that the commands before have left there.
    """
    for words in map(list, dict.fromkeys(map(tuple, commands(text)))):
        if words[0] != "harness":
            continue
        runs = sorted(path.parent for path in (folder / "results").rglob("record.json"))
        runs = [run for run in runs if not run.parent.name.startswith("floor-")]
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
        yield given
