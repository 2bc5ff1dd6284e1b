"""Drift under the microscope: at which token the user fades, and what the prefix gives away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.record.token_file import TokenValues
from harness.reports.tokens.gains import Matrix, Tokens, empty_gain, other_gain
from harness.statistics import Array, Interval, Statistic, interval
from harness.statistics.changepoint import Fading, judge_fading
from harness.statistics.panel import Value, ratio
from harness.statistics.positions import CELL, Band, Cells, cells_of, smooth


@dataclass(frozen=True)
class Drifted:
    """The gain of one system along the text.

    fading: at which token the user fades.
    gain: own − random other, a smooth curve. own, empty: NLL with the user's profile and with none.
    gap_before, gap_after: own − no profile up to the onset, and after the fall. Without a profile
    the model knows the user from the text so far alone.
    prefix: the fall of that gap. unexplained: the fall of the gain − `prefix`; the text so far can
    account for all of it unless this is above 0.
    """

    system: str
    seeds: int
    fading: Fading
    gain: Band
    own: Band
    empty: Band
    gap_before: Interval
    gap_after: Interval
    prefix: Interval
    unexplained: Interval


def drifted(found: Sequence[Tokens]) -> list[Drifted]:
    """Every system whose texts are long enough, with Holm's correction over all of them."""
    cells = {one.system.name: cells for one in found if (cells := _cells(one, other_gain))}
    systems = {one.system.name: one for one in found if one.system.name in cells}
    answers = judge_fading(
        {name: (cells[name], one.panel, one.trained) for name, one in systems.items()}
    )
    return [_of_system(one, cells[name], answers[name]) for name, one in systems.items()]


def _of_system(tokens: Tokens, gain: Cells, answer: Fading) -> Drifted:
    curves = [_cells(tokens, of) for of in (_own, _empty, empty_gain)]
    own, empty, gap = (each for each in curves if each is not None)  # as long as `gain`
    before, after = slice(answer.onset // CELL), slice(answer.fallen // CELL, None)
    of_gap, of_gain = (_levels(cells, before, after) for cells in (gap, gain))

    def over_texts(value: Value, rows: Array) -> Interval:
        return interval(Statistic(value), rows, tokens.panel, tokens.trained)

    return Drifted(
        tokens.system.name,
        len(tokens.runs),
        answer,
        gain=smooth(gain, tokens.trained),
        own=smooth(own, tokens.trained),
        empty=smooth(empty, tokens.trained),
        gap_before=over_texts(ratio, of_gap[..., :2]),
        gap_after=over_texts(ratio, of_gap[..., 2:]),
        prefix=over_texts(_fall, of_gap),
        unexplained=over_texts(_less, np.concatenate([of_gain, of_gap], axis=-1)),
    )


def _own(run: TokenValues) -> Array:
    return run.column("nll_own")


def _empty(run: TokenValues) -> Array:
    return run.column("nll_empty")


def _cells(tokens: Tokens, of: Matrix) -> Cells | None:
    users = [tokens.board.users[key] for key in tokens.board.ids]
    return cells_of(tokens.by_slice_token(of), users)


def _levels(cells: Cells, before: slice, after: slice) -> Array:
    """Rows [S,N,4]: sum and tokens of the cells before, and of those after."""
    columns = []
    for piece in (before, after):
        sums = cells.sums[..., piece].sum(axis=-1)
        columns += [sums, np.broadcast_to(cells.tokens[:, piece].sum(axis=-1), sums.shape)]
    return np.stack(columns, axis=-1)


def _fall(sums: Array) -> Array:
    """Mean before − mean after, of summed rows [...,4]."""
    return ratio(sums[..., :2]) - ratio(sums[..., 2:])


def _less(sums: Array) -> Array:
    """The fall of the first four columns − that of the last four."""
    return _fall(sums[..., :4]) - _fall(sums[..., 4:])
