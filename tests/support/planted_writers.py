"""Made-up users, and writers that know one thing of a profile: phrases, subject, or habits.

Each writer is a distribution over the next word given a profile and the words so far; no model.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from harness.metrics.function_words import function_words
from harness.metrics.token_kinds import BEFORE, form_words, phrases, subject_words, token_kinds
from harness.record import read_record, write_record
from harness.record.token_file import KINDS, TokenValues, write_tokens
from tests.support.synthetic import write_runs
from tests.support.synthetic_parts import likelihood_of

FUNCTION = [word for word in function_words() if word.isalpha()][:60]
TOPICS = [f"topic{chr(97 + at // 26)}{chr(97 + at % 26)}" for at in range(120)]
PHRASED = [f"said{chr(97 + at // 26)}{chr(97 + at % 26)}" for at in range(120)]
WORDS = (*FUNCTION, *TOPICS, *PHRASED)


@dataclasses.dataclass(frozen=True)
class Entry:
    """A text of a user and the words of its subject."""

    title: tuple[str, ...]
    text: tuple[str, ...]


Writer = Callable[[Sequence[Entry], Sequence[str]], float]
"""Profile and words so far, the last of which is predicted → its probability."""


def users(count: int, seed: int = 0) -> list[list[Entry]]:
    """For each user four entries, the last of which is the reference."""
    return [_entries(np.random.default_rng([seed, user])) for user in range(count)]


def _entries(rng: np.random.Generator) -> list[Entry]:
    topics = list(rng.choice(TOPICS, 12, replace=False))
    stock = [tuple(map(str, rng.choice(PHRASED, 9, replace=False))) for _ in range(2)]
    habits = rng.dirichlet(np.full(len(FUNCTION), 0.2))
    entries = []
    for _ in range(4):
        title = tuple(map(str, rng.choice(topics, 6, replace=False)))
        text: list[str] = []
        for part in rng.permutation([0, 0, 1, 1, 1, 2, 2, 2]):
            if part == 0:
                text += stock[int(rng.integers(2))]
            elif part == 1:
                text += map(str, rng.choice(title, 5))
            else:
                text += map(str, rng.choice(FUNCTION, 6, p=habits))
        entries.append(Entry(title, tuple(text)))
    return entries


def copier(profile: Sequence[Entry], words: Sequence[str]) -> float:
    """Continues the phrases of the profile, and knows nothing else."""
    *before, word = words
    following = [
        entry.text[at + BEFORE]
        for entry in profile
        for at in range(len(entry.text) - BEFORE)
        if len(before) >= BEFORE and entry.text[at : at + BEFORE] == tuple(before[-BEFORE:])
    ]
    return _mixed(Counter(following), word, 0.9)


def subject_only(profile: Sequence[Entry], words: Sequence[str]) -> float:
    """Knows what the user writes about: the words of the profile's titles."""
    return _mixed(Counter(word for entry in profile for word in entry.title), words[-1], 0.5)


def habits_only(profile: Sequence[Entry], words: Sequence[str]) -> float:
    """Knows how often the user uses each function word."""
    known = Counter(word for entry in profile for word in entry.text if word in set(FUNCTION))
    return _mixed(known, words[-1], 0.5)


def _mixed(known: Counter[str], word: str, share: float) -> float:
    """Probability in a mixture of what is known and all words alike."""
    total = known.total()
    if not total:
        return 1 / len(WORDS)
    return share * known[word] / total + (1 - share) / len(WORDS)


def write_planted(out: Path, writers: dict[str, Writer], count: int = 24) -> None:
    """One run for each writer, with tokens.parquet."""
    people = users(count)
    for folder in write_runs(out, list(writers), ["product_review"], examples=count, full=True):
        values = _tokens(people, writers[folder.parent.name])
        put_tokens(folder, values)


def put_tokens(folder: Path, values: TokenValues) -> None:
    """Write the tokens beside a record, which then names them and has their texts' lengths."""
    record = read_record(folder)
    keys = list(record.examples)
    values = dataclasses.replace(values, examples=tuple(keys))
    lengths = np.bincount(values.example, minlength=len(keys))  # a token is a word here
    examples = {
        key: dataclasses.replace(
            record.examples[key],
            base_nll=(3.0 * length, 0.0, 0.0, 0.0),
            likelihood=dataclasses.replace(
                record.examples[key].likelihood, slice_tokens=(int(length), 0, 0, 0)
            ),
        )
        for key, length in zip(keys, lengths, strict=True)
    }
    lift = dataclasses.replace(record.lift, tokens=write_tokens(folder, values))
    record = dataclasses.replace(record, lift=lift, likelihood=likelihood_of(examples))
    write_record(dataclasses.replace(record, examples=examples), folder)


def _tokens(people: Sequence[Sequence[Entry]], writer: Writer) -> TokenValues:
    """Every user's last entry, read with the user's profile, three others' and none."""
    form = form_words(" ".join(each[-1].title) for each in people)
    parts = []
    for at, (*profile, last) in enumerate(people):
        others = [people[(at + step) % len(people)][:-1] for step in (1, 2, 3)]
        texts = [last.text[: end + 1] for end in range(len(last.text))]
        nll = [
            [-np.log(writer(known, words)) for words in texts] for known in (profile, *others, [])
        ]
        kinds = token_kinds(
            " ".join(last.text),
            phrases(" ".join(entry.text) for entry in profile),
            subject_words(" ".join(last.title), form),
        )
        own, *other, empty = np.array(nll)
        parts.append((kinds, np.stack([own, np.mean(other, 0), np.mean(other, 0), empty], axis=1)))
    lengths = [len(kinds) for kinds, _ in parts]
    positions = np.concatenate([np.arange(length, dtype=np.int32) for length in lengths])
    return TokenValues(
        examples=(),
        example=np.repeat(np.arange(len(lengths), dtype=np.int32), lengths),
        position=positions,
        slice_token=positions,
        kind=np.array([KINDS.index(kind) for kinds, _ in parts for kind in kinds], dtype=np.int8),
        nll=np.concatenate([nll for _, nll in parts]).astype(np.float32),
    )
