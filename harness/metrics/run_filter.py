"""Which fields of a profile may share a run of tokens with a text: a filter that misses none.

Splitting a profile into tokens takes most of the time of a search for shared runs, and most
profiles share none. Without white space a text is its tokens, one after the other. So a shared run
of tokens is a shared run of bytes, and numpy finds these by their hashes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

WORD = 8
"""Bytes of an integer."""
LONG = 3 * WORD - 1
"""From this number of bytes on, a run holds two whole words of a profile, wherever it begins."""
FIRST, SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
"""Odd numbers that mix the two words of a hash."""
BITS = 18
"""Of a hash, in the table of those that the texts have."""
FEW = 1 << 14
"""Characters of a profile below which the filter takes longer than splitting all of it."""
CODED = "utf-8", "surrogatepass"
SPACE = bytes(code for code in range(128) if chr(code).isspace())


def may_share(texts: Sequence[Sequence[str]], fields: Sequence[str], n: int) -> list[int]:
    """Places of the fields that may have n tokens in a row in common with a text.

    texts: in tokens, lower-cased.
    fields: whole texts.
    """
    if sum(map(len, fields)) < FEW:
        return list(range(len(fields)))
    read = [[token.encode(*CODED) for token in text] for text in texts]
    runs = {run for text in read for run in _runs(text, n)}
    lowered = [field.lower() for field in fields] if runs else []
    parts = [_bytes(field) if len(field) >= n else b"" for field in lowered]
    data, ends = b"".join(parts), list(accumulate(map(len, parts)))
    short = [run for run in runs if len(run) < LONG]
    found = set(_with_bytes(data, ends, short))
    if len(short) < len(runs):
        places = _with_hashes(data, [b"".join(text) for text in read])
        # a run that crosses two fields counts for the first one, which does no harm
        found.update(np.searchsorted(ends, places, "right").tolist())
    return sorted(found)


def _bytes(text: str) -> bytes:
    """The tokens of a lower-cased text, without the white space between them."""
    if text.isascii():
        return text.encode().translate(None, SPACE)
    return "".join(text.split()).encode(*CODED)


def _runs(text: Sequence[bytes], n: int) -> Iterator[bytes]:
    """The bytes of n tokens in a row."""
    whole, ends = b"".join(text), [0, *accumulate(map(len, text))]
    for start in range(len(text) - n + 1):
        yield whole[ends[start] : ends[start + n]]


def _with_bytes(data: bytes, ends: Sequence[int], runs: Collection[bytes]) -> Iterator[int]:
    """Places of the fields, which end at `ends`, in which one of the runs begins."""
    for run in runs:
        at = data.find(run)
        while at >= 0:
            place = int(np.searchsorted(ends, at, "right"))
            yield place
            at = data.find(run, ends[place])


def _with_hashes(data: bytes, texts: Sequence[bytes]) -> NDArray[np.int64]:
    """Places in `data`, a multiple of `WORD`, whose two words are somewhere in one of the texts."""
    wanted = np.concatenate([_hashes(text, step=1) for text in texts])
    table = np.zeros(1 << BITS, bool)
    table[_slots(wanted)] = True
    hashes = _hashes(data, step=WORD)
    places = np.flatnonzero(table[_slots(hashes)])
    wanted.sort()
    nearest = np.searchsorted(wanted, hashes[places]).clip(max=len(wanted) - 1)
    found: NDArray[np.int64] = WORD * places[wanted[nearest] == hashes[places]]
    return found


def _hashes(data: bytes, step: int) -> NDArray[np.uint64]:
    """A hash of two words from every `step`-th byte on."""
    size = max(0, (len(data) - 2 * WORD) // step + 1)
    first, second = (
        np.ndarray(size, "<u8", data, offset=start, strides=(step,)) if size else np.empty(0, "<u8")
        for start in (0, WORD)
    )
    return first * FIRST ^ second * SECOND


def _slots(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    return (hashes >> np.uint64(64 - BITS)).view(np.int64)
