"""Author identification of a run: whose profile is nearest to each text, beside the references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from harness.metrics.authors import CHARACTERS, OTHERS, Features, identify_authors
from harness.metrics.scores import mean_score
from harness.record import (
    AuthorRank,
    Authors,
    AuthorScores,
    ExampleAuthors,
    ExampleRank,
    ends_of,
)
from harness.registry import find
from harness.statistics import PERCENT_MEAN, Panel
from harness.types import Entry, Score, SplitData

ALONE = "one user in the test split; whose text it is needs at least two"
NO_WORDS = "no test user's profile has words; whose text it is needs at least one that has"


def author_identification(
    test: SplitData, samples: Sequence[Mapping[str, str]], resamples: int
) -> tuple[Authors, dict[str, ExampleAuthors]]:
    """What the record says of authors, and of every example's.

    samples: texts by example id, one mapping a sample; values are averaged over samples.

    A profile is the user's own words: the long text of each entry, the author's as the example has
    it. Who competes is chosen by BM25 between the input and whole entries, as for lift.
    References give the ceiling.
    """
    profiles = {example.user_id: example.profile for example in test.examples}
    if len(profiles) < 2:
        return Authors(missing=ALONE), {}
    task = find("task", test.task)
    words = {user: _words(profile, task.body) for user, profile in profiles.items()}
    if all(len(text.strip()) < CHARACTERS[0] for text in words.values()):
        return Authors(missing=NO_WORDS), {}
    own = [_words(example.profile, task.body) for example in test.examples]
    documents = {
        user: " ".join(task.retrieved(entry) for entry in profile)
        for user, profile in profiles.items()
    }
    panel = Panel.of(test, resamples)
    queries = [task.query(example.input) for example in test.examples]
    rows = [[sample.get(example.id, "") for example in test.examples] for sample in samples]
    rows.append([test.references[example.id].text for example in test.examples])

    def measured(features: Features) -> tuple[AuthorScores, list[ExampleRank]]:
        # one index of the profiles serves every sample and the references
        found = identify_authors(
            [text for row in rows for text in row],
            queries * len(rows),
            words,
            Panel(panel.users * len(rows), test.fingerprint, 100),
            features,
            documents=documents,
            own=own * len(rows),
        )
        top1, tops = _rank(found.top1, found.chance_top1, panel, len(rows))
        mrr, ranks = _rank(found.reciprocal_rank, found.chance_reciprocal_rank, panel, len(rows))
        each = [ExampleRank(top1=a, mrr=b) for a, b in zip(tops, ranks, strict=True)]
        return AuthorScores(top1=top1, mrr=mrr), each

    characters, by_characters = measured("characters")
    function_words, by_words = measured("function words")
    summary = Authors(
        others=min(OTHERS, len(profiles) - 1),
        users=len(profiles),
        characters=characters,
        function_words=function_words,
    )
    return summary, {
        example.id: ExampleAuthors(characters=one, function_words=other)
        for example, one, other in zip(test.examples, by_characters, by_words, strict=True)
    }


def _words(profile: Sequence[Entry], body: str) -> str:
    """The long texts of a profile's entries in one."""
    return " ".join(entry[body] for entry in profile)


def _rank(
    score: Score, chance: float | None, panel: Panel, rows: int
) -> tuple[AuthorRank, list[float]]:
    """What the record says of a score, and the texts' values; the last row is the ceiling."""
    values, users = [value for value in score.each if value is not None], len(panel.users)
    each = [values[at : at + users] for at in range(0, len(values), users)]
    assert len(each) == rows
    mean = [fmean(column) for column in zip(*each[:-1], strict=True)]
    whole = mean_score(mean, PERCENT_MEAN, panel, score.signature)
    return AuthorRank(ceiling=fmean(each[-1]), chance=chance, **ends_of(whole)), mean
