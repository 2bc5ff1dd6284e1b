"""Kinds of data sources: only their own rooms ask which one it is."""

import re
from pathlib import Path

import pytest

from harness.data.source import source_of

ROOT = Path(__file__).parents[2]
ASKS = re.compile(r"""(source|kind)\s*[!=]=\s*["'](mini|hub|folder)["']""")
ROOMS = ("harness/data/", "harness/mini/", "harness/record/")


def outside(rooms):
    for package in ("harness", "baselines", "flythinker"):
        for path in sorted((ROOT / package).rglob("*.py")):
            place = path.relative_to(ROOT).as_posix()
            if not place.startswith(rooms):
                yield place, path.read_text(encoding="utf-8")


def test_only_the_rooms_of_data_ask_for_a_kind_of_source():
    assert not [place for place, text in outside(ROOMS) if ASKS.search(text)]


def test_such_a_question_is_found():
    assert [place for place, text in outside(()) if ASKS.search(text)]


@pytest.mark.parametrize(("name", "built_in"), [("mini", True), ("hub", False), ("x/y", False)])
def test_only_the_benchmark_is_built_in(name, built_in):
    assert source_of(name).built_in is built_in
