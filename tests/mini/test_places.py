"""Every habit of a reference is found, and its characters are those of its value."""

import pytest

from harness.mini import TASKS, calls, rewrite, rows
from harness.mini.habits import kinds
from harness.mini.places import places

POSITIONAL = ("order", "layout", "emphasis", "ending")


@pytest.mark.parametrize("task", TASKS)
def test_the_places_of_a_reference_are_its_calls(task):
    for row in rows(task, "user", "val")[:3]:
        asked = calls(task, "user", "val")[row["id"]]
        found = places(asked, row["output"])
        assert sorted(kind for kind, *_ in found) == sorted(call.kind for call in asked)
        assert [start for _, start, _ in found] == sorted(start for _, start, _ in found)
        values = {call.kind: call.expected for call in asked}
        for kind, start, end in found:
            shown = row["output"][start:end]
            assert shown.strip()
            if kind not in POSITIONAL:
                assert shown.casefold() == kinds(task)[kind].values[values[kind]].casefold()
            if kind == "ending":
                assert not shown.strip(".!")


def test_another_authors_text_shows_fewer():
    one, other = rows(TASKS[0], "user", "val")[:2]
    asked = calls(TASKS[0], "user", "val")[one["id"]]
    text = rewrite(TASKS[0], "user", "val", one["id"], other["reviewerId"])
    assert len(places(asked, text)) < len(asked)
    assert places(asked, "") == ()
    assert places((), one["output"]) == ()
