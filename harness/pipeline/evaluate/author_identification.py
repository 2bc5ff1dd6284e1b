"""Author identification: whose profile is nearest to each text, compared with the references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.metrics.author_index import author_index
from harness.metrics.authors import OTHERS, Candidates, Features, identify_authors
from harness.metrics.donors import Pool, topic_donors
from harness.metrics.scoring import mean_of_known, mean_score
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
from harness.types import SplitData

ALONE = "one user in the test split; author identification needs at least two"
FEW_WORDS = (
    "fewer than two test users have words in their profiles; author identification needs two"
)


def author_identification(
    test: SplitData, samples: Sequence[Mapping[str, str]], resamples: int
) -> tuple[Authors, dict[str, ExampleAuthors]]:
    """The record's entry on author identification, and each example's values.

    test: examples and references.
    samples: for each sample, texts by example id; values are averaged over samples.
    resamples: draws of users for the intervals.

    A profile stands for the user's own words: the long text of each entry. The author's profile is
    the one in the example. The other candidates are chosen by BM25 between the input and whole
    entries, as for profile swaps; none whose profile contains the reference. An example whose
    author has no words has no value. References are scored too; they are no ceiling, as copies of a
    profile score higher.
    """
    # 1. the words of each user, and what BM25 reads of them
    if test.user_count < 2:
        return Authors(missing=ALONE), {}
    task = find("task", test.task)
    index = author_index(test.examples, task)
    if len(index.comparable) < 2:
        return Authors(missing=FEW_WORDS), {}
    donors = topic_donors(Pool.of(test), OTHERS)
    # 2. the texts to be identified: every sample, then the references
    panel = Panel.of(test, resamples)
    rows = [[sample.get(example.id, "") for example in test.examples] for sample in samples]
    rows.append(test.targets)

    def identified(features: Features) -> tuple[AuthorScores, list[ExampleRank]]:
        found = identify_authors(
            [text for row in rows for text in row],
            Candidates(index, list(index.own) * len(rows), donors.users * len(rows)),
            features,
        )
        top1, tops = _rank(found.top1, found.chance_top1, panel, len(rows))
        mrr, ranks = _rank(found.reciprocal_rank, found.chance_reciprocal_rank, panel, len(rows))
        each = [ExampleRank(top1=a, mrr=b) for a, b in zip(tops, ranks, strict=True)]
        return AuthorScores(top1=top1, mrr=mrr), each

    # 3. ranks by both kinds of features
    characters, by_characters = identified("characters")
    function_words, by_words = identified("function words")
    summary = Authors(
        others=min(OTHERS, len(index.comparable) - 1),
        users=test.user_count,
        tied=donors.tied,
        shared=len(donors.shared),
        characters=characters,
        function_words=function_words,
    )
    return summary, {
        example.id: ExampleAuthors(characters=one, function_words=other)
        for example, one, other in zip(test.examples, by_characters, by_words, strict=True)
    }


def _rank(
    values: list[float | None], chance: float, panel: Panel, rows: int
) -> tuple[AuthorRank, list[float | None]]:
    """The record's entry on a score, and each example's mean over samples.

    values: of every text, row after row; the last row holds the references. None in every row where
    the author has no words.
    chance: what a random ranking would give.
    panel: the users of one row.
    rows: number of samples, plus one.
    """
    users = len(panel.users)
    each = [values[at : at + users] for at in range(0, len(values), users)]
    assert len(each) == rows
    mean = [mean_of_known(column) for column in zip(*each[:-1], strict=True)]
    whole = mean_score(mean, PERCENT_MEAN, panel, "authors")
    return AuthorRank(ceiling=mean_of_known(each[-1]), chance=chance, **ends_of(whole)), mean
