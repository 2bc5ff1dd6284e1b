"""Compressed data files: gzip by the standard library, Zstandard by the package zstandard."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from harness.data.rows import data_error
from harness.errors import DataError, UsageError

CHUNK = 1 << 20
"""Bytes that are read together."""


def decompressed(handle: BinaryIO, path: Path) -> BinaryIO:
    """An open file as a stream of its content, decompressed if its name ends in .gz or .zst.

    Memory holds a megabyte of it. Reading raises DataError for a damaged or truncated file,
    UsageError if .zst needs a package that is not installed.
    """
    if path.suffix == ".zst":
        return _stream(_zstandard(handle, path))
    return _stream(_gzip(handle, path)) if path.suffix == ".gz" else handle


def _gzip(handle: BinaryIO, path: Path) -> Iterator[bytes]:
    try:
        with gzip.GzipFile(fileobj=handle) as file:
            while chunk := file.read1(CHUNK):
                yield chunk
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise _damaged(path, "gzip", str(error)) from None


def _zstandard(handle: BinaryIO, path: Path) -> Iterator[bytes]:
    """All frames of a Zstandard file. The package's own reader ignores a truncated frame."""
    try:
        import zstandard
    except ImportError:
        raise UsageError(
            f"{path} is compressed with Zstandard, and the package zstandard is not installed;"
            " pip install 'flythinker-harness[zstd]', or decompress the file: zstd -d"
        ) from None
    frame = None
    while raw := handle.read(CHUNK):
        while raw:
            frame = frame or zstandard.ZstdDecompressor().decompressobj()
            try:
                yield frame.decompress(raw)
            except zstandard.ZstdError as error:
                raise _damaged(path, "Zstandard", str(error)) from None
            raw = frame.unused_data if frame.eof else b""
            frame = None if frame.eof else frame
    if frame is not None:
        raise _damaged(path, "Zstandard", "the file ends inside a frame")


class _Chunks(io.RawIOBase):
    """A stream of chunks that are made when they are read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._rest = chunks, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def _stream(chunks: Iterator[bytes]) -> BinaryIO:
    return io.BufferedReader(_Chunks(chunks), CHUNK)


def _damaged(path: Path, kind: str, why: str) -> DataError:
    return data_error(
        str(path), why, f"a complete {kind} file", "get the file again; was it copied completely?"
    )
