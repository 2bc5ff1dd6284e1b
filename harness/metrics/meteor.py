"""METEOR by NLTK, with stems and synonyms looked up only once for each word."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

from harness.metrics.base import MeanMetric, Pair, Unavailable
from harness.metrics.coverage import in_clauses
from harness.metrics.wordnet import REMEDY, find_wordnet, open_wordnet
from harness.metrics.words import UnicodeWords
from harness.statistics import Array, mean_rows

ALPHA, BETA, GAMMA = 0.9, 3.0, 0.5
OPTIONS = f"meteor|alpha:{ALPHA}|beta:{BETA}|gamma:{GAMMA}"
TOKENIZER = "punkt-untrained+nltk-word"


class Meteor(MeanMetric):
    """METEOR (Lavie & Agarwal 2007) of each example, 0–100; the corpus value is their mean.

    tokenizer: `default` is NLTK's, `unicode` is that of `metrics.words` with punctuation; stems
    and synonyms are English in both. No value without WordNet, or where the tokenizer finds
    clauses instead of words.
    """

    name = "meteor"
    title = "METEOR"
    brief = False
    options: ClassVar = {"tokenizer": "tokenizer"}
    remedy = (
        "NLTK splits words at spaces only, so that clauses count as words; --set"
        " eval.tokenizer=unicode splits them"
    )

    def __init__(self, tokenizer: str = "default") -> None:
        self._default = tokenizer == "default"
        self._split = meteor_tokens if self._default else UnicodeWords(marks=True).tokenize
        self._options = f"{OPTIONS}|tok:{TOKENIZER if self._default else tokenizer}"

    @property
    def signature(self) -> str:
        place = find_wordnet()
        words = "" if place is None else f"|wordnet:{_lexicon(place)[0].version}"
        return f"{self._options}{words}|nltk:{version('nltk')}"

    def rows(self, pairs: Sequence[Pair]) -> Array:
        place = find_wordnet()
        if place is None:
            raise Unavailable(REMEDY)
        words, stems = _lexicon(place)
        return mean_rows([self._meteor(pair, words, stems) for pair in pairs])

    def _meteor(self, pair: Pair, words: Synonyms, stems: Stems) -> float:
        from nltk.translate.meteor_score import meteor_score  # slow to import

        found = meteor_score(
            [self._split(pair.reference)],
            self._split(pair.prediction),
            stemmer=stems,
            wordnet=words,
            alpha=ALPHA,
            beta=BETA,
            gamma=GAMMA,
        )
        return 100 * float(found)

    def unseen(self, text: str) -> int:
        return in_clauses(self._split(text)) if self._default else 0


def meteor_tokens(text: str) -> list[str]:
    """Words by NLTK's rules, without a download: sentences by an untrained Punkt, then words."""
    sentences, words = _tokenizers()
    return [token for sentence in sentences.tokenize(text) for token in words.tokenize(sentence)]


class Stems:
    """Porter's stems (NLTK's), each word stemmed once."""

    def __init__(self) -> None:
        from nltk.stem.porter import PorterStemmer

        self.stem = cache(PorterStemmer().stem)


class Synonyms:
    """WordNet in the form that METEOR needs: synsets of a word, with the names of their lemmas.

    All synonyms of a word are merged into one synset, because METEOR only uses their union.
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
    from nltk.tokenize.destructive import NLTKWordTokenizer
    from nltk.tokenize.punkt import PunktSentenceTokenizer

    return PunktSentenceTokenizer(), NLTKWordTokenizer()


@cache
def _lexicon(place: Path) -> tuple[Synonyms, Stems]:
    return Synonyms(place), Stems()
