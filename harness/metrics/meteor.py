"""METEOR by NLTK: its own arithmetic, with stems and synonyms looked up once per word."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nltk.stem.porter import PorterStemmer
from nltk.tokenize.destructive import NLTKWordTokenizer
from nltk.tokenize.punkt import PunktSentenceTokenizer
from nltk.translate.meteor_score import meteor_score

from harness.metrics.letters import all_seen, in_clauses, judged
from harness.metrics.means import mean_score
from harness.metrics.wordnet import REMEDY, find_wordnet, open_wordnet
from harness.metrics.words import UnicodeWords
from harness.types import Score

ALPHA, BETA, GAMMA = 0.9, 3.0, 0.5
OPTIONS = f"meteor|alpha:{ALPHA}|beta:{BETA}|gamma:{GAMMA}"
TOKENIZER = "punkt-untrained+nltk-word"
UNSPACED = (
    "NLTK's words end at spaces, so whole clauses are one; --set eval.tokenizer=unicode splits them"
)


def meteor(
    predictions: Sequence[str], references: Sequence[str], tokenizer: str = "default"
) -> Score:
    """METEOR (Lavie & Agarwal 2007) per example, 0–100; the corpus value is the mean.

    tokenizer: `default` is NLTK's, `unicode` that of `metrics.words` with punctuation; stems and
    synonyms are English ones in both. Without WordNet the value is None and `missing` says how
    to get it; likewise where the tokenizer finds clauses and no words.
    """
    pairs = list(zip(predictions, references, strict=True))
    default = tokenizer == "default"
    split = meteor_tokens if default else UnicodeWords(marks=True).tokenize
    options = f"{OPTIONS}|tok:{TOKENIZER if default else tokenizer}"
    place = find_wordnet()
    if place is None:
        signature = f"{options}|nltk:{version('nltk')}"
        return Score(None, (None,) * len(pairs), signature, missing=REMEDY)
    words, stems = _lexicon(place)
    each = tuple(
        100
        * float(
            meteor_score(
                [split(reference)],
                split(prediction),
                stemmer=stems,
                wordnet=words,
                alpha=ALPHA,
                beta=BETA,
                gamma=GAMMA,
            )
        )
        for prediction, reference in pairs
    )
    found = mean_score(each, f"{options}|wordnet:{words.version}|nltk:{version('nltk')}")
    unseen = (lambda text: in_clauses(split(text))) if default else all_seen
    return judged(found, references, unseen, UNSPACED)


def meteor_tokens(text: str) -> list[str]:
    """Words by NLTK's rules, needing no download: sentences by an untrained Punkt, then words."""
    sentences, words = _tokenizers()
    return [token for sentence in sentences.tokenize(text) for token in words.tokenize(sentence)]


class Stems:
    """Porter's stems (NLTK's), each word stemmed once."""

    def __init__(self) -> None:
        self.stem = cache(PorterStemmer().stem)


class Synonyms:
    """WordNet as METEOR asks for it: the synsets of a word, each with its lemmas' names.

    All synonyms of a word come as one synset, for METEOR only takes their union.
    """

    def __init__(self, place: Path) -> None:
        self._reader = open_wordnet(place)
        self.version: str = self._reader.get_version()
        self.synsets = cache(self._synsets)

    def _synsets(self, word: str) -> list[Synset]:
        found = {name for synset in self._reader.synsets(word) for name in synset.lemma_names()}
        return [Synset(tuple(Lemma(name) for name in sorted(found)))] if found else []


class Synset:
    """Lemmas of one meaning."""

    def __init__(self, lemmas: tuple[Lemma, ...]) -> None:
        self._lemmas = lemmas

    def lemmas(self) -> tuple[Lemma, ...]:
        return self._lemmas


class Lemma:
    """One spelling of a meaning."""

    def __init__(self, name: str) -> None:
        self._name = name

    def name(self) -> str:
        return self._name


@cache
def _tokenizers() -> tuple[Any, Any]:
    return PunktSentenceTokenizer(), NLTKWordTokenizer()


@cache
def _lexicon(place: Path) -> tuple[Synonyms, Stems]:
    return Synonyms(place), Stems()
