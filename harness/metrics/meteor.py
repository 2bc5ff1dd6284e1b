"""METEOR by NLTK, with stems and synonyms looked up only once for each word."""

from __future__ import annotations

import lzma
from collections import defaultdict
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

from harness.metrics.base import MeanMetric, Pair
from harness.metrics.coverage import in_clauses
from harness.metrics.words import UnicodeWords
from harness.statistics import Array, mean_rows

ALPHA, BETA, GAMMA = 0.9, 3.0, 0.5
OPTIONS = f"meteor|alpha:{ALPHA}|beta:{BETA}|gamma:{GAMMA}"
SYNONYMS = Path(__file__).parent / "wordnet" / "synonyms.xz"
"""Made by benchmarks/pack_wordnet.py."""
TOKENIZER = "punkt-untrained+nltk-word"
SENTENCES = 65_536
"""Sentences whose words are kept."""


class Meteor(MeanMetric):
    """METEOR (Lavie & Agarwal 2007) of each example, 0–100; the corpus value is their mean.

    tokenizer: `default` is NLTK's, `unicode` is that of `metrics.words` with punctuation; stems
    and synonyms are English in both. No value where the tokenizer finds clauses instead of
    words.
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
        return f"{self._options}|wordnet:{_lexicon()[0].version}|nltk:{version('nltk')}"

    def rows(self, pairs: Sequence[Pair]) -> Array:
        return mean_rows([self._meteor(pair) for pair in pairs])

    def _meteor(self, pair: Pair) -> float:
        from nltk.translate.meteor_score import meteor_score  # slow to import

        synonyms, stemmer = _lexicon()
        found = meteor_score(
            [self._split(pair.reference)],
            self._split(pair.prediction),
            stemmer=stemmer,
            wordnet=synonyms,
            alpha=ALPHA,
            beta=BETA,
            gamma=GAMMA,
        )
        return 100 * float(found)

    def unseen(self, text: str) -> int:
        return in_clauses(self._split(text)) if self._default else 0


def meteor_tokens(text: str) -> list[str]:
    """Words by NLTK's rules, without a download: sentences by an untrained Punkt, then words."""
    sentences, _ = _tokenizers()
    return [token for sentence in sentences.tokenize(text) for token in _words(sentence)]


@lru_cache(maxsize=SENTENCES)
def _words(sentence: str) -> tuple[str, ...]:
    """The words of a sentence, which mostly occurs again: in a slice, or as a reference."""
    return tuple(_tokenizers()[1].tokenize(sentence))


class Synonyms:
    """WordNet's synonyms in the form that METEOR needs, looked up as NLTK's reader does.

    A word's sets are merged: each synonym is a set of its own, because METEOR only uses their
    union. Names of several words are left out, as METEOR does.
    """

    def __init__(self) -> None:
        from nltk.corpus.reader.wordnet import WordNetCorpusReader  # slow to import

        self.version, *blocks = lzma.decompress(SYNONYMS.read_bytes()).decode().split("\n\n")
        self._parts = []
        for part, sets, irregular in zip("nvar", blocks[::2], blocks[1::2], strict=True):
            sets_of = defaultdict[str, list[str]](list)
            for line in sets.split("\n"):
                for name in line.lower().split(" "):
                    sets_of[name].append(line)  # split when looked up: loads in half the time
            bases = {form: rest for form, *rest in map(str.split, irregular.split("\n"))}
            rules = WordNetCorpusReader.MORPHOLOGICAL_SUBSTITUTIONS[part]
            self._parts.append((sets_of, bases, rules))
        self.synsets = cache(self._synsets)

    def _synsets(self, word: str) -> list[Synonym]:
        word, names = word.lower(), set[str]()
        for sets_of, bases, rules in self._parts:
            regular = (word[: -len(end)] + new for end, new in rules if word.endswith(end))
            for form in (word, *(bases.get(word) or regular)):
                names.update(*(line.split(" ") for line in sets_of.get(form, ())))
        return [Synonym(name) for name in sorted(names) if "_" not in name]


class Synonym(str):
    """A synonym as NLTK's METEOR reads it: a synonym set whose only lemma it is."""

    def lemmas(self) -> tuple[Synonym]:
        return (self,)

    def name(self) -> str:
        return self


@cache
def _tokenizers() -> tuple[Any, Any]:
    from nltk.tokenize.destructive import NLTKWordTokenizer
    from nltk.tokenize.punkt import PunktSentenceTokenizer

    return PunktSentenceTokenizer(), NLTKWordTokenizer()


@cache
def _lexicon() -> tuple[Synonyms, SimpleNamespace]:
    """Synonyms, and a stemmer by Porter (NLTK's) that stems each word once."""
    from nltk.stem.porter import PorterStemmer

    return Synonyms(), SimpleNamespace(stem=cache(PorterStemmer().stem))
