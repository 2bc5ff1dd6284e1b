"""Make harness/metrics/wordnet/synonyms.xz from WordNet's database files.

    python -m benchmarks.pack_wordnet [FOLDER]

FOLDER holds the files of WordNet 3.0 (wndb(5WN)); Debian's package wordnet-base puts them in
/usr/share/wordnet.
"""

from __future__ import annotations

import lzma
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from harness.metrics.meteor import SYNONYMS

DEBIAN = Path("/usr/share/wordnet")
PARTS = ("noun", "verb", "adj", "adv")


def packed_text(folder: Path) -> str:
    """The version, then for each part of speech its synonym sets and its irregular forms.

    Blocks are separated by an empty line. A set is a line of words. An irregular form is a line
    with its base forms after it.
    """
    blocks = [_version(folder)]
    for part in PARTS:
        lines = (folder / f"data.{part}").read_text("utf-8").splitlines()
        blocks.append("\n".join(_useful(_names(line) for line in lines if line[0] != " ")))
        blocks.append((folder / f"{part}.exc").read_text("utf-8").strip())
    return "\n\n".join(blocks)


def _version(folder: Path) -> str:
    found = re.search(r"WordNet (\S+) Copyright", (folder / "data.adj").read_text("utf-8"))
    if found is None:
        raise ValueError(f"{folder / 'data.adj'} does not name WordNet's version")
    return found[1]


def _names(line: str) -> frozenset[str]:
    """The words of a line of data.*: `offset file part count word id word id …`."""
    fields = line.split(" ")
    names = fields[4 : 4 + 2 * int(fields[3], 16) : 2]
    return frozenset(re.sub(r"\((a|p|ip)\)$", "", name) for name in names)  # adjective's position


def _useful(sets: Iterator[frozenset[str]]) -> Iterator[str]:
    """Sets with a single word, sorted, without those that another set contains.

    METEOR matches single words, and it takes the union of a word's sets.
    """
    useful = {names for names in sets if any("_" not in name for name in names)}
    of_word: dict[str, list[frozenset[str]]] = {}
    for names in useful:
        for name in names:
            of_word.setdefault(name, []).append(names)
    for words in sorted(map(sorted, useful)):
        if not any(other > set(words) for other in of_word[words[0]]):
            yield " ".join(words)


if __name__ == "__main__":
    text = packed_text(Path(sys.argv[1]) if sys.argv[1:] else DEBIAN)
    SYNONYMS.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
    print(f"{SYNONYMS}: {SYNONYMS.stat().st_size} bytes")
