"""Author identification of a run: whose profile is nearest to each text, beside the references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, get_args

from harness.metrics.authors import CHARACTERS, OTHERS, Features, Identification, identify_authors
from harness.metrics.means import mean_score
from harness.metrics.summary import mean_interval
from harness.registry import find
from harness.statistics import PERCENT_MEAN, Panel
from harness.types import Entry, SplitData

ALONE = "one user in the test split; whose text it is needs at least two"
NO_WORDS = "no test user's profile has words; whose text it is needs at least one that has"


@dataclass(frozen=True)
class Authors:
    """`summary` for the record; `examples`: id → features → top1 and mrr."""

    summary: Mapping[str, Any]
    examples: Mapping[str, Mapping[str, Any]]


def author_identification(
    test: SplitData, samples: Sequence[Mapping[str, str]], resamples: int
) -> Authors:
    """Texts by example id, one mapping a sample, whose values are averaged over samples.

    A profile is the user's own words: the long text of each entry, the author's as the example has
    it. Who competes is chosen by BM25 between the input and whole entries, as for lift.
    References give the ceiling.
    """
    profiles = {example.user_id: example.profile for example in test.examples}
    if len(profiles) < 2:
        return Authors({"missing": ALONE}, {})
    task = find("task", test.task)
    words = {user: _words(profile, task.body) for user, profile in profiles.items()}
    if all(len(text.strip()) < CHARACTERS[0] for text in words.values()):
        return Authors({"missing": NO_WORDS}, {})
    own = [_words(example.profile, task.body) for example in test.examples]
    documents = {
        user: " ".join(task.retrieved(entry) for entry in profile)
        for user, profile in profiles.items()
    }
    panel = Panel.of(test, resamples)
    queries = [task.query(example.input) for example in test.examples]
    rows = [[sample.get(example.id, "") for example in test.examples] for sample in samples]
    rows.append([test.references[example.id].text for example in test.examples])
    summary: dict[str, Any] = {"others": min(OTHERS, len(profiles) - 1), "users": len(profiles)}
    examples: dict[str, dict[str, Any]] = {example.id: {} for example in test.examples}
    for features in get_args(Features):
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
        measured = _by_name(found, panel, len(rows))
        summary[features] = {name: who for name, (who, _) in measured.items()}
        for at, example in enumerate(test.examples):
            values = {name: each[at] for name, (_, each) in measured.items()}
            examples[example.id][features] = values
    return Authors(summary, examples)


def _words(profile: Sequence[Entry], body: str) -> str:
    """The long texts of a profile's entries in one."""
    return " ".join(entry[body] for entry in profile)


def _by_name(
    found: Identification, panel: Panel, rows: int
) -> dict[str, tuple[dict[str, Any], list[float]]]:
    """top1 and mrr: what the record says, and the texts' values; the last row is the ceiling."""
    measured = {}
    for name, score, chance in (
        ("top1", found.top1, found.chance_top1),
        ("mrr", found.reciprocal_rank, found.chance_reciprocal_rank),
    ):
        values = [value for value in score.each if value is not None]
        each = [
            values[at : at + len(panel.users)] for at in range(0, len(values), len(panel.users))
        ]
        assert len(each) == rows
        mean = [fmean(column) for column in zip(*each[:-1], strict=True)]
        whole = mean_score(mean, score.signature)
        whole = mean_interval(whole, panel, PERCENT_MEAN)
        who = {"value": whole.value, "low": whole.low, "high": whole.high}
        measured[name] = (who | {"ceiling": fmean(each[-1]), "chance": chance}, mean)
    return measured
