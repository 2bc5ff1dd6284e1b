"""Compressed JSON Lines: gzip by the standard library, Zstandard by the package zstandard."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from harness.data.rows import data_error
from harness.errors import DataError, UsageError


def decompressed(handle: BinaryIO, path: Path) -> Iterator[bytes]:
    """The lines of an open file, decompressed if its name ends in .gz or .zst.

    Raises DataError for a damaged or truncated file, UsageError if .zst needs a package that is
    not installed.
    """
    if path.suffix == ".zst":
        yield from io.BytesIO(_zstandard(handle.read(), path))
        return
    if path.suffix != ".gz":
        yield from handle
        return
    try:
        with gzip.GzipFile(fileobj=handle) as lines:
            yield from lines
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise _damaged(path, "gzip", str(error)) from None


def _zstandard(raw: bytes, path: Path) -> bytes:
    """All frames of a Zstandard file. The package's own reader ignores a truncated frame."""
    try:
        import zstandard
    except ImportError:
        raise UsageError(
            f"{path} is compressed with Zstandard, and the package zstandard is not installed;"
            " pip install 'flythinker-harness[zstd]', or decompress the file: zstd -d"
        ) from None
    parts = []
    while raw:
        frame = zstandard.ZstdDecompressor().decompressobj()
        try:
            parts.append(frame.decompress(raw))
        except zstandard.ZstdError as error:
            raise _damaged(path, "Zstandard", str(error)) from None
        if not frame.eof:
            raise _damaged(path, "Zstandard", "the file ends inside a frame")
        raw = frame.unused_data
    return b"".join(parts)


def _damaged(path: Path, kind: str, why: str) -> DataError:
    return data_error(
        str(path), why, f"a complete {kind} file", "get the file again; was it copied completely?"
    )
