"""WordNet 3.0 for METEOR: find it, convert Debian's copy, install it."""

from __future__ import annotations

import os
import shutil
import subprocess
import warnings
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.paths import cache_dir, make_folder

DEBIAN = Path("/usr/share/wordnet")
PACKAGES = ("wordnet-base", "wordnet-sense-index")
INSTALL = f"apt-get install -y --no-install-recommends {' '.join(PACKAGES)}"
REMEDY = (
    "WordNet is not installed. `harness doctor --fix` installs it, or do it by hand:"
    f" `python -m nltk.downloader wordnet` (with a network) or `{INSTALL}` (Debian, as root)"
)
PARTS = ("adj", "adv", "noun", "verb")
FILES = (
    "cntlist.rev",
    "index.sense",
    *(f"{kind}.{part}" for kind in ("index", "data") for part in PARTS),
    *(f"{part}.exc" for part in PARTS),
)
NOUNS, VERBS, ADJECTIVES, ADVERBS = 1, 2, 3, 4
NOUN_FILES = (
    "Tops act animal artifact attribute body cognition communication event feeling food group"
    " location motive object person phenomenon plant possession process quantity relation shape"
    " state substance time"
)
VERB_FILES = (
    "body change cognition communication competition consumption contact creation emotion motion"
    " perception possession social stative weather"
)
LEXICOGRAPHER_FILES = (
    ("adj.all", ADJECTIVES),
    ("adj.pert", ADJECTIVES),
    ("adv.all", ADVERBS),
    *((f"noun.{name}", NOUNS) for name in NOUN_FILES.split()),
    *((f"verb.{name}", VERBS) for name in VERB_FILES.split()),
    ("adj.ppl", ADJECTIVES),
)
"""WordNet's lexicographer files in order (lexnames(5WN)); Debian's package lacks this list."""


def find_wordnet() -> Path | None:
    """WordNet's folder or zip file on NLTK's data path, else Debian's copy converted for NLTK.

    Nothing is downloaded. Raises UsageError if Debian's copy cannot be converted.
    """
    from nltk import data

    for root in data.path:
        corpora = Path(root) / "corpora"
        if all((corpora / "wordnet" / name).is_file() for name in (*FILES, "lexnames")):
            return corpora / "wordnet"
        if (corpora / "wordnet.zip").is_file():
            return corpora / "wordnet.zip"
    if all((DEBIAN / name).is_file() for name in FILES):
        return lay_out(DEBIAN, cache_dir() / "nltk_data" / "corpora" / "wordnet")
    return None


def open_wordnet(place: Path) -> Any:
    """NLTK's reader of the WordNet at `place`, English only."""
    from nltk import data
    from nltk.corpus.reader.wordnet import WordNetCorpusReader

    root = str(place.parent.parent)
    if root not in data.path:
        data.path.append(root)  # NLTK opens no file outside its data path
    packed = place.suffix == ".zip"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The multilingual functions")  # English is all we ask
        folder = data.ZipFilePathPointer(str(place), "wordnet/") if packed else str(place)
        return WordNetCorpusReader(folder, None)


def lay_out(source: Path, target: Path) -> Path:
    """Copy the files of `source` to `target` and add the `lexnames` that NLTK needs.

    Copies, because NLTK refuses links that leave its data path. Raises UsageError if it cannot be
    written.
    """
    if all((target / name).is_file() for name in (*FILES, "lexnames")):
        return target

    def fill(draft: Path) -> None:
        for name in FILES:
            shutil.copyfile(source / name, draft / name)
        (draft / "lexnames").write_text(lexnames(), "utf-8")

    try:
        shutil.rmtree(target, ignore_errors=True)
        make_folder(target, fill)
    except OSError as error:
        raise UsageError(
            f"WordNet is in {source}, but {target} cannot be written: {error}."
            " Set XDG_CACHE_HOME to a folder that can"
        ) from error
    return target


def lexnames() -> str:
    """WordNet's `lexnames`: 45 lines of number, name, part of speech."""
    lines = (
        f"{number:02d}\t{name}\t{part}" for number, (name, part) in enumerate(LEXICOGRAPHER_FILES)
    )
    return "\n".join(lines) + "\n"


def fix_wordnet() -> str:
    """Install WordNet from the network, else with apt-get as root; returns a line on where it is.

    Raises UsageError with the exact commands if neither works.
    """
    place = find_wordnet()
    if place is not None:
        return f"WordNet is installed: {place}"
    import nltk

    # nltk.download reports a missing network as False, not as an exception
    if nltk.download("wordnet", quiet=True) and (place := find_wordnet()):
        return f"WordNet was downloaded: {place}"
    tried = "nltk.download failed"
    if os.geteuid() == 0 and shutil.which("apt-get"):
        tried += f"; {_apt()}"
        if place := find_wordnet():
            return f"WordNet was installed from Debian's packages: {place}"
    raise UsageError(f"WordNet could not be fetched ({tried}). {REMEDY}")


def _apt() -> str:
    for command in ("apt-get update", INSTALL):
        done = subprocess.run(command.split(), capture_output=True, text=True, check=False)
        if done.returncode:
            return f"`{command}` ended with {done.returncode}: {done.stderr.strip()[-300:]}"
    return f"`{INSTALL}` ran"
