"""A board: one test set with one set of rules. Its folder is task/setting/tier, with its rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from harness.data.source import Kind, Source, source_of
from harness.errors import DataError, UsageError
from harness.leaderboard.plausible import off_scale
from harness.leaderboard.submission import Name, Signature, Strict, Submission, Test
from harness.leaderboard.untrusted import read_strict
from harness.paths import DRAFT
from harness.settings import DataSettings, EvalSettings, validate
from harness.settings.names import frozen_table
from harness.settings.sections import DecodeSettings

BOARD = "board.json"
BOARD_BYTES = 100_000
DECODING = Test.model_fields.keys() & DecodeSettings.model_fields.keys()
"""Rules of a board that are also settings of `decode`: all that change a text or its length."""


class Board(Strict):
    """The rules of a board: board.json, written by its maintainer, never by a submission.

    texts: true if rows include their texts, so that others can score them again; else rows have
    numbers only.
    data: kind of the source of the test set.
    metrics: metric → signature; rows are ranked by the first.
    tokenizer, bleu_tokenizer: as in `eval`.
    """

    schema_version: Literal[1] = 1
    test: Test
    texts: bool
    data: Kind
    revision: Annotated[str, StringConstraints(max_length=80)] | None = None
    limit: Annotated[int, Field(ge=1)] | None = None
    mini_seed: int = 0
    slices: tuple[int, ...] = (0, 100, 200, 300)
    tokenizer: Literal["default", "unicode"] = "default"
    bleu_tokenizer: Annotated[str, StringConstraints(max_length=20)] = "13a"
    metrics: Annotated[dict[Name, Signature], Field(min_length=1)]

    def scoring(self) -> EvalSettings:
        """The settings that score its rows: metrics, slices, tokenizers."""
        return scoring(self.metrics, self, f"board {self.place}")

    def data_settings(self, folder: str | None = None) -> DataSettings:
        """Settings that load the test set; `folder` replaces the source, unless it is built in."""
        name = self.data if self.source.built_in else folder or self.data
        return DataSettings(
            source=name,
            setting=self.test.setting,
            limit=self.limit,
            mini_seed=self.mini_seed,
            revision=self.revision if name == self.data and self.revision else "main",
        )

    @property
    def data_rules(self) -> dict[str, object]:
        """The rules that are also settings of `data`, by name; a run may choose the others."""
        return self.data_settings().model_dump(exclude_unset=True)

    @property
    def settings(self) -> dict[str, object]:
        """The rules that are also settings of a run, by dotted name.

        Without a revision, which runs ask for by any of its names, and a folder, which may lie
        anywhere; the test set's fingerprint holds for both.
        """
        free = {"revision", "source"} if self.data == "folder" else {"revision"}
        data = {name: value for name, value in self.data_rules.items() if name not in free}
        return {
            "preset": self.test.tier,
            "task": self.test.task,
            **{f"data.{name}": value for name, value in data.items()},
            **{f"decode.{name}": value for name, value in self.decoding.items()},
        }

    @property
    def source(self) -> Source:
        return source_of(self.data)

    @property
    def ranked_by(self) -> str:
        return next(iter(self.metrics))

    @property
    def place(self) -> str:
        """The board's name, and its folder below the root: task/setting/tier."""
        return f"{self.test.task}/{self.test.setting}/{self.test.tier}"

    @property
    def decoding(self) -> dict[str, object]:
        """The rules that are also settings of `decode`, by name."""
        return self.test.model_dump(include=DECODING)


def scoring(metrics: Iterable[str], rules: Board | EvalSettings, place: str) -> EvalSettings:
    """Settings that score rows on `metrics` with the slices and tokenizers of `rules`.

    Intervals use the default number of resamples, whatever the run used, so that all rows of a
    board are comparable. Raises UsageError, naming `place`, for rules that are no settings.
    """
    values = {name: getattr(rules, name) for name in ("slices", "tokenizer", "bleu_tokenizer")}
    return validate(EvalSettings, {"metrics": tuple(metrics), **values}, place)


@dataclass(frozen=True)
class Place:
    """A board on disk."""

    board: Board
    folder: Path

    def rows(self) -> list[Path]:
        """Folders of the rows, sorted by name. Raises DataError for a link or a file."""
        found = sorted(
            path
            for path in self.folder.iterdir()
            if path.name != BOARD and not path.name.startswith(DRAFT)
        )
        for path in found:
            if path.is_symlink() or not path.is_dir():
                raise DataError(
                    f"{path}: not a folder; a board's folder holds only {BOARD} and rows"
                )
        return found


def read_board(folder: Path) -> Place:
    """The board in a folder. Raises DataError if the folder's path contradicts the rules."""
    board = read_strict(folder / BOARD, Board, BOARD_BYTES)
    if folder.resolve().parts[-3:] != tuple(board.place.split("/")):
        raise DataError(f"{folder / BOARD}: rules of {board.place}; expected those of its folder")
    return Place(board, folder)


def boards(root: Path) -> list[Place]:
    """Every board below `root`, sorted by place. Raises UsageError if there is none."""
    found = [read_board(path.parent) for path in sorted(root.glob(f"*/*/*/{BOARD}"))]
    if not found:
        raise UsageError(
            f"{root}: no board; expected TASK/SETTING/TIER/{BOARD}"
            " (`harness leaderboard submit RUN --open-board texts|numbers` makes one)"
        )
    return found


def board_of(row: Path) -> Place:
    """The board of a row's folder. Raises UsageError if the folder is not in a board."""
    if not (row.parent / BOARD).is_file():
        raise UsageError(f"{row}: not a row of a board; expected BOARDS/TASK/SETTING/TIER/ROW")
    return read_board(row.parent)


def against_rules(board: Board, row: Submission) -> Iterator[str]:
    """The row's violations of the rules: test set, settings, metrics, scales."""
    for name, expected in board.test.model_dump().items():
        found = getattr(row.test, name)
        if found != expected:
            yield f"test.{name} is {found!r}; the board's is {expected!r}"
    if row.kind == "run":
        yield from _against_settings(board, row)
    for name, signature in board.metrics.items():
        metric = row.metrics.get(name)
        if metric is None:
            yield f"no {name}; the board shows {', '.join(board.metrics)}"
        elif metric.value is None:
            yield f"{name} has no value; it is one of the board's metrics"
        elif metric.signature != signature:
            yield (
                f"{name} is signed {metric.signature!r}; the board's is {signature!r}:"
                " install the versions of constraints.txt"
            )
        if name not in row.examples.scores:
            yield f"examples.scores has no {name}"
    for part, names in (
        ("metrics", row.metrics.keys()),
        ("slices", row.slices.keys()),
        ("examples.scores", row.examples.scores.keys()),
    ):
        if further := sorted(names - board.metrics.keys()):
            yield f"{part} {', '.join(further)} are not the board's"
    yield from off_scale(row)


def _against_settings(board: Board, row: Submission) -> Iterator[str]:
    """The settings of a run that contradict the rules, or what the row says of the run."""
    if row.backbone.parameters is None:
        yield "backbone.parameters is missing; only texts made elsewhere may lack it"
    for key, expected in board.settings.items():
        found = _setting(row, key)
        if found != expected:
            yield f"run.settings {key} is {found!r}; the board's is {expected!r}"
    seed, backbone, reasoner = (
        _setting(row, key) for key in ("seed", "model.backbone", "model.reasoner")
    )
    if row.run.seed != seed:
        yield f"run.seed is {row.run.seed}; run.settings seed is {seed!r}"
    if row.backbone.name != backbone:
        yield f"backbone.name is {row.backbone.name!r}; run.settings model.backbone is {backbone!r}"
    if row.backbone.reasoner not in (None, reasoner or backbone):
        yield (
            f"backbone.reasoner is {row.backbone.reasoner!r}; by run.settings model.reasoner it is"
            f" {reasoner or backbone!r}"
        )


def _setting(row: Submission, key: str) -> object:
    """A setting of the row's run; of a run from before the setting was added, its default then."""
    found = row.run.settings.get(key, frozen_table()["added"].get(key))
    return tuple(found) if isinstance(found, list) else found
