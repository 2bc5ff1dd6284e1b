"""Verify a row: its form, the board's rules, its ids, its texts scored again, duplicates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from harness import __version__
from harness.data import load_split
from harness.data.checks import fold
from harness.errors import DataError, HarnessError
from harness.leaderboard.board import Board, Place, against_rules
from harness.leaderboard.duplicates import Originals
from harness.leaderboard.reading import PREDICTIONS, read_submission, read_texts
from harness.leaderboard.schema import Slice, Submission
from harness.leaderboard.scores import Numbers, board_data, numbers
from harness.leaderboard.verification import Verification, files_digest, with_known_rerun
from harness.metrics import is_mean
from harness.settings import DataSettings, RunSettings
from harness.types import SplitData

TOLERANCE = 0.01
"""Largest allowed difference between a claimed and a recomputed number, in points (values, interval
ends, values per example). The data's fingerprint seeds the intervals' draws, so the only sources of
difference are rounding to four decimals and other versions of numpy."""


@dataclass(frozen=True)
class TestSet:
    """A board's test set, and the settings that loaded it."""

    split: SplitData
    data: DataSettings


def load_test(board: Board, source: str | None = None) -> TestSet | None:
    """The board's test set; None if it is not built in and no `source` is given.

    Raises DataError if the data's fingerprint is not the board's.
    """
    if board.data != "mini" and source is None:
        return None
    data = board_data(board, None if board.data == "mini" else source)
    split = load_split(RunSettings(task=board.test.task, data=data), "test")
    found = (split.fingerprint, len(split.examples))
    if found != (board.test.fingerprint, board.test.examples):
        raise DataError(
            f"board {board.place}: the test data here is {found[0][:12]} with {found[1]} examples;"
            f" the board's is {board.test.fingerprint[:12]} with {board.test.examples}"
        )
    return TestSet(split, data)


def verify_row(place: Place, row: Path, test: TestSet | None, originals: Originals) -> Verification:
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
    faults = [*against_rules(board, submission), *_impossible(submission)]
    has_texts = (row / PREDICTIONS).is_file()
    if has_texts and not board.texts:
        faults.append(f"has {PREDICTIONS}, but this board's texts may not be published")
    if board.texts and not has_texts:
        faults.append(f"no {PREDICTIONS}; this board scores every row again")
    _stop(row, faults)
    # 2. The data's examples, and duplicates of other rows.
    if test is not None:
        _stop(row, _against_data(submission, test.split))
    if found := originals.duplicate_of(row, submission):
        raise DataError(f"{row}: {found}")
    # 3. Without texts or data, the numbers are the submitter's own.
    digest, version = files_digest(row), __version__
    if not has_texts or test is None:
        why = "numbers only: the texts may not be published" if not board.texts else "no data here"
        return Verification(
            status="self-reported",
            files=digest,
            harness=version,
            tolerance=TOLERANCE,
            largest={},
            notes=(why,),
        )
    # 4. Score the texts again.
    samples = read_texts(row)
    _stop(row, _text_ids(samples, submission))
    again = numbers(test.split, samples, tuple(board.metrics), board.scoring())
    if again.missing:
        raise DataError(
            f"{row}: cannot be scored here; "
            + "; ".join(f"{name}: {remedy}" for name, remedy in again.missing.items())
        )
    largest = dict(differences(submission, again))
    _stop(
        row,
        (
            f"{name}: claimed and recomputed differ by {gap:.4f}; at most {TOLERANCE} is allowed"
            for name, gap in largest.items()
            if not gap <= TOLERANCE
        ),
    )
    return Verification(
        status="verified",
        files=digest,
        harness=version,
        tolerance=TOLERANCE,
        largest={name: round(gap, 6) for name, gap in largest.items()},
        notes=tuple(_remarks(samples, test.split)),
    )


def differences(claimed: Submission, again: Numbers) -> Iterator[tuple[str, float]]:
    """Per metric, the largest difference between a claimed and a recomputed number.

    Infinite if one of them is missing or columns differ in length.
    """
    for name, metric in again.metrics.items():
        pairs: list[tuple[float | None, float | None]] = [
            (getattr(claimed.metrics[name], end), getattr(metric, end))
            for end in ("value", "low", "high")
        ]
        columns: list[tuple[Sequence[float | None], Sequence[float | None]]] = [
            (claimed.examples.scores[name], again.scores[name])
        ]
        columns.append((claimed.examples.left_out.get(name, ()), again.without.get(name, ())))
        curve, curve_again = claimed.slices.get(name, ()), again.slices.get(name, ())
        columns += [
            ([getattr(row, field) for row in curve], [getattr(row, field) for row in curve_again])
            for field in Slice.model_fields
            if field in ("start", "value") or any(getattr(row, field) is not None for row in curve)
        ]
        for one, other in columns:
            if len(one) != len(other):
                pairs.append((None, 0.0))
            else:
                pairs += zip(one, other, strict=True)
        yield name, max(_gap(one, other) for one, other in pairs)


def _gap(one: float | None, other: float | None) -> float:
    if one is None or other is None:
        return 0.0 if one is other else float("inf")
    return abs(one - other)


def _impossible(row: Submission) -> Iterator[str]:
    """Messages on impossible values: outside their interval, or not the mean of their examples."""
    for name, metric in row.metrics.items():
        if metric.value is None:
            continue
        low, high = metric.low, metric.high
        if low is not None and high is not None and not low <= metric.value <= high:
            yield f"{name}: {low} ≤ {metric.value} ≤ {high} does not hold"
        each = [value for value in row.examples.scores.get(name, ()) if value is not None]
        if is_mean(name) and each and abs(fmean(each) - metric.value) > TOLERANCE:
            yield f"{name} is {metric.value:.4f}, its examples' mean {fmean(each):.4f}"


def _against_data(row: Submission, test: SplitData) -> Iterator[str]:
    """Messages on example ids and users that differ from the data's."""
    ids = tuple(example.id for example in test.examples)
    if row.examples.ids != ids:
        odd = sorted(set(row.examples.ids) ^ set(ids))
        yield (
            f"{len(odd)} example ids are missing or not the data's, e.g. {odd[0]!r}"
            if odd
            else "examples.ids are not in the data's order"
        )
        return
    users = [example.user_id for example in test.examples]
    order = {user: index for index, user in enumerate(dict.fromkeys(users))}
    if row.examples.users != tuple(order[user] for user in users):
        yield "examples.users does not group the examples by user as the data does"


def _text_ids(samples: Sequence[Mapping[str, str]], row: Submission) -> Iterator[str]:
    if len(samples) != row.test.samples:
        yield f"{PREDICTIONS}: {len(samples)} samples; expected {row.test.samples}"
    if odd := sorted(samples[0].keys() ^ set(row.examples.ids)):
        yield f"{PREDICTIONS}: {len(odd)} ids are missing or not the data's, e.g. {odd[0]!r}"


def _remarks(samples: Sequence[Mapping[str, str]], test: SplitData) -> Iterator[str]:
    """Notes on what scores do not show: texts that equal their public reference."""
    same = sum(
        fold(text) == fold(test.references[key].text)
        for texts in samples
        for key, text in texts.items()
    )
    if same:
        total = sum(len(texts) for texts in samples)
        yield f"{same} of {total} texts equal their reference"


def _stop(row: Path, faults: Sequence[str] | Iterator[str]) -> None:
    if found := list(faults):
        raise DataError(f"{row}: refused\n  " + "\n  ".join(found[:10]))


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
                yield row, with_known_rerun(row, verify_row(place, row, test, originals))
            except HarnessError as error:
                yield row, error
