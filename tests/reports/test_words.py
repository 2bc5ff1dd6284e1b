"""No page claims that two systems are equal: only an interval inside a stated margin could."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EQUALITY = re.compile(
    r"works? as well as|as good as (?:sft|rag|cot|coconut|flythinker)|no difference between"
    r"|differ from each other|the same result as|references? \(ceiling\)"
    r"|References give the ceiling"
)
SHOWN = ("no difference between the two was shown",)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES += sorted(
    path for path in (ROOT / "harness" / "reports").rglob("*") if path.suffix in (".py", ".toml")
)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_no_sentence_of_equality(page):
    text = page.read_text(encoding="utf-8")
    for allowed in SHOWN:
        text = text.replace(allowed, "")
    assert not EQUALITY.findall(text)
