"""Ids: the row's own, else a hash; unique in a split."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from harness.data.rows import new_id


def test_an_id_is_the_task_and_twelve_hex_digits_of_a_hash():
    # printf 'u1\0Write the review of "pot 1".' | sha256sum
    made = new_id("product_review", "u1", 'Write the review of "pot 1".', ())
    assert made == "product_review-219144c54ccb"


def assigned(rows: list[tuple[str, str]]) -> list[str]:
    """Ids in file order."""
    names: list[str] = []
    for user, text in rows:
        names.append(new_id("t", user, text, names))
    return names


def test_repeats_are_numbered_in_file_order():
    first = new_id("t", "u", "x", ())
    assert assigned([("u", "x")] * 3) == [first, f"{first}-2", f"{first}-3"]
    assert new_id("t", "u", "x", {first, f"{first}-3"}) == f"{first}-2"


ROWS = st.lists(
    st.tuples(st.sampled_from(["u", "v"]), st.sampled_from(["x", "y", "é"])), max_size=12
)


@given(ROWS)
def test_ids_are_unique_and_do_not_depend_on_later_rows(rows: list[tuple[str, str]]):
    names = assigned(rows)
    assert len(set(names)) == len(rows)
    assert assigned(rows[: len(rows) // 2]) == names[: len(rows) // 2]


@given(st.text("ab\0", max_size=4), st.text("ab", max_size=4))
def test_the_hash_covers_user_nul_input(user: str, text: str):
    expected = hashlib.sha256(user.encode() + b"\0" + text.encode()).hexdigest()[:12]
    assert new_id("t", user, text, ()) == f"t-{expected}"
