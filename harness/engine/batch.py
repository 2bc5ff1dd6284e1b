"""Token rows → padded tensors. Padding is known from lengths, never from token ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

Side = Literal["left", "right"]
Rows = Sequence[Sequence[int]]
Views = Mapping[str, Rows]
"""Further prompts by name, a row for each prompt."""
PAD_ID = 0
"""Fills padding. No id is ever compared with it, so any valid id would do."""


def pad(rows: Rows, side: Side, pad_id: int = PAD_ID) -> tuple[Tensor, Tensor]:
    """Rows of token ids → (ids [B,T], real [B,T]), padded on `side`; T is the longest row."""
    return _padded([torch.tensor(row, dtype=torch.long) for row in rows], side, pad_id)


def pad_left(rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Rows of vectors [t,D] → (vectors [B,T,D], real [B,T]), zeros on the left."""
    return _padded(list(rows), "left", 0)


def _padded(rows: list[Tensor], side: Side, fill: int) -> tuple[Tensor, Tensor]:
    real = [torch.ones(len(row), dtype=torch.bool, device=row.device) for row in rows]
    values, mask = (
        pad_sequence(part, batch_first=True, padding_value=value, padding_side=side)
        for part, value in ((rows, fill), (real, False))
    )
    return values, mask


def positions(real: Tensor) -> Tensor:
    """Position of each token, counted from its row's first real token: real [B,T] → [B,T].

    Left padding gets 0. Right padding continues the count: to transformers a repeated position
    means the start of another text, and it would build a full mask.
    """
    columns = torch.arange(real.size(-1), device=real.device)
    return (columns - _left_padding(real)).clamp_min(0)


def to_the_right(real: Tensor) -> Tensor | None:
    """Column order [B,T] that moves left padding to the right; None if there is none."""
    padding = _left_padding(real)
    if not bool(padding.any()):
        return None
    columns = torch.arange(real.size(-1), device=real.device)
    return (columns + padding) % real.size(-1)


def _left_padding(real: Tensor) -> Tensor:
    """Number of columns before each row's first real token: real [B,T] → [B,1]."""
    return real.long().argmax(-1, keepdim=True)


@dataclass(frozen=True)
class Sequences:
    """Prompt and response joined: tokens [B,T] and real [B,T], True at tokens.

    before [B,R]: the column whose output predicts response token r, which is the column to its
    left; 0 where there is no response token.
    """

    tokens: Tensor
    real: Tensor
    before: Tensor


@dataclass(frozen=True)
class Batch:
    """Prompts and the responses to score, with the rows of further prompt views.

    prompts, responses: unpadded token rows. pad_id: fills padding. response_ids [B,R]: right
    padded. response_mask [B,R]: True at response tokens. side: where joined sequences are padded.
    views: further prompts by name, one row for each response.
    """

    prompts: tuple[tuple[int, ...], ...]
    responses: tuple[tuple[int, ...], ...]
    pad_id: int
    response_ids: Tensor
    response_mask: Tensor
    side: Side = "right"
    views: Mapping[str, tuple[tuple[int, ...], ...]] = field(default_factory=dict)

    @staticmethod
    def from_rows(
        prompts: Rows,
        responses: Rows,
        pad_id: int,
        *,
        side: Side = "right",
        views: Views | None = None,
    ) -> Batch:
        """A batch of rows of any lengths.

        Args:
            prompts: token ids of each prompt.
            responses: token ids of each response.
            pad_id: fills padding.
            side: where joined sequences are padded.
            views: further prompts by name.

        Raises ValueError for unequal numbers of rows, no rows, or an empty prompt.
        """
        if len(prompts) != len(responses) or not prompts:
            raise ValueError(
                f"{len(prompts)} prompts and {len(responses)} responses;"
                " expected the same number, at least 1"
            )
        for index, row in enumerate(prompts):
            if not row:
                raise ValueError(f"prompt {index} has no token; a response needs one to follow")
        response_ids, response_mask = pad(responses, "right", pad_id)
        frozen = {name: tuple(tuple(row) for row in rows) for name, rows in (views or {}).items()}
        for name, rows in frozen.items():
            if len(rows) != len(prompts):
                raise ValueError(f"view {name!r} has {len(rows)} rows for {len(prompts)} prompts")
        return Batch(
            tuple(tuple(row) for row in prompts),
            tuple(tuple(row) for row in responses),
            pad_id,
            response_ids,
            response_mask,
            side,
            frozen,
        )

    def to(self, device: torch.device | str) -> Batch:
        """The same batch with its tensors on `device`."""
        ids, mask = self.response_ids.to(device), self.response_mask.to(device)
        return replace(self, response_ids=ids, response_mask=mask)

    def view(self, name: str) -> Batch:
        """The same responses after another view of the prompts. Raises KeyError if unknown."""
        return Batch.from_rows(self.views[name], self.responses, self.pad_id, side=self.side).to(
            self.response_ids.device
        )

    def sequences(self) -> Sequences:
        """Prompt and response of each row in one padded sequence, on the batch's device."""
        rows = [
            prompt + response for prompt, response in zip(self.prompts, self.responses, strict=True)
        ]
        tokens, real = pad(rows, self.side, self.pad_id)
        starts = [0 if self.side == "right" else tokens.size(1) - len(row) for row in rows]
        first = torch.tensor(
            [start + len(prompt) - 1 for start, prompt in zip(starts, self.prompts, strict=True)]
        )
        steps = torch.arange(self.response_ids.size(1))
        device = self.response_ids.device
        before = (first[:, None] + steps).to(device)
        before = torch.where(self.response_mask, before, torch.zeros_like(before))
        return Sequences(tokens.to(device), real.to(device), before)
