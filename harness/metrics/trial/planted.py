"""Planted texts: texts of known authors for every test example, made from the data alone."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice, product

import numpy as np

from harness.data.checks import contains, fold
from harness.data.retrieval import bm25_order
from harness.data.tasks import Task
from harness.data.words import joined, word_spans, words
from harness.errors import DataError, counted
from harness.metrics.donors import Pool, random_donors, topic_donors
from harness.types import Entry, Example, SplitData

VERSION = 1
"""Increase it when a planted text changes: stored trials of another version are not used."""
ROUNDS = 2
"""Times that texts are planted for an example; two profile entries change places."""
OTHERS = 2
"""Texts of other authors of each kind, in each round."""
CANDIDATES = 8
"""Texts of other authors to choose from: those nearest to own in length are taken."""
KINDS = {
    "own": "another text of the same author, taken out of the profile that the metric sees",
    "other": "another author's text on the same subject",
    "stranger": "another author's text on any subject",
    "generic": "one of the most typical texts of other authors, by the TF-IDF of their words",
    "shuffled": "the words of own in random order",
    "padded": "own, then words of a generic text until it is twice as long",
    "cut": "the first half of own",
    "copied": "an entry of the profile that the metric sees",
    "half_copied": "the first half of that entry, then the second half of own",
}
"""Kind of text → what it is."""
Rewrite = Callable[[str, str], str]
"""Example id and user → a text of this user for the example's input, if the data can give one."""


@dataclass(frozen=True)
class Planted:
    """The planted texts of one example in one round.

    example: with the profile that metrics see.
    reference: the user's text.
    texts: kind → one or several texts.
    """

    example: Example
    reference: str
    texts: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Plants:
    """All planted texts, `ROUNDS` of each example in turn.

    left_out: examples whose profile has too few different texts, or for which no other user has a
    text: their profiles hold the reference, or only texts that are in the author's profile too.
    """

    rounds: tuple[Planted, ...]
    left_out: int

    @property
    def examples(self) -> tuple[Example, ...]:
        """The examples that have texts, each once."""
        return tuple(each.example for each in self.rounds[::ROUNDS])


def plant(task: Task, test: SplitData, seed: int = 0, rewrite: Rewrite | None = None) -> Plants:
    """Texts of every kind for each example.

    task: says which field of a profile entry is its text.
    test: the examples and references.
    seed: draws other authors and orders; with the split's fingerprint it fixes all texts.
    rewrite: makes own and other for the example's own input; None where the data cannot.

    Without `rewrite`, own and copied are the two profile entries nearest to the input by BM25, once
    each way round, and other is the nearest entry of an author who is near in topic. So own and
    other are chosen alike. Of the `CANDIDATES` for other, stranger and generic, those nearest to
    own in length are taken. A text that is in the author's profile too, as one by two authors, is
    none of them. Raises DataError if fewer than two users have enough texts.
    """
    needed = 1 if rewrite else 2
    users = {one.user_id for one in test.examples}
    kept = [one for one in test.examples if len(_different(task, one)) >= needed]
    enough = {one.user_id for one in kept}
    if len(enough) < 2:
        raise DataError(
            f"{test.task}, {test.split} split: {len(enough)} of {counted(len(users), 'user')} with"
            f" {needed} or more different texts in the profile; expected at least 2 users. A trial"
            " plants one text of a profile and needs another user's to compare it with. Give data"
            " with more users and longer profiles, or raise --limit"
        )
    planter = _Planter(task, test, kept, f"trial {seed} {test.fingerprint}", rewrite)
    places = [place for place in range(len(kept)) if planter.has_others(place)]
    if not places:
        raise DataError(
            f"{test.task}, {test.split} split: every text of the other users is in the author's own"
            " profile too, or holds the text to be written; expected users with texts of their own,"
            " which a trial plants. Give data of more users"
        )
    rounds = [planter.texts(*each) for each in product(places, range(ROUNDS))]
    return Plants(tuple(rounds), len(test.examples) - len(places))


class _Planter:
    """What is drawn once for all examples: other authors, and the typical texts."""

    def __init__(
        self,
        task: Task,
        test: SplitData,
        examples: Sequence[Example],
        key: str,
        rewrite: Rewrite | None,
    ) -> None:
        self._task, self._test, self._key, self._rewrite = task, test, key, rewrite
        self._examples = examples
        pool = Pool(examples, task, [test.references[one.id].text for one in examples], key)
        self._near = topic_donors(pool, CANDIDATES).users
        self._any = random_donors(pool, CANDIDATES).users
        self._of_user = {one.user_id: one for one in examples}
        texts = {user: self._texts_of(user) for user in self._of_user}
        _refuse_wordless(test, [text for each in texts.values() for text in each])
        self._typical = _typical(texts)

    def has_others(self, place: int) -> bool:
        """Whether others have texts for an example: not its author's, and without its reference."""
        example = self._examples[place]
        mine = _folded(self._task, example)
        return (
            any(self._on_subject(example, self._near[place], mine))
            and any(self._texts_of(user, mine) for user in self._any[place])
            and any(self._typical_for(example))
        )

    def texts(self, place: int, number: int) -> Planted:
        """The texts of one example in round `number`."""
        example = self._examples[place]
        rng = random.Random(f"{self._key} {example.id} {number}")
        best = self._best_two(example)
        copied = best[1 - number] if len(best) > 1 else best[0]
        if self._rewrite:
            own, seen = self._rewrite(example.id, example.user_id), example
        else:
            own = best[number]
            seen = replace(example, profile=_without(self._task, example.profile, own))
        near, mine = self._near[place], _folded(self._task, example)
        if self._rewrite:  # texts on one input are about equally long
            near = near[number * OTHERS : (number + 1) * OTHERS] or near[:OTHERS]
        anyone = [each for user in self._any[place] if (each := self._texts_of(user, mine))]
        generic = _of_length(own, [*islice(self._typical_for(example), CANDIDATES)])
        texts: dict[str, tuple[str, ...]] = {
            "own": (own,),
            "other": _of_length(own, [*self._on_subject(example, near, mine)]),
            "stranger": _of_length(own, [rng.choice(each) for each in anyone]),
            "generic": generic,
            "shuffled": (joined(rng.sample(words(own), len(words(own)))),),
            "padded": (_padded(own, generic[0]),),
            "cut": (_halves(own)[0],),
            "copied": (copied,),
            "half_copied": (_halves(copied)[0] + " " + _halves(own)[1],),
        }
        return Planted(seen, self._test.references[example.id].text, texts)

    def _typical_for(self, example: Example) -> Iterator[str]:
        """The typical texts of other users, without the author's and those that contain the
        reference.

        Lazily: the first are enough, and a test of all for every example takes long on large data.
        """
        target = fold(self._test.references[example.id].text)
        mine = _folded(self._task, example)
        others = (text for user, text in self._typical if user != example.user_id)
        texts = (text for text in others if fold(text) not in mine)
        return (text for text in texts if not contains(text, target))

    def _best_two(self, example: Example) -> list[str]:
        """The texts of the two different profile entries that BM25 ranks first."""
        profile = tuple(_different(self._task, example))
        order = bm25_order(self._task, replace(example, profile=profile))
        return [profile[index][self._task.body] for index in order[:2]]

    def _on_subject(
        self, example: Example, users: Sequence[str], mine: Collection[str]
    ) -> Iterator[str]:
        """A text of each of other users on the example's subject; none of who has only `mine`."""
        for user in users:
            if self._rewrite:
                yield self._rewrite(example.id, user)
                continue
            entries = _different(self._task, self._of_user[user])
            theirs = tuple(one for one in entries if fold(one[self._task.body]) not in mine)
            yield from self._best_two(replace(example, profile=theirs))[:1]

    def _texts_of(self, user: str, mine: Collection[str] = ()) -> list[str]:
        """Texts of a user on any subject, of the kind that own is of, without `mine`."""
        one = self._of_user[user]
        if self._rewrite:
            texts = [self._test.references[one.id].text]
        else:
            texts = [entry[self._task.body] for entry in _different(self._task, one)]
        return [text for text in texts if fold(text) not in mine]


def _different(task: Task, example: Example) -> list[Entry]:
    """The profile's entries with a text, each text once."""
    found = {fold(entry[task.body]): entry for entry in reversed(example.profile)}
    return [entry for text, entry in reversed(found.items()) if text]


def _folded(task: Task, example: Example) -> set[str]:
    """The texts of the author's whole profile, folded."""
    return {fold(entry[task.body]) for entry in example.profile}


def _without(task: Task, profile: Sequence[Entry], text: str) -> tuple[Entry, ...]:
    return tuple(entry for entry in profile if fold(entry[task.body]) != fold(text))


def _of_length(own: str, texts: Sequence[str]) -> tuple[str, ...]:
    """The `OTHERS` texts that are nearest to own in length, in words."""
    length = len(words(own))
    return tuple(sorted(texts, key=lambda text: abs(len(words(text)) - length))[:OTHERS])


def _refuse_wordless(test: SplitData, texts: Sequence[str]) -> None:
    """Raises DataError if no text has a word: none would be typical, or have an order."""
    if not any(map(_terms, texts)):
        raise DataError(
            f"{test.task}, {test.split} split: none of {counted(len(texts), 'text')} to plant has"
            f" a letter or digit, e.g. {texts[0]!r:.60}; expected texts with words, which a trial"
            " shuffles and halves. Give data whose profile texts have words"
        )


def _typical(texts: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """(user, text) of each user's most typical text, the most typical user first.

    Only texts of middling length, as long texts have words in common with any text.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    pool = [(user, text) for user, each in texts.items() for text in each]
    lengths = [len(words(text)) for _, text in pool]
    low, high = np.quantile(lengths, (0.25, 0.75))
    middle = [each for each, n in zip(pool, lengths, strict=True) if low <= n <= high]
    worded = any(_terms(text) for _, text in middle)
    pool = middle if worded and len({user for user, _ in middle}) > 1 else pool
    vectorizer = TfidfVectorizer(tokenizer=_terms, token_pattern=None, sublinear_tf=True)
    vectors = vectorizer.fit_transform([text for _, text in pool])
    nearness = (vectors @ vectors.mean(axis=0).T).A1.tolist()
    ranked = sorted(range(len(pool)), key=lambda index: -nearness[index])
    best: dict[str, str] = {}
    for index in ranked:
        best.setdefault(*pool[index])
    return list(best.items())[: CANDIDATES + 1]  # one of them may be the author's own


def _terms(text: str) -> list[str]:
    """The words of a text without its punctuation."""
    return [word for run in re.findall(r"\w+", text) for word in words(run)]


def _halves(text: str) -> tuple[str, str]:
    """The first and the second half of a text's words, with their line breaks."""
    starts = [start for start, _ in word_spans(text)]
    middle = starts[(len(starts) + 1) // 2] if len(starts) > 1 else len(text)
    return text[:middle].rstrip(), text[middle:]


def _padded(text: str, filler: str) -> str:
    return f"{text} {joined(islice(cycle(words(filler)), len(words(text))))}"
