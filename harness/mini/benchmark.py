"""The benchmark's authors and examples in each split, and the calls of every target."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

from harness.metrics.slices import TOKEN
from harness.mini import SETTINGS, SPLITS, TASKS, VERSION
from harness.mini.brief import Brief, draw_brief
from harness.mini.call import Call
from harness.mini.grammar import Written, write
from harness.mini.habits import Preferences, as_words, change, draw_preferences, kinds
from harness.mini.seeding import digest, stream

SIZES = {"train": 200, "val": 40, "test": 100}
LENGTH = range(320, 391)
"""Tokens of a target, by the slice tokenizer; authors with long habits may slightly exceed it."""
_DRAFTS = 40
SECTIONS, PROFILE_SECTIONS = 7, 3
_TIMES = {"train": (6, 7), "val": (8,), "test": (12,)}
_CHANGES = {2, 5, 8}
"""Temporal setting: the times at which one kind of an author's preferences changes."""
_LATE = 9
"""Temporal setting: the time, after all training texts, at which the held-out kind starts."""
_KEYS = {"product_review": "reviewerId", "abstract_generation": "name", "topic_writing": "author"}


@dataclass(frozen=True)
class Author:
    """A user, with preferences at each time; in the user setting these never change: one entry."""

    user_id: str
    preferences: tuple[Preferences, ...]

    def preferences_at(self, time: int) -> Preferences:
        """The preferences at a time; after the last entry they stay the same."""
        return self.preferences[min(time, len(self.preferences) - 1)]


@dataclass(frozen=True)
class Example:
    """One target: its author, the time of writing, its content and its text."""

    example_id: str
    author: Author
    time: int
    brief: Brief
    written: Written

    @property
    def preferences(self) -> Preferences:
        """The author's preferences at the time of writing."""
        return self.author.preferences_at(self.time)


def rows(task: str, setting: str, split: str, seed: int = 0) -> list[dict[str, Any]]:
    """A split's rows in LongLaMP's schema, each with an `id`; the same on every machine.

    task, setting, split: which rows; as in TASKS, SETTINGS and SPLITS.
    seed: 0 gives the published texts; another seed gives other authors and texts.

    Raises ValueError for an unknown task, setting or split.
    """
    return deepcopy(_rows(task, setting, split, seed))


@cache
def _rows(task: str, setting: str, split: str, seed: int) -> list[dict[str, Any]]:
    """See `rows`; written once in a process, since every run of a command reads them."""
    return [
        _row(each, task, setting, split, seed) for each in _examples(task, setting, split, seed)
    ]


@cache
def calls(task: str, setting: str, split: str, seed: int = 0) -> Mapping[str, tuple[Call, ...]]:
    """Example id → the calls of its target, in order. Arguments as for `rows`; asked once a text.

    Raises ValueError for an unknown task, setting or split.
    """
    examples = _examples(task, setting, split, seed)
    return {each.example_id: tuple(_calls(each, examples)) for each in examples}


def rewrite(
    task: str, setting: str, split: str, example_id: str, author_id: str, seed: int = 0
) -> str:
    """The text that another author of the split would write for the example's input.

    task, setting, split, seed: as for `rows`.
    example_id: of the example whose input to use.
    author_id: user id of the other author.

    Raises KeyError for an id that is not in the split.
    """
    examples = _examples(task, setting, split, seed)
    example = {each.example_id: each for each in examples}[example_id]
    preferences = {each.author.user_id: each.preferences for each in examples}[author_id]
    keys = (example_id, author_id, seed)
    return _target(example.brief, preferences, split == "test", "rewrite", *keys).text


def preferences(task: str, setting: str, split: str, seed: int = 0) -> dict[str, tuple[str, ...]]:
    """Example id → the words or signs that show each preference of its author at the time of
    writing, such as "superb" or "*x*".

    Arguments as for `rows`.
    """
    examples = _examples(task, setting, split, seed)
    return {each.example_id: as_words(task, each.preferences) for each in examples}


@cache
def _examples(task: str, setting: str, split: str, seed: int) -> tuple[Example, ...]:
    for name, value, known in (
        ("task", task, TASKS),
        ("setting", setting, SETTINGS),
        ("split", split, SPLITS),
    ):
        if value not in known:
            raise ValueError(
                f"no {name} {value!r} in the mini benchmark; known: {', '.join(known)}"
            )
    authors = _user_setting if setting == "user" else _temporal_setting
    return tuple(
        _example(author, time, task, setting, split, seed)
        for author, time in authors(task, split, seed)
    )


def _user_setting(task: str, split: str, seed: int) -> Iterator[tuple[Author, int]]:
    """One target for each of SIZES[split] users, who occur only in this split."""
    for number in range(SIZES[split]):
        keys = ("author", VERSION, seed, task, "user", split, number)
        drawn = draw_preferences(
            task, stream(*keys), held_out=split == "test", fresh=split != "train"
        )
        yield Author(_id(*keys), (drawn,)), 0


def _temporal_setting(task: str, split: str, seed: int) -> Iterator[tuple[Author, int]]:
    """The same 100 users: two targets each in train, one in test, and one for 40 of them in val."""
    per_user = len(_TIMES[split])
    for number in range(SIZES[split] // per_user):
        keys = ("author", VERSION, seed, task, "temporal", number)
        rng = stream(*keys)
        now = draw_preferences(task, rng, held_out=True, fresh=False)
        timeline = []
        for time in range(max(_TIMES["test"]) + 1):
            now = change(task, now, rng, count=1) if time in _CHANGES else now
            timeline.append(now if time >= _LATE else _without_held_out(task, now))
        for time in _TIMES[split]:
            yield Author(_id(*keys), tuple(timeline)), time


def _without_held_out(task: str, drawn: Preferences) -> Preferences:
    known = kinds(task)
    return {name: value for name, value in drawn.items() if not known[name].held_out}


def _example(author: Author, time: int, task: str, setting: str, split: str, seed: int) -> Example:
    keys = (VERSION, seed, task, setting, split, author.user_id, time)
    brief = draw_brief(task, stream("brief", *keys), sections=SECTIONS, fresh=split != "train")
    written = _target(brief, author.preferences_at(time), split == "test", *keys)
    return Example(f"{task}-{_id('example', *keys)}", author, time, brief, written)


def _target(brief: Brief, preferences: Preferences, fresh: bool, *keys: object) -> Written:
    """The first draft of a long text whose length is in LENGTH, else that nearest to its middle."""
    rng = stream("target", *keys)
    middle = (LENGTH.start + LENGTH.stop) / 2
    drafts = []
    for _ in range(_DRAFTS):
        written = write(brief, preferences, rng, long=True, fresh=fresh)
        length = len(TOKEN.findall(written.text))
        if length in LENGTH:
            return written
        drafts.append((abs(length - middle), written))
    return min(drafts, key=lambda draft: draft[0])[1]


def _row(example: Example, task: str, setting: str, split: str, seed: int) -> dict[str, Any]:
    author = example.author
    rng = stream("profile", VERSION, seed, task, setting, split, author.user_id, example.time)
    count = rng.randint(5, 8) if setting == "user" else min(example.time, 8)
    # user setting: the target's preferences; temporal: the texts just before the target
    times = [example.time] * count if setting == "user" else range(example.time)[-count:]
    profile = []
    for number, time in enumerate(times):
        brief = draw_brief(task, rng, sections=PROFILE_SECTIONS, fresh=split != "train")
        text = write(
            brief, author.preferences_at(time), rng, long=False, fresh=split == "test"
        ).text
        profile.append(_entry(brief, text, author.user_id, f"{example.example_id}-{number}", time))
    return {
        "id": example.example_id,
        _KEYS[task]: author.user_id,
        "input": example.brief.input,
        "output": example.written.text,
        "profile": profile,
    }


def _entry(brief: Brief, text: str, user_id: str, entry_id: str, time: int) -> dict[str, Any]:
    if brief.task == "product_review":
        return {
            "description": brief.title,
            "overall": brief.rating,
            "reviewText": text,
            "summary": brief.summary,
        }
    if brief.task == "abstract_generation":
        return {"abstract": text, "id": entry_id, "title": brief.title, "year": 2010 + time}
    return {"author": user_id, "content": text, "id": entry_id, "summary": brief.post}


def _calls(example: Example, examples: tuple[Example, ...]) -> Iterator[Call]:
    known = kinds(example.brief.task)
    others = [each.preferences for each in examples if each.author != example.author]
    order = example.brief.ordered(example.preferences["order"])
    for place in example.written.places:
        expected, before = example.preferences[place.kind], None
        if place.kind == "order":
            assert place.aspect is not None  # an order shows where an aspect's section starts
            if order.index(place.aspect) % 2:
                continue  # only every second aspect: the others' places follow from it
            before = _before(order, place.aspect)
        yield Call(
            kind=place.kind,
            family=known[place.kind].family,
            position=len(TOKEN.findall(example.written.text[: place.offset])),
            held_out=known[place.kind].held_out,
            chance=sum(
                _same(place.kind, expected, place.aspect, before, each, example.brief)
                for each in others
            )
            / len(others),
            task=example.brief.task,
            aspects=example.brief.aspects,
            aspect=place.aspect,
            expected=expected,
            before=before,
        )


def _before(order: tuple[str, ...], aspect: str) -> str | None:
    place = order.index(aspect)
    return order[place - 1] if place else None


def _same(
    kind: str,
    expected: str,
    aspect: str | None,
    before: str | None,
    other: Mapping[str, str],
    brief: Brief,
) -> bool:
    """Whether an author with the preferences `other` would do the same at this place.

    kind, expected, aspect, before: of the call.
    other: the author's preferences.
    brief: of the text.
    """
    if kind == "order" and aspect is not None:
        return _before(brief.ordered(other["order"]), aspect) == before
    return other.get(kind) == expected


def _id(*keys: object) -> str:
    return f"{digest('id', *keys):064x}"[:12]
