"""A run's folder → a row of a board, scored again and checked against its record and the rules."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from harness.data import load_split
from harness.data.source import source_of
from harness.errors import DataError, UsageError, counted
from harness.leaderboard.board import BOARD, Board, against_rules, read_board, scoring
from harness.leaderboard.duplicates import Originals
from harness.leaderboard.plausible import contradictions
from harness.leaderboard.recomputed import Numbers, numbers
from harness.leaderboard.row import Words, submission_of, test_of
from harness.leaderboard.submission import Submission, Test
from harness.leaderboard.untrusted import PREDICTIONS, SUBMISSION, read_submission, read_texts
from harness.leaderboard.verify_rows import against_texts
from harness.paths import make_folder
from harness.pipeline.evaluate.texts import samples_of
from harness.record import Record, read_record, recorded_texts, write_json
from harness.record.durable import write_text
from harness.settings import RunSettings, validate
from harness.types import SplitData

CLAIM = 0.01
"""Largest allowed difference between a run's record and its texts scored again, in points."""


def submit(
    run: Path,
    root: Path,
    words: Words,
    *,
    data: str | None = None,
    open_board: str | None = None,
    tier: str | None = None,
) -> Path:
    """Pack a complete run as a new row below `root`; returns the row's folder.

    run, root: the run's folder, and the folder of the boards.
    words: the submitter's words on the row.
    data: the current location of the run's data.
    open_board: "texts" or "numbers", to create the board from this run if there is none.
    tier: of the board, where texts made elsewhere fit several.

    Raises DataError if the run is incomplete, contradicts its own texts or violates the board's
    rules; UsageError for a wrong option or a row that already exists.
    """
    # 1. The run, and its board's rules.
    record = read_record(run)
    if record.status != "complete":
        raise DataError(
            f"{run}: status {record.status!r}; expected a complete run without failures"
        )
    settings = validate(RunSettings, record.settings, f"{run} settings")
    if data:
        moved = settings.data.model_copy(update={"source": data})
        settings = settings.model_copy(update={"data": moved})
    if record.kind == "floor" or (open_board and record.kind == "scored"):
        raise UsageError(
            f"{run}: a record of kind {record.kind!r}; a board is opened by a run, and floors are"
            " on its page without a row"
        )
    folder = _folder(run, record, settings, root, tier)
    known = _known_board(folder, open_board)
    # 2. Score its texts again.
    test = load_split(settings, "test")
    samples = _samples(run, record, test)
    names = known.metrics if known else dict.fromkeys((*test.metrics, *settings.eval.metrics))
    rules = known or settings.eval
    found = numbers(test, samples, scoring(names, rules, f"{run} settings"))
    if found.missing:
        raise DataError(f"{run}: " + "; ".join(f"{k}: {v}" for k, v in found.missing.items()))
    _agrees(run, record, found)
    # 3. Check the row against the rules and against other rows.
    own = known.test if known and record.kind == "scored" else test_of(settings, test)
    board = known or _opened(record, settings, own, found, texts=open_board == "texts")
    row = submission_of(record, settings, own, found, words)
    faults = [*against_rules(board, row), *contradictions(row)]
    if board.texts:
        faults += against_texts(samples, row)
    if faults:
        raise DataError(f"{run} does not fit board {board.place}:\n  " + "\n  ".join(faults))
    target = folder / row.id
    if target.exists():
        raise UsageError(f"{target} already exists; remove it, or name the row with --id")
    for fault in Originals(read_board(folder)).faults(target, row) if known else ():
        raise DataError(f"{run}: {fault}")
    # 4. Write it, and read it back as a maintainer would.
    if known is None:
        write_json(folder / BOARD, board.model_dump(mode="json"))
    try:
        make_folder(target, partial(_write_row, row, samples if board.texts else []))
    except BaseException:
        if known is None:
            (folder / BOARD).unlink()  # or the same command would be refused: there is a board
        raise
    return target


def _opened(
    record: Record, settings: RunSettings, test: Test, found: Numbers, *, texts: bool
) -> Board:
    """A new board with the rules that the run was made under."""
    return Board.of(
        settings.eval,
        test=test,
        texts=texts,
        data=source_of(settings.data.source).kind,
        revision=record.data.revision if record.data.repository else None,
        limit=settings.data.limit,
        mini_seed=settings.data.mini_seed,
        metrics={name: metric.signature for name, metric in found.metrics.items()},
    )


def _folder(run: Path, record: Record, settings: RunSettings, root: Path, tier: str | None) -> Path:
    """The folder of the board that a run belongs to.

    A run has the tier of its preset. Texts made elsewhere have none: their board is one of the same
    examples. Raises UsageError where that is not one board, and for the tier of a run.
    """
    boards = root / settings.task / settings.data.setting
    if record.kind == "run":
        if tier not in (None, settings.preset):
            raise UsageError(f"--tier {tier}: a run's tier is its preset, {settings.preset}")
        return boards / settings.preset
    data = record.data.test
    there = [read_board(path.parent) for path in sorted(boards.glob(f"{tier or '*'}/{BOARD}"))]
    fit = [
        place.folder
        for place in there
        if (place.board.test.fingerprint, place.board.test.examples)
        == (data.fingerprint, data.examples)
    ]
    if not fit:
        of = f"its data and tier {tier}" if tier else "its data"
        raise UsageError(
            f"{run}: no board of {of} in {boards}; expected one with test data"
            f" {data.fingerprint[:12]}, {counted(data.examples, 'example')}. A run opens a board,"
            " with --open-board"
        )
    if len(fit) > 1:
        names = ", ".join(folder.name for folder in fit)
        raise UsageError(f"{run}: boards of its data are {names}; name one with --tier")
    return fit[0]


def _known_board(folder: Path, open_board: str | None) -> Board | None:
    if open_board not in (None, "texts", "numbers"):
        raise UsageError(f"--open-board {open_board!r}; expected texts or numbers")
    if (folder / BOARD).is_file():
        if open_board:
            raise UsageError(f"--open-board: {folder / BOARD} already exists; omit the option")
        return read_board(folder).board
    if open_board is None:
        raise UsageError(
            f"no board {folder}; its maintainer opens it with --open-board texts (rows include"
            " their texts and can be verified) or --open-board numbers (texts may not be published)"
        )
    return None


def _samples(run: Path, record: Record, test: SplitData) -> list[dict[str, str]]:
    """The run's texts by sample. Raises DataError if a test example lacks one."""
    kept = record.data.test.fingerprint
    if kept != test.fingerprint:
        raise DataError(
            f"{run}: ran on test data {kept[:12]}, found {test.fingerprint[:12]}; give the run's"
            " data with --data"
        )
    samples = samples_of(sorted(recorded_texts(run, record), key=lambda text: text.sample))
    if not samples:
        raise DataError(f"{run}: no {PREDICTIONS}; a submission is scored from its texts")
    for number, texts in enumerate(samples):
        if odd := sorted(texts.keys() ^ test.references.keys()):
            raise DataError(
                f"{run}: {len(odd)} texts of sample {number} are missing or of other examples,"
                f" e.g. {odd[0]!r}"
            )
    return samples


def _agrees(run: Path, record: Record, found: Numbers) -> None:
    """Raises DataError where a metric that the record computed in the same way is another here."""
    for name, metric in found.metrics.items():
        own = record.metrics.get(name)
        if own is None or own.signature != metric.signature:
            continue
        if own.value is None or metric.value is None or abs(own.value - metric.value) <= CLAIM:
            continue
        raise DataError(
            f"{run}: its record says {name} {own.value:.4f}, its texts score {metric.value:.4f};"
            " `harness run --fresh` generates and scores them again"
        )


def _write_row(row: Submission, samples: Sequence[Mapping[str, str]], folder: Path) -> None:
    """Write a row and read it, so that one over the limits is refused here, not by a maintainer."""
    write_text(folder / SUBMISSION, row.model_dump_json() + "\n")
    lines = [
        json.dumps({"id": key, "sample": number, "output": text}, ensure_ascii=False) + "\n"
        for number, texts in enumerate(samples)
        for key, text in sorted(texts.items())
    ]
    if lines:
        write_text(folder / PREDICTIONS, "".join(lines))
        read_texts(folder)
    read_submission(folder)
