"""Files that are whole or absent whatever happens: drafts, flushed to disk, then moved."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

DRAFT_ENDING = ".draft"
"""What the name of a draft ends in. A checkpoint's, which may be complete, has another ending."""


@contextmanager
def named(path: Path) -> Iterator[None]:
    """An OSError inside names `path` if it names no file, e.g. that of a full disk."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
        raise


def draft_of(path: Path) -> Path:
    """Where this process drafts a file; what a killed one left is removed with the lock."""
    return path.with_name(f"{path.name}.{os.getpid()}{DRAFT_ENDING}")


def remove(path: Path) -> None:
    """Remove a file or a folder as far as it is there and can be removed."""
    with suppress(OSError):
        path.unlink()
    shutil.rmtree(path, ignore_errors=True)


def write_text(path: Path, text: str) -> Path:
    """Replace the file at `path` as a whole by `text` in UTF-8; see `write_bytes`."""
    return write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> Path:
    """Replace the file at `path` as a whole: written beside it, flushed to disk, then moved.

    Raises OSError naming the file; the old file then stays as it was.
    """
    draft = draft_of(path)
    with named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with draft.open("wb") as file:
                file.write(content)
                sync(file)
            move(draft, path)
        except BaseException:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise
    return path


def move(draft: Path, path: Path) -> None:
    """Rename a draft, whose content is on disk, to `path`, and flush the folder."""
    draft.replace(path)
    sync_path(path.parent)


def sync(file: IO[Any]) -> None:
    """Flush an open file to disk."""
    file.flush()
    os.fsync(file.fileno())


def sync_path(path: Path) -> None:
    """Flush a closed file or a folder to disk; not every file system can do it for a folder."""
    with suppress(PermissionError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        except OSError:
            if not path.is_dir():
                raise
        finally:
            os.close(handle)
