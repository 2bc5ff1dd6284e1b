"""The docs site builds strictly, holds every page, and loads nothing from another host."""

import re
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CONFIG = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
builds = pytest.mark.skipif(
    find_spec("zensical") is None, reason="zensical is not installed: pip install -e '.[docs]'"
)


@pytest.fixture
def pages(tmp_path):
    """A copy of all that the site is made of."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    for name in ("zensical.toml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def build(folder):
    words = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120)


def in_nav(entries):
    """Files that the navigation names, in order."""
    for entry in entries:
        for place in entry.values():
            yield from [place] if isinstance(place, str) else in_nav(place)


def test_every_page_is_in_the_navigation_once():
    named = list(in_nav(CONFIG["nav"]))
    assert sorted(named) == sorted(path.name for path in (ROOT / "docs").glob("*.md"))


@builds
def test_the_site_builds_and_loads_nothing_from_elsewhere(pages):
    done = build(pages)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in in_nav(CONFIG["nav"]):
        html = (pages / CONFIG["site_dir"] / name.replace(".md", ".html")).read_text("utf-8")
        loaded = re.findall(
            r"<(?:script|link|img|iframe)[^>]+(?:src|href)=\"?https?://[^\s>]+", html
        )
        assert not loaded, f"{name} loads {loaded}"
        lost = re.findall(r"<p>(?:(?!</p>).)*\n(?:[-*]|\d+\.) .{0,60}", html, re.DOTALL)
        assert not lost, f"{name}: a list needs an empty line before it: {lost}"
    assert "Unreleased" in (pages / CONFIG["site_dir"] / "changelog.html").read_text("utf-8")


@builds
def test_a_broken_link_fails_the_build(pages):
    with (pages / "docs" / "index.md").open("a", encoding="utf-8") as page:
        page.write("\n[nowhere](nowhere.md)\n")
    done = build(pages)
    assert done.returncode != 0
    assert "nowhere.md" in re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
