"""What the lean step remembers: keys, values and lengths of the rows that it reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from harness.engine.lean_column import OneColumn
    from harness.engine.lean_graph import GraphedColumn
    from harness.engine.lean_step import LeanDecoder

BLOCK = 256
"""Columns added when the buffers are full."""


@dataclass
class LeanState:
    """Keys and values [R,K,C,d] of each layer, for R rows: those of the first model first.

    end: columns in use. lengths [R]: tokens of each row, which ends at the last column in use.
    bias [R,K,1,C]: −inf at columns before a row begins; None where all rows have one length.
    rope [C,2,d]: cosine and signed sine of each position.
    column: takes steps of one column with these buffers, once there was one.
    """

    decoder: LeanDecoder
    keys: list[Tensor]
    values: list[Tensor]
    end: int
    lengths: Tensor
    bias: Tensor | None
    rope: Tensor
    column: OneColumn | GraphedColumn | None = None

    @property
    def capacity(self) -> int:
        return self.keys[0].size(2)

    def tensors(self) -> list[Tensor]:
        """All tensors that the next step reads."""
        return [*self.keys, *self.values, self.lengths, self.rope]

    def keep(self, rows: Tensor) -> LeanState:
        """A state of these rows of each model; columns before the longest of them are dropped."""
        models = self.decoder.models
        count = len(self.lengths) // models
        index = torch.cat([rows + count * model for model in range(models)])
        lengths = self.lengths[index]
        longest, shortest = (int(part) for part in (lengths.max(), lengths.min()))
        window = slice(self.end - longest, self.end)
        keys, values = (
            [F.pad(buffer[index, :, window], (0, 0, 0, BLOCK)) for buffer in buffers]
            for buffers in (self.keys, self.values)
        )
        bias = None if shortest == longest else row_bias(lengths, longest, keys[0])
        rope = self.decoder.rope_table(longest + BLOCK)
        return LeanState(self.decoder, keys, values, longest, lengths, bias, rope)

    def reserve(self, columns: int) -> None:
        """Make room for this many columns in all."""
        more = columns - self.capacity
        if more <= 0:
            return
        self.keys, self.values = (
            [F.pad(buffer, (0, 0, 0, more + BLOCK)) for buffer in buffers]
            for buffers in (self.keys, self.values)
        )
        if self.bias is not None:
            self.bias = F.pad(self.bias, (0, more + BLOCK))
        self.rope = self.decoder.rope_table(self.capacity)
        self.column = None


def stacked_state(decoder: LeanDecoder, states: Sequence[LeanState]) -> LeanState:
    """The rows of several states in one; of stacked models, each with equally many rows.

    All rows end at the same column, so shorter states move to the right. The states lose their
    buffers, layer by layer, so that no two copies of all are in memory.
    """
    end = max(state.end for state in states)
    for state in states:
        state.column = None  # it has views of the buffers
    keys, values = (
        [
            torch.cat([_moved(getattr(state, name).pop(0), state.end, end) for state in states])
            for _ in decoder.layers
        ]
        for name in ("keys", "values")
    )
    lengths = torch.cat([state.lengths for state in states])
    even = all(state.bias is None and state.end == end for state in states)
    bias = None if even else row_bias(lengths, end, keys[0])
    return LeanState(decoder, keys, values, end, lengths, bias, decoder.rope_table(end + BLOCK))


def _moved(buffer: Tensor, own: int, end: int) -> Tensor:
    """The first `own` columns of a buffer [R,K,C,d], moved to end at column `end`."""
    return F.pad(buffer[:, :, :own], (0, 0, end - own, BLOCK))


def joined_state(state: LeanState, other: LeanState) -> LeanState:
    """The rows of `state`, then those of `other`, of each model."""
    both, models = stacked_state(state.decoder, [state, other]), state.decoder.models
    rows = torch.arange(len(both.lengths), device=both.lengths.device)
    parts = (part.view(models, -1) for part in rows.split([len(state.lengths), len(other.lengths)]))
    order = torch.cat(list(parts), 1).flatten()
    if models > 1:
        both.keys, both.values = (
            [buffer[order] for buffer in buffers] for buffers in (both.keys, both.values)
        )
        both.lengths = both.lengths[order]
        both.bias = None if both.bias is None else both.bias[order]
    return both


def row_bias(lengths: Tensor, end: int, buffer: Tensor) -> Tensor:
    """[R,K,1,C] for buffers [R,K,C,d]: −inf before a row's first column, `end` − its length."""
    columns = torch.arange(buffer.size(2), device=buffer.device)
    return bias_of(columns < end - lengths[:, None], buffer)


def bias_of(unseen: Tensor, buffer: Tensor) -> Tensor:
    """[R,K,1,C] for buffers [R,K,C,d]: −inf at the columns [R,C] that a row must not read."""
    unseen = unseen[:, None, None].expand(-1, buffer.size(1), -1, -1)
    return buffer.new_zeros(unseen.shape).masked_fill(unseen, -torch.inf)
