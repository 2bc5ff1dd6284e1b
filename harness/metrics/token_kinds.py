"""What each token of a reference is: a copied phrase of the profile, a word of the input, or style.

The unit is the slice token (a word or a punctuation mark), so the kinds do not depend on the
backbone's tokenizer. A model token has the kind of the slice token in which it ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

from harness.data.checks import fold
from harness.metrics.function_words import function_words
from harness.metrics.slices import slice_tokens
from harness.record.token_file import Kind

BEFORE = 4
"""Slice tokens before a copied one that must stand before it in the profile too."""
FORM = 0.9
"""A word in the input of at least this share of the texts belongs to the form, not the subject."""
FEW_INPUTS = 5
"""Below this many distinct inputs the words of the form are unknown: none is left out."""
APOSTROPHES = ("'", "\u2019")
CLITICS = ("d", "ll", "m", "re", "s", "t", "ve")
"""What follows the apostrophe of an English contraction or possessive."""

Phrase = tuple[str, ...]


def words_of(text: str) -> list[str]:
    """The slice tokens of a text, folded: without regard to case."""
    return [fold(text[start:end]) for start, end in slice_tokens(text)]


def said_words(text: str) -> list[str]:
    """The slice tokens of a text, folded; "" for a piece of a contraction that names nothing.

    These are what stands after the apostrophe in it's, I've or women's, and all of don't.
    """
    spans, words = slice_tokens(text), words_of(text)
    for mark in range(1, len(words) - 1):
        before, (start, end), after = spans[mark - 1 : mark + 2]
        inside = before[1] == start and end == after[0]
        if words[mark] not in APOSTROPHES or not inside or words[mark + 1] not in CLITICS:
            continue
        if words[mark + 1] == "t" and words[mark - 1].endswith("n"):
            words[mark - 1] = ""
        words[mark + 1] = ""
    return words


def phrases(texts: Iterable[str]) -> set[Phrase]:
    """Every `BEFORE` + 1 slice tokens that follow each other within one of the texts."""
    found: set[Phrase] = set()
    for text in texts:
        words = words_of(text)
        found.update(_phrases(words))
    return found


def _phrases(words: Sequence[str]) -> Iterator[Phrase]:
    """Each phrase of `words` that is complete, by its first word."""
    for start in range(len(words) - BEFORE):
        yield tuple(words[start : start + BEFORE + 1])


def form_words(inputs: Iterable[str]) -> frozenset[str]:
    """Words in nearly every input, such as `review` and `rating`: the form, which names nothing.

    None where there are fewer than `FEW_INPUTS` distinct inputs.
    """
    distinct = set(inputs)
    if len(distinct) < FEW_INPUTS:
        return frozenset()
    count = Counter(word for text in distinct for word in set(words_of(text)))
    return frozenset(word for word, texts in count.items() if texts >= FORM * len(distinct))


def subject_words(text: str, form: Collection[str] = ()) -> frozenset[str]:
    """The content words of an input: with a letter, no function word or piece of a contraction, not
    of the `form`."""
    left_out = {*function_words(), *form}
    return frozenset(
        word
        for word in said_words(text)
        if word not in left_out and any(letter.isalpha() for letter in word)
    )


def token_kinds(reference: str, copied: Collection[Phrase], subject: Collection[str]) -> list[Kind]:
    """The kind of each slice token of a reference.

    copied: phrases of the user's profile that are in the prompt.
    subject: content words of the input.

    copy: the token and the four before it follow each other in one profile text; subject: it is
    none of these and is a content word of the input; style: every other token.
    """
    kinds: list[Kind] = [
        "subject" if word in subject else "style" for word in said_words(reference)
    ]
    for start, phrase in enumerate(_phrases(words_of(reference))):
        if phrase in copied:
            kinds[start + BEFORE] = "copy"
    return kinds
