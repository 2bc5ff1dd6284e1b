"""Limits: whole users, in an order that the data decide; nested; rows stay in file order."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from harness.data.user_limit import take
from harness.types import Example

ROWS = st.lists(st.sampled_from("abcde"), min_size=1, max_size=25).map(
    lambda users: [Example(f"t-{n}", user, "x", "y", ()) for n, user in enumerate(users)]
)


@given(ROWS, st.integers(1, 30), st.sampled_from(["f1", "f2", "f3"]))
def test_a_limit_is_exact_and_splits_at_most_one_user(rows: list[Example], limit: int, seed: str):
    taken = take(rows, limit, seed)
    assert len(taken) == min(limit, len(rows))
    assert taken == [row for row in rows if row in taken]  # file order
    available, used = Counter(row.user_id for row in rows), Counter(row.user_id for row in taken)
    partial = [user for user in used if used[user] < available[user]]
    assert len(partial) <= 1
    for user in partial:  # its first rows
        of_user = [row for row in rows if row.user_id == user]
        assert [row for row in taken if row.user_id == user] == of_user[: used[user]]


@given(ROWS, st.integers(1, 25))
def test_a_smaller_limit_gives_a_subset(rows: list[Example], limit: int):
    smaller, larger = (take(rows, size, "f") for size in (limit, limit + 1))
    assert all(row in larger for row in smaller)


def test_the_order_of_users_depends_on_the_fingerprint_alone():
    # sha256sum of "f\0a", "f\0b", "f\0c": 50…, 9c…, 28…; of "g\0a", …: fb…, e3…, a9…
    rows = [Example(f"t-{n}", user, "x", "y", ()) for n, user in enumerate("abcabc")]
    assert [row.id for row in take(rows, 2, "f")] == ["t-2", "t-5"]
    assert [row.id for row in take(rows, 3, "f")] == ["t-0", "t-2", "t-5"]
    assert [row.id for row in take(rows, 5, "g")] == ["t-0", "t-1", "t-2", "t-4", "t-5"]
    assert take(rows, None, "f") == rows
