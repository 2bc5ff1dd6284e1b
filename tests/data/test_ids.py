"""Ids: the row's own, else a hash; unique in a split."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data.ids import IdAssigner, derived_id


def test_an_id_is_the_task_and_twelve_hex_digits_of_a_hash():
    # printf 'u1\0Write the review of "pot 1".' | sha256sum
    assert (
        derived_id("product_review", "u1", 'Write the review of "pot 1".')
        == "product_review-219144c54ccb"
    )


def test_repeats_are_numbered_in_file_order_and_given_ids_are_kept():
    ids = IdAssigner("t")
    first = derived_id("t", "u", "x")
    assigned = [ids.assign(own, "u", "x") for own in (None, "mine", None, None)]
    assert assigned == [first, "mine", f"{first}-2", f"{first}-3"]


def test_a_duplicate_id_is_refused():
    ids = IdAssigner("t")
    ids.assign("a", "u", "x")
    with pytest.raises(ValueError, match="a"):
        ids.assign("a", "u2", "y")


ROWS = st.lists(
    st.tuples(st.sampled_from(["u", "v"]), st.sampled_from(["x", "y", "é"])), max_size=12
)


@given(ROWS)
def test_ids_are_unique_and_do_not_depend_on_later_rows(rows: list[tuple[str, str]]):
    ids = IdAssigner("t")
    names = [ids.assign(None, *row) for row in rows]
    assert len(set(names)) == len(rows)
    shorter = IdAssigner("t")
    assert [shorter.assign(None, *row) for row in rows[: len(rows) // 2]] == names[: len(rows) // 2]


@given(st.text("ab\0", max_size=4), st.text("ab", max_size=4))
def test_the_hash_covers_user_nul_input(user: str, text: str):
    expected = hashlib.sha256(user.encode() + b"\0" + text.encode()).hexdigest()[:12]
    assert derived_id("t", user, text) == f"t-{expected}"
