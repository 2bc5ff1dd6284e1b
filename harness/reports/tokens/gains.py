"""The gain of the user's own profile at each token, from `tokens.parquet` beside the records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.record.token_file import TokenValues
from harness.reports.runs.systems import Board, System, counted_over, having, lacking, reduced
from harness.statistics import Array, Panel

Matrix = Callable[[TokenValues], Array]
"""A number for each token of a run [T]."""


@dataclass(frozen=True)
class Tokens:
    """The tokens of one system's runs.

    system: reduced to the runs that have them.
    board: the whole board, reduced to the texts that all these runs have; its users are resampled.
    runs: the tokens of each run, in the order of the seeds.
    """

    system: System
    board: Board
    runs: tuple[TokenValues, ...]

    @property
    def trained(self) -> bool:
        """Whether seeds may have an effect."""
        return self.system.trained

    @property
    def panel(self) -> Panel:
        """The users of these texts."""
        return self.board.panel

    def texts(self, run: TokenValues, columns: Array) -> Array:
        """Sums over the tokens of each text of the board [N,...]; columns [T,...]."""
        place = {key: row for row, key in enumerate(self.board.ids)}
        rows = np.array([place.get(key, -1) for key in run.examples])[run.example]
        here = rows >= 0  # the others are texts that another seed lacks
        sums = np.zeros((len(self.board.ids), *columns.shape[1:]))
        np.add.at(sums, rows[here], columns[here])
        return sums

    def by_slice_token(self, of: Matrix) -> list[list[Array]]:
        """For each run and text of the board, a number for each slice token of the text.

        of: a number for each token, summed over the model tokens that end in the slice token.
        """
        return [self._by_slice_token(run, of(run)) for run in self.runs]

    def _by_slice_token(self, run: TokenValues, column: Array) -> list[Array]:
        found: dict[str, Array] = dict.fromkeys(self.board.ids, np.zeros(0))
        starts = np.searchsorted(run.example, np.arange(len(run.examples) + 1))
        for row, key in enumerate(run.examples):
            if key not in found:
                continue
            of_text = slice(starts[row], starts[row + 1])
            sums = np.bincount(run.slice_token[of_text], weights=column[of_text])
            found[key] = sums.astype(np.float64, copy=False)
        return list(found.values())


def other_gain(run: TokenValues) -> Array:
    """Own − random other at each token, in nats; above 0 the user's own profile helps."""
    return run.column("nll_other") - run.column("nll_own")


def topic_gain(run: TokenValues) -> Array:
    """Own − topic-matched other at each token."""
    return run.column("nll_topic") - run.column("nll_own")


def empty_gain(run: TokenValues) -> Array:
    """Own − no profile at each token."""
    return run.column("nll_empty") - run.column("nll_own")


def tokens_of(board: Board) -> tuple[list[Tokens], str]:
    """The tokens of every system that has them, and a note on what is left out ("" for nothing).

    Of each system the texts that have values in all its runs: a text that one lacks has no gain of
    0 there. Raises DataError, naming the file, if one changed since its run. A run of one user has
    no gain over others and is left out.
    """
    read = {
        id(run.record): tokens
        for system in board.systems
        for run in system.runs
        if (tokens := run.tokens) is not None and _with_values(tokens)
    }
    part = having(board, lambda record: id(record) in read)
    found = []
    for system in part.systems:
        runs = tuple(read[id(record)] for record in system.records)
        shared = set.intersection(*map(_with_values, runs))
        if shared:
            found.append(Tokens(system, reduced(board, shared), runs))
    part = replace(part, systems=tuple(one.system for one in found))
    return found, lacking(board, part) if found else ""


def _with_values(run: TokenValues) -> set[str]:
    """The texts of a run whose tokens all have a value in every column."""
    lacks = set(run.example[~np.isfinite(run.nll).all(axis=1)].tolist())
    return {run.examples[at] for at in set(run.example.tolist()) - lacks}


def shown_of(found: Sequence[Tokens]) -> Board:
    """The board of the runs whose tokens are shown, with the texts of the first."""
    return replace(found[0].board, systems=tuple(one.system for one in found))


def over_of(found: Sequence[Tokens]) -> str:
    """What intervals are over, for captions; from least to most where texts differ."""
    return counted_over([shown_of([one]) for one in found])


def texts_note(found: Sequence[Tokens]) -> str:
    """How many texts each system's numbers are over, if not the same ones; "" if they are."""
    by_texts: dict[frozenset[str], list[str]] = {}
    for one in found:
        by_texts.setdefault(frozenset(one.board.ids), []).append(one.system.name)
    if len(by_texts) < 2:
        return ""
    parts = [f"{', '.join(names)} {len(ids)}" for ids, names in by_texts.items()]
    unit = found[0].board.unit
    return f"{unit}s differ, only those that all seeds of a system have count: {'; '.join(parts)}"


def slice_tokens_of(tokens: Tokens) -> Array:
    """How many slice tokens each text of the board has [N], as its records say."""
    counts = np.zeros(len(tokens.board.ids))
    for row, key in enumerate(tokens.board.ids):
        for record in tokens.system.records:
            values = record.examples.get(key)
            if values is not None and values.likelihood is not None:
                counts[row] = sum(values.likelihood.slice_tokens)
    return counts


def stacked(rows: Sequence[Array]) -> Array:
    """Rows of each run as one array [S,N,K]."""
    return np.stack(rows).astype(np.float64)
