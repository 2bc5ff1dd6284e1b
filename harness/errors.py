"""Errors that a user can cause. The CLI prints them without a traceback; exit code 2."""

from collections.abc import Iterable
from difflib import get_close_matches

LINE_CHARACTERS = 1_000
"""A message's line is cut here: a name or a value in it may be a file's whole content."""
LINES = 60


class HarnessError(Exception):
    """An error that the user can mend; the message says what was found, expected, where, and how
    to mend it."""


class UsageError(HarnessError):
    """A wrong option, name or setting."""


class DivergedError(HarnessError):
    """Training diverged: the loss or gradient is not a number."""


class DataError(HarnessError):
    """Data that is missing, malformed or not allowed."""


def counted(number: int, noun: str, many: str = "") -> str:
    """A number with its noun: `1 board`, `1,200 boards`, `2 entries`.

    noun: for one.
    many: for any other number, where that is not `noun` and an s.
    """
    return f"{number:,} {noun if number == 1 else many or noun + 's'}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The question after a wrong name, with a space before it; empty if no name is similar."""
    near = get_close_matches(name, list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def brief(message: str) -> str:
    """The message without the middle of its long lines, and without lines past the first 60."""
    half = LINE_CHARACTERS // 2
    lines = [
        line if len(line) <= LINE_CHARACTERS else f"{line[:half]} … {line[-half:]}"
        for line in message.split("\n", LINES)
    ]
    return "\n".join([*lines[:LINES], "…"] if len(lines) > LINES else lines)


def mendable(error: BaseException) -> str | None:
    """The message for an error that the user can mend; None for any other error."""
    if isinstance(error, HarnessError):
        return brief(f"{type(error).__name__}: {error}")
    if isinstance(error, OSError) and error.filename is not None:
        return (
            f"{type(error).__name__}: {error.filename}: {error.strerror}; expected a file or folder"
            " that can be read and written. Name another one, or mend this one"
        )
    return None
