"""Verify a row: its form, the board's rules, its ids, its texts scored again, duplicates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from harness import __version__
from harness.data import load_split
from harness.data.checks import fold
from harness.errors import DataError, HarnessError, counted
from harness.leaderboard.board import Board, Place, against_rules
from harness.leaderboard.duplicates import Originals
from harness.leaderboard.plausible import TOLERANCE, contradictions
from harness.leaderboard.recomputed import Numbers, numbered, numbers
from harness.leaderboard.submission import Slice, Submission
from harness.leaderboard.untrusted import PREDICTIONS, read_submission, read_texts
from harness.leaderboard.verification import Verification, files_digest, read_verification
from harness.record import blank
from harness.settings import RunSettings
from harness.types import SplitData

CHARACTERS_PER_TOKEN = 32
"""A text may be this long for each token of the board's cap; usual texts have 4 or 5."""
MEAN_CHARACTERS_PER_TOKEN = 8
"""So may all texts together, which bounds how long scoring them takes."""


def load_test(board: Board, source: str | None = None) -> SplitData | None:
    """The board's test set; None if it is not built in and no `source` is given.

    Raises DataError if the data's fingerprint is not the board's.
    """
    if not board.source.built_in and source is None:
        return None
    data = board.data_settings(source)
    split = load_split(RunSettings(task=board.test.task, data=data), "test")
    found = (split.fingerprint, len(split.examples))
    if found != (board.test.fingerprint, board.test.examples):
        raise DataError(
            f"board {board.place}: the test data here is {found[0][:12]} with {found[1]} examples;"
            f" the board's is {board.test.fingerprint[:12]} with {board.test.examples}"
        )
    return split


def verify_row(
    place: Place, row: Path, test: SplitData | None, originals: Originals
) -> Verification:
    """The row's verification, with status "verified" or "self-reported".

    place, row: the board, and the row's folder.
    test: the board's test set, if available.
    originals: the board's rows by their scores, to find duplicates.

    Raises DataError if the row is refused, with the file and field, the board's rule, the id, the
    metric that differs, or the row that it duplicates.
    """
    # 1. Form and rules.
    board = place.board
    submission = read_submission(row)
    _stop(row, _against_board(board, row, submission))
    # 2. The data's examples, and duplicates of other rows.
    if test is not None:
        _stop(row, _against_data(submission, test))
    for found in originals.faults(row, submission):
        raise DataError(f"{row}: {found}")
    # 3. Without texts or data, the numbers are the submitter's own.
    verification = partial(
        Verification, files=files_digest(row), harness=__version__, tolerance=TOLERANCE
    )
    if not board.texts or test is None:
        why = "numbers only: the texts may not be published" if not board.texts else "no data here"
        return verification(status="self-reported", largest={}, notes=(why,))
    # 4. Score the texts again.
    samples = read_texts(row)
    _stop(row, against_texts(samples, submission))
    again = numbers(test, samples, board.scoring())
    _stop(row, _unlike_here(board, again))
    largest = dict(differences(submission, again))
    _stop(
        row,
        (
            f"{name}: claimed and recomputed differ by {gap:.4f}; at most {TOLERANCE} is allowed"
            for name, gap in largest.items()
            if not gap <= TOLERANCE
        ),
    )
    return verification(
        status="verified",
        largest={name: round(gap, 6) for name, gap in largest.items()},
        notes=tuple(_remarks(samples, test)),
    )


def verify_all(
    places: Sequence[tuple[Place, Sequence[Path]]], source: str | None
) -> Iterator[tuple[Path, Verification | HarnessError]]:
    """Every row with its verification, or with the error that refuses it.

    An earlier rerun stays in the verification as long as the row's files do not change.
    """
    for place, rows in places:
        test, originals = load_test(place.board, source), Originals(place)
        for row in rows:
            try:
                known = read_verification(row)
                found = verify_row(place, row, test, originals)
                yield row, found.after(known.rerun if known else None)
            except HarnessError as error:
                yield row, error


def differences(claimed: Submission, again: Numbers) -> Iterator[tuple[str, float]]:
    """Per metric, the largest difference between a claimed and a recomputed number.

    Infinite if one of them is missing or columns differ in length.
    """
    for name in again.metrics:
        claims, found = _columns(claimed, name), _columns(again, name)
        compared = [
            part
            for part in found
            if part not in LATER or any(value is not None for value in claims[part])
        ]
        yield name, max(_gap(claims[part], found[part]) for part in compared)


LATER = {f"slices.{name}" for name in Slice.model_fields.keys() - {"start", "value"}}
"""What rows from before slices had intervals do not claim."""


def _columns(row: Submission | Numbers, name: str) -> dict[str, Sequence[float | None]]:
    """All numbers of one metric."""
    metric, curve = row.metrics[name], row.slices.get(name, ())
    return {
        "whole": (metric.value, metric.low, metric.high),
        "examples": row.examples.scores[name],
        "without": row.examples.left_out.get(name, ()),
        **{f"slices.{end}": [getattr(part, end) for part in curve] for end in Slice.model_fields},
    }


def _gap(claimed: Sequence[float | None], found: Sequence[float | None]) -> float:
    """The largest difference; infinite if a number is missing on one side only."""
    if [value is None for value in claimed] != [value is None for value in found]:
        return float("inf")
    pairs = zip(claimed, found, strict=True)
    return max((abs(a - b) for a, b in pairs if a is not None and b is not None), default=0.0)


def against_texts(samples: Sequence[Mapping[str, str]], row: Submission) -> Iterator[str]:
    """Messages on texts of other examples, too long, or not counted as the row counts them."""
    yield from _text_ids(samples, row)
    yield from _empty(samples, row)


def _against_board(board: Board, row: Path, submission: Submission) -> Iterator[str]:
    """Messages on broken rules, impossible numbers, and texts that are missing or may not be."""
    yield from against_rules(board, submission)
    yield from contradictions(submission)
    has_texts = (row / PREDICTIONS).is_file()
    if has_texts and not board.texts:
        yield f"has {PREDICTIONS}, but this board's texts may not be published"
    if board.texts and not has_texts:
        yield f"no {PREDICTIONS}; this board scores every row again"


def _against_data(row: Submission, test: SplitData) -> Iterator[str]:
    """Messages on example ids and users that differ from the data's."""
    ids = tuple(example.id for example in test.examples)
    if odd := sorted(set(row.examples.ids) ^ set(ids)):
        yield f"{len(odd)} example ids are missing or not the data's, e.g. {odd[0]!r}"
    elif row.examples.ids != ids:
        yield "examples.ids are not in the data's order"
    elif row.examples.users != numbered(test):
        yield "examples.users does not group the examples by user as the data does"


def _unlike_here(board: Board, again: Numbers) -> Iterator[str]:
    """Messages on metrics that this version cannot compute, or computes in another way."""
    for name, remedy in again.missing.items():
        yield f"cannot be scored here; {name}: {remedy}"
    for name, metric in again.metrics.items():
        if metric.signature != board.metrics[name] and name not in again.missing:
            yield (
                f"{name} is {metric.signature!r} here; the board's is {board.metrics[name]!r}:"
                " verify with the version and the constraints.txt that the board was opened with"
            )


def _text_ids(samples: Sequence[Mapping[str, str]], row: Submission) -> Iterator[str]:
    if len(samples) != row.test.samples:
        yield f"{PREDICTIONS}: {counted(len(samples), 'sample')}; expected {row.test.samples}"
    most = CHARACTERS_PER_TOKEN * row.test.max_new_tokens
    for number, texts in enumerate(samples):
        long = next((key for key, text in texts.items() if len(text) > most), None)
        if long is not None:
            yield (
                f"{PREDICTIONS}: example {long!r} of sample {number} has"
                f" {len(texts[long]):,} characters; at most {most:,} are allowed,"
                f" {CHARACTERS_PER_TOKEN} for each token of test.max_new_tokens"
            )
    total = sum(len(text) for texts in samples for text in texts.values())
    allowed = MEAN_CHARACTERS_PER_TOKEN * row.test.max_new_tokens * sum(map(len, samples))
    if total > allowed:
        yield (
            f"{PREDICTIONS}: {total:,} characters in all texts; at most {allowed:,} are allowed, on"
            f" average {MEAN_CHARACTERS_PER_TOKEN} for each token of test.max_new_tokens"
        )
    if odd := sorted(samples[0].keys() ^ set(row.examples.ids)):
        yield f"{PREDICTIONS}: {len(odd)} ids are missing or not the data's, e.g. {odd[0]!r}"


def _empty(samples: Sequence[Mapping[str, str]], row: Submission) -> Iterator[str]:
    """A message if the row counts other examples with an empty text than there are."""
    empty = {key for texts in samples for key, text in texts.items() if blank(text)}
    if len(empty) != row.n.empty:
        yield f"n.empty is {row.n.empty}; {PREDICTIONS} has {len(empty)} such examples"


def _remarks(samples: Sequence[Mapping[str, str]], test: SplitData) -> Iterator[str]:
    """Notes on what scores do not show: texts that equal their public reference."""
    equal = [
        fold(text) == fold(test.references[key].text)
        for texts in samples
        for key, text in texts.items()
    ]
    if any(equal):
        yield f"{sum(equal)} of {len(equal)} texts equal their reference"


def _stop(row: Path, faults: Iterable[str]) -> None:
    if found := list(faults):
        raise DataError(f"{row}: refused\n  " + "\n  ".join(found[:10]))
