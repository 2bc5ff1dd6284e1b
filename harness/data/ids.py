"""Example ids: the row's own, else a hash of user and input; the same on every machine."""

from __future__ import annotations

import hashlib


def derived_id(task: str, user: str, text: str) -> str:
    """`{task}-` and the first 12 hex digits of sha256(user \\0 input)."""
    digest = hashlib.sha256(f"{user}\0{text}".encode()).hexdigest()
    return f"{task}-{digest[:12]}"


class IdAssigner:
    """Assigns ids to the rows of one split, in file order; repeats get `-2`, `-3`, …"""

    def __init__(self, task: str) -> None:
        self.task = task
        self._taken: set[str] = set()

    def peek(self, own: str | None, user: str, text: str) -> str:
        """The id that the next row would get. Changes no state."""
        if own is not None:
            return own
        first = candidate = derived_id(self.task, user, text)
        repeat = 1
        while candidate in self._taken:
            repeat += 1
            candidate = f"{first}-{repeat}"
        return candidate

    def assign(self, own: str | None, user: str, text: str) -> str:
        """Assign the row's id. Raises ValueError if another row already has it."""
        name = self.peek(own, user, text)
        if name in self._taken:
            raise ValueError(name)
        self._taken.add(name)
        return name
