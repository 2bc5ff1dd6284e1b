"""Errors that a user can cause. The CLI prints them without a traceback; exit code 2."""

import errno
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


NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of a disk or file system that is full, of a quota, and of a limit on file sizes."""
NO_MEMORY = ("out of memory", "allocate memory", "alloc_failed")
"""What messages of PyTorch and its libraries say when memory runs out."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, of a GPU or of this process."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    said = str(error).lower()
    return isinstance(error, RuntimeError) and any(sign in said for sign in NO_MEMORY)


def is_lost_process(error: BaseException) -> bool:
    """Whether another process of the same run has ended, so that nothing can be done together."""
    said = str(error)
    lost = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "Socket Error")
    kinds = ("DistNetworkError", "DistBackendError", "DistStoreError")
    return isinstance(error, RuntimeError) and (
        type(error).__name__ in kinds or ("gloo" in said and any(sign in said for sign in lost))
    )


def breaks_the_device(error: BaseException) -> bool:
    """Whether a GPU refuses all further work of this process, e.g. after a device-side assert."""
    said = str(error)
    broken = "CUDA error" in said or "HIP error" in said or "device-side assert" in said
    return isinstance(error, RuntimeError) and broken and not is_out_of_memory(error)


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
    kind = type(error).__name__
    if isinstance(error, HarnessError):
        return brief(f"{kind}: {error}")
    if is_out_of_memory(error):
        return (
            f"{kind}: {str(error).splitlines()[0] if str(error) else 'out of memory'}; expected"
            " enough free memory. Close other programs, lower train.micro_tokens or"
            " decode.batch_size, or choose a smaller backbone; then repeat the command: what was"
            " finished is kept"
        )
    if is_lost_process(error):
        return (
            f"{kind}: another process of this run has ended, so all end; expected all of them until"
            " the end. Its own message says why. Repeat the command: what was finished is kept"
        )
    if breaks_the_device(error):
        return (
            f"{kind}: {str(error).splitlines()[0]}; expected a GPU that works. Repeat the command:"
            " what was finished is kept. CUDA_LAUNCH_BLOCKING=1 shows where it breaks"
        )
    if isinstance(error, OSError) and error.errno in NO_SPACE:
        where = f"{error.filename}: " if error.filename else ""
        return (
            f"{kind}: {where}{error.strerror}; expected space to write. Free some (df -h, df -i,"
            " quota), or name another --out; then repeat the command: what was finished is kept"
        )
    if type(error).__name__ == "PanicException":  # of any library in Rust; no common class
        return brief(
            f"UsageError: a library stopped: {error}\n"
            "  mend      where this names a regex, a pattern in the backbone's tokenizer.json takes"
            " too long for a text; use another backbone"
        )
    if isinstance(error, OSError) and error.filename is not None:
        return (
            f"{kind}: {error.filename}: {error.strerror}; expected a file or folder"
            " that can be read and written. Name another one, or mend this one"
        )
    return None
