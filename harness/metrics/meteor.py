"""METEOR by NLTK, with stems and synonyms looked up only once for each word."""

from __future__ import annotations

import lzma
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from importlib.metadata import version
from itertools import pairwise
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
Place = tuple[int, str]
"""A place in a text, and its word there."""


class Meteor(MeanMetric):
    """METEOR (Lavie & Agarwal 2007) of each example, 0–100; the corpus value is their mean.

    tokenizer: `default` is NLTK's, `unicode` is that of `metrics.words` with punctuation; stems
    and synonyms are English in both. No value where the tokenizer finds clauses instead of
    words.
    """

    name = "meteor"
    title = "METEOR"
    by_pair = True
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
        """NLTK's number without its lists of pairs, which take most of the time."""
        text, reference = (
            [word.lower() for word in self._split(each)]
            for each in (pair.prediction, pair.reference)
        )
        found = aligned(text, reference)
        if not found:
            return 0.0
        precision, recall = len(found) / len(text), len(found) / len(reference)
        mean = (precision * recall) / (ALPHA * precision + (1 - ALPHA) * recall)
        breaks = ((b[0] - a[0], b[1] - a[1]) != (1, 1) for a, b in pairwise(found))
        penalty: float = GAMMA * ((1 + sum(breaks)) / len(found)) ** BETA
        return 100 * ((1 - penalty) * mean)

    def unseen(self, text: str) -> int:
        return in_clauses(self._split(text)) if self._default else 0


def aligned(text: Sequence[str], reference: Sequence[str]) -> list[tuple[int, int]]:
    """Places of matched words in text and reference, as NLTK's `align_words` finds them.

    text, reference: lower-cased words.

    From the last word on, each word takes the last free one of the reference that is equal; then
    the rest by stems; then one that is equal to a synonym of the stem.
    """
    synonyms, stemmer = _lexicon()
    equal, own, other = _matched(list(enumerate(text)), list(enumerate(reference)), _itself)
    own, other = ([(at, stemmer.stem(word)) for at, word in side] for side in (own, other))
    stems, own, other = _matched(own, other, _itself)
    alike, *_ = _matched(own, other, lambda word: {word, *synonyms.names(word)})
    return sorted(equal + stems + alike)


def _itself(word: str) -> tuple[str]:
    return (word,)


def _matched(
    own: list[Place], other: list[Place], accepted: Callable[[str], Iterable[str]]
) -> tuple[list[tuple[int, int]], list[Place], list[Place]]:
    """Matched places, and what is left of both texts.

    own, other: places and words of the text and of the reference.
    accepted: the words of the reference that a word of the text may be matched with.
    """
    free = defaultdict[str, list[int]](list)
    for at, word in other:
        free[word].append(at)
    found, left = [], []
    for at, word in reversed(own):
        last = [(free[each][-1], each) for each in accepted(word) if free.get(each)]
        if last:
            place, each = max(last)
            free[each].pop()
            found.append((at, place))
        else:
            left.append((at, word))
    taken = {place for _, place in found}
    return found, left[::-1], [each for each in other if each[0] not in taken]


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
        self.names = cache(self._names)

    def synsets(self, word: str) -> list[Synonym]:
        """For NLTK's own METEOR, which the tests compare with."""
        return list(map(Synonym, sorted(self.names(word))))

    def _names(self, word: str) -> frozenset[str]:
        word, names = word.lower(), set[str]()
        for sets_of, bases, rules in self._parts:
            regular = (word[: -len(end)] + new for end, new in rules if word.endswith(end))
            for form in (word, *(bases.get(word) or regular)):
                names.update(*(line.split(" ") for line in sets_of.get(form, ())))
        return frozenset(name for name in names if "_" not in name)


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
