"""Ids: the row's own, else a hash; never twice in a split."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data.ids import IdGiver, derived_id


def test_an_id_is_the_task_and_twelve_hex_of_user_and_input():
    # printf 'u1\0Write the review of "pot 1".' | sha256sum
    assert (
        derived_id("product_review", "u1", 'Write the review of "pot 1".')
        == "product_review-219144c54ccb"
    )


def test_repeats_are_numbered_in_file_order_and_own_ids_stay():
    ids = IdGiver("t")
    first = derived_id("t", "u", "x")
    given_ids = [ids.give(own, "u", "x") for own in (None, "mine", None, None)]
    assert given_ids == [first, "mine", f"{first}-2", f"{first}-3"]


def test_an_own_id_twice_is_refused():
    ids = IdGiver("t")
    ids.give("a", "u", "x")
    with pytest.raises(ValueError, match="a"):
        ids.give("a", "u2", "y")


ROWS = st.lists(
    st.tuples(st.sampled_from(["u", "v"]), st.sampled_from(["x", "y", "é"])), max_size=12
)


@given(ROWS)
def test_ids_are_unique_and_do_not_depend_on_later_rows(rows: list[tuple[str, str]]):
    ids = IdGiver("t")
    names = [ids.give(None, *row) for row in rows]
    assert len(set(names)) == len(rows)
    half = IdGiver("t")
    assert [half.give(None, *row) for row in rows[: len(rows) // 2]] == names[: len(rows) // 2]


@given(st.text("ab\0", max_size=4), st.text("ab", max_size=4))
def test_the_hash_is_of_user_nul_input(user: str, text: str):
    expected = hashlib.sha256(user.encode() + b"\0" + text.encode()).hexdigest()[:12]
    assert derived_id("t", user, text) == f"t-{expected}"
