"""Words in any script: the tokenizer `unicode` of ROUGE and METEOR."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence

from harness.data.checks import fold
from harness.data.words import SCRIPTS


def unspaced() -> str:
    """A `regex` character class (flag V1): letters of scripts without spaces."""
    return "[[" + "".join(rf"\p{{scx={name}}}" for name in SCRIPTS) + r"]&&\p{L}]"


class UnicodeWords:
    """Words by Unicode category: runs of letters, marks and digits, after folding (NFKC, case).

    marks: return every other visible character as a word too, as METEOR needs punctuation.

    A letter of a script without spaces is one word, with the marks after it. On ASCII the words
    are those of rouge-score.
    """

    def __init__(self, *, marks: bool = False) -> None:
        import regex

        own = unspaced()
        single = rf"{own}\p{{M}}*"
        word = rf"[[\p{{L}}\p{{M}}\p{{N}}]--{own}]+"
        rest = r"|[^\s\p{L}\p{M}\p{N}]" if marks else ""
        self._find = regex.compile(f"{single}|{word}{rest}", regex.V1).findall

    def tokenize(self, text: str) -> list[str]:
        """The words of a text, in order."""
        words: list[str] = self._find(fold(text))
        return words


def ngrams(items: Sequence[Hashable], n: int) -> Iterator[tuple[Hashable, ...]]:
    """Runs of n items, in order."""
    return zip(*(items[start:] for start in range(n)), strict=False)


def shared_ngrams(one: Sequence[Hashable], other: Sequence[Hashable], n: int) -> int:
    """Number of n-grams that two texts have in common, each as often as in both."""
    left, right = Counter(ngrams(one, n)), Counter(ngrams(other, n))
    return sum(min(left[gram], right[gram]) for gram in left.keys() & right.keys())
