"""A board: one test set with one set of rules. Its folder is task/setting/tier, with its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from harness.errors import DataError, UsageError
from harness.leaderboard.reading import read_model
from harness.leaderboard.scale import off_scale
from harness.leaderboard.schema import Name, Signature, Strict, Submission, Test
from harness.settings import EvalSettings, validate
from harness.settings.names import frozen_table

BOARD = "board.json"
BOARD_BYTES = 100_000
DECODING = (
    "max_new_tokens", "temperature", "top_p", "top_k", "repetition_penalty", "samples"
)  # fmt: skip
"""Rules of a board that are also settings of `decode`."""


class Board(Strict):
    """The rules of a board: board.json, written by its maintainer, never by a submission.

    texts: true if rows include their texts, so that others can score them again; else rows have
    numbers only.
    data: where the test set comes from: `mini`, `hub`, or `folder` (readers must have it).
    metrics: metric → signature; rows are ranked by the first.
    tokenizer, bleu_tokenizer: as in `eval`.
    """

    schema_version: Literal[1] = 1
    test: Test
    texts: bool
    data: Literal["mini", "hub", "folder"]
    revision: Annotated[str, StringConstraints(max_length=80)] | None = None
    limit: Annotated[int, Field(ge=1)] | None = None
    mini_seed: int = 0
    slices: tuple[int, ...] = (0, 100, 200, 300)
    tokenizer: Literal["default", "unicode"] = "default"
    bleu_tokenizer: Annotated[str, StringConstraints(max_length=20)] = "13a"
    metrics: Annotated[dict[Name, Signature], Field(min_length=1)]

    def scoring(self) -> EvalSettings:
        """The settings that score its rows: metrics, slices, tokenizers."""
        return validate(
            EvalSettings,
            {
                "metrics": tuple(self.metrics),
                "slices": self.slices,
                "tokenizer": self.tokenizer,
                "bleu_tokenizer": self.bleu_tokenizer,
            },
            f"board {self.place}",
        )

    @property
    def ranked_by(self) -> str:
        return next(iter(self.metrics))

    @property
    def place(self) -> str:
        """The board's name, and its folder below the root: task/setting/tier."""
        return f"{self.test.task}/{self.test.setting}/{self.test.tier}"

    @property
    def decoding(self) -> dict[str, Any]:
        """The rules that are also settings of `decode`, by name."""
        return self.test.model_dump(include=set(DECODING))


@dataclass(frozen=True)
class Place:
    """A board on disk."""

    board: Board
    folder: Path

    def rows(self) -> list[Path]:
        """Folders of the rows, sorted by name. Raises DataError for a link or a file."""
        found = sorted(path for path in self.folder.iterdir() if path.name != BOARD)
        for path in found:
            if path.is_symlink() or not path.is_dir():
                raise DataError(
                    f"{path}: not a folder; a board's folder holds only {BOARD} and rows"
                )
        return found


def read_board(folder: Path) -> Place:
    """The board in a folder. Raises DataError if the folder's path contradicts the rules."""
    board = read_model(folder / BOARD, Board, BOARD_BYTES)
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
    """The row's violations of the rules: test set, cap, sampling, metrics, scales."""
    for name, expected in board.test.model_dump().items():
        found = getattr(row.test, name)
        if found != expected:
            yield f"test.{name} is {found!r}; the board's is {expected!r}"
    for name, expected in board.decoding.items():
        key = f"decode.{name}"
        found = row.run.settings.get(key, frozen_table()["added"].get(key))
        if found != expected:
            yield f"run.settings decode.{name} is {found!r}; the board's is {expected!r}"
    for name, signature in board.metrics.items():
        if name not in row.metrics:
            yield f"no {name}; the board shows {', '.join(board.metrics)}"
        elif row.metrics[name].value is None:
            yield f"{name} has no value; it is one of the board's metrics"
        elif row.metrics[name].signature != signature:
            yield (
                f"{name} is signed {row.metrics[name].signature!r}; the board's is {signature!r}:"
                " install the versions of constraints.txt"
            )
        if name not in row.examples.scores:
            yield f"examples.scores has no {name}"
    parts: dict[str, Mapping[str, Any]] = {
        "metrics": row.metrics, "slices": row.slices, "examples.scores": row.examples.scores
    }  # fmt: skip
    for part, names in parts.items():
        if further := sorted(names.keys() - board.metrics.keys()):
            yield f"{part} {', '.join(further)} are not the board's"
    yield from off_scale(row)
