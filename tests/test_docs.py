"""Pages name files and pages that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md"])
OWN = r"`((?:harness|flythinker|baselines|benchmarks|tests|docs|examples|leaderboards)/[\w/.-]+)`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page):
    text = page.read_text(encoding="utf-8")
    missing = {name for name in re.findall(OWN, text) if not (ROOT / name).exists()}
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    missing |= {link for link in links if not (page.parent / link).exists()}
    missing = {name for name in missing if "TASK" not in name}  # a pattern
    assert missing <= {"leaderboards/page/"}  # built, not kept
