"""Data of LongLaMP's sizes: made-up words in its format, so that nothing has to be downloaded.

A text is drawn from 40,000 made-up words by Zipf's law; a user has favourite words. Sizes are those
of the user setting in LongLaMP's paper (Kumar et al. 2024): rows of each split, entries of a
profile, words of an entry's text and of a target, on average.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ONSETS = ("", *"bcdfghlmnprstv", "st", "tr", "ch", "th", "sh", "pr", "cl")
NUCLEI = (*"aeiou", "ea", "io")
CODAS = ("", *"nrstl", "nt", "ng")
WORDS, SHORT = 40_000, 150
"""Different words; the most common ones have one syllable."""
FAVOURITES = 300
ENDS = (".", ".", ".", ",", ",", ";", "?", "!")


@dataclass(frozen=True)
class Sizes:
    """Rows of each split; entries of a profile; words of an entry's text, a target, an input."""

    rows: Mapping[str, int]
    entries: int
    entry: int
    target: int
    given: int


SIZES = {
    "abstract_generation": Sizes(
        {"train": 13_693, "val": 4_560, "test": 4_560}, entries=120, entry=150, target=144, given=34
    ),
    "product_review": Sizes(
        {"train": 14_745, "val": 1_826, "test": 1_822}, entries=34, entry=280, target=305, given=119
    ),
}


class Writer:
    """Makes texts; the same ones for a seed."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        syllables = [o + n + c for o in ONSETS for n in NUCLEI for c in CODAS]
        self.rng.shuffle(syllables)
        weights = 1 / np.arange(1, len(syllables) + 1) ** 0.9
        ends = np.cumsum(weights / weights.sum())
        counts = np.where(np.arange(WORDS) < SHORT, 1, self.rng.integers(1, 5, WORDS))
        draws = iter(np.searchsorted(ends, self.rng.random(counts.sum())).tolist())
        made = ["".join(syllables[next(draws)] for _ in range(n)) for n in counts.tolist()]
        self.words: NDArray[Any] = np.array(made, dtype=object)
        zipf = 1 / (np.arange(WORDS) + 2.7) ** 1.05
        self.ends = np.cumsum(zipf / zipf.sum())

    def user(self) -> NDArray[np.int64]:
        """A user's favourite words."""
        return self.rng.integers(0, WORDS, FAVOURITES)

    def text(self, mean: int, favourites: NDArray[np.int64]) -> str:
        """About `mean` words in sentences, a tenth of them favourites."""
        size = max(2, int(self.rng.normal(mean, mean / 3)))
        drawn = np.minimum(np.searchsorted(self.ends, self.rng.random(size)), WORDS - 1)
        own = self.rng.random(size) < 0.1
        drawn[own] = self.rng.choice(favourites, own.sum())
        words = self.words[drawn].tolist()
        for place in range(9, size, 10):
            words[place] += ENDS[int(drawn[place]) % len(ENDS)]
        return " ".join(words).capitalize() + "."


def rows_of(task: str, split: str, scale: float, seed: int = 0) -> Iterator[dict[str, Any]]:
    """The rows of a split.

    task: a key of SIZES.
    split: train, val or test.
    scale: share of the rows.
    seed: of the texts.
    """
    sizes, writer = SIZES[task], Writer(seed)
    writer.rng = np.random.default_rng([seed, list(sizes.rows).index(split)])
    for number in range(max(2, round(scale * sizes.rows[split]))):
        own, user = writer.user(), f"{split}-{number}"
        entries = max(1, int(writer.rng.exponential(sizes.entries)))
        texts = [writer.text(sizes.entry, own) for _ in range(entries)]
        title = writer.text(10, own)
        given, target = writer.text(sizes.given, own), writer.text(sizes.target, own)
        if task == "abstract_generation":
            profile = [
                {"id": str(at), "title": writer.text(10, own), "abstract": text, "year": 2000 + at}
                for at, text in enumerate(texts)
            ]
            given = f'Generate an abstract for the title "{title}" using the items: 1. {given}'
            yield {"name": user, "input": given, "output": target, "profile": profile}
        else:
            profile = [
                {"overall": "5.0", "description": title, "summary": text[:40], "reviewText": text}
                for text in texts
            ]
            yield {"reviewerId": user, "input": given, "output": target, "profile": profile}


def write_data(folder: Path, task: str, scale: float, form: str = "jsonl") -> Path:
    """A folder with the three splits of a task; returns `folder`.

    form: ending of the files, a key of WRITERS.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for split in SIZES[task].rows:
        WRITERS[form](folder / f"{split}.{form}", rows_of(task, split, scale))
    return folder


def _lines(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    with gzip.open(path, "wb", 1) if path.suffix == ".gz" else path.open("wb") as file:
        file.writelines(json.dumps(row).encode() + b"\n" for row in rows)


def _array(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for number, row in enumerate(rows):
            file.write(("," if number else "[") + json.dumps(row))
        file.write("]")


def _csv(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        for number, row in enumerate(rows):
            if not number:
                table.writerow(row)
            table.writerow([*list(row.values())[:-1], json.dumps(row["profile"])])


def _parquet(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    """In row groups of 1,000, as on the hub."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    writer = None
    while batch := list(islice(rows, 1000)):
        table = pa.Table.from_pylist(batch)
        writer = writer or ParquetWriter(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()


WRITERS: Mapping[str, Callable[[Path, Iterator[dict[str, Any]]], None]] = {
    "jsonl": _lines,
    "jsonl.gz": _lines,
    "json": _array,
    "csv": _csv,
    "parquet": _parquet,
}
