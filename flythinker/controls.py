"""Controls: a trained FlyThinkerLM that writes with other thoughts than its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from flythinker.fusion import SMALLEST_NORM
from flythinker.model import FlyState, FlyThinkerLM
from harness.engine.batch import Batch, Rows, pad
from harness.engine.lm import PersonalLM, gather_columns, joined
from harness.method import DONOR

CONTROLS = ("zero", "noise", DONOR)


@dataclass
class ControlledState:
    """The trained model's state, its reasoner's cache a donor's where there is one; the noise."""

    fly: FlyState
    noise: list[np.random.Generator]


class ControlledLM(PersonalLM):
    """The same weights; at response positions the generator gets replaced thoughts.

    The thought beside response token r is replaced for every r, the first one's too, which comes
    from the end of the prompt; beside prompt tokens thoughts stay the model's own.
    zero: nothing is added. noise: a random direction of the own thought's norm, drawn from the
    prompt and r alone, so that neighbours change nothing. donor: the reasoner's thought beside
    token r of the same response after another prompt (the view "donor"): both begin at r = 0.
    """

    def __init__(self, lm: FlyThinkerLM, control: str) -> None:
        super().__init__()
        if control not in CONTROLS:
            raise ValueError(f"control {control!r}; expected {', '.join(CONTROLS)}")
        self.lm, self.control = lm, control

    def logprobs(self, batch: Batch) -> Tensor:
        lm = self.lm
        seq = batch.to(lm.near).sequences()
        own = lm.think(seq.tokens, seq.real)
        if self.control == DONOR:
            other = batch.view(DONOR).to(lm.near).sequences()
            given = gather_columns(lm.think(other.tokens, other.real), other.before)
        else:
            lengths = [len(row) for row in batch.responses]
            given = self._replaced(
                gather_columns(own, seq.before), _streams(batch.prompts), lengths
            )
        return lm.score(batch, seq, _put(own, seq.before, batch.response_mask, given))

    def prefill(
        self,
        prompts: Rows,
        prefixes: Rows | None = None,
        views: Mapping[str, Rows] | None = None,
    ) -> tuple[Tensor, ControlledState]:
        lm, noise = self.lm, _streams(prompts)
        written = [len(row) for row in prefixes] if prefixes is not None else [0] * len(prompts)
        tokens, real = pad(joined(prompts, prefixes), self.pad_id, "left")
        scale = lm.token_norm()
        own, reasoner = lm.start_thinking(tokens, real, scale)
        columns, there = _before(written, own)
        if self.control == DONOR:
            rows = pad(joined((views or {})[DONOR], prefixes), self.pad_id, "left")
            others, reasoner = lm.start_thinking(*rows, scale)
            given = gather_columns(others, _before(written, others)[0])
        else:
            lengths = [count + 1 for count in written]
            given = self._replaced(gather_columns(own, columns), noise, lengths)
        served = _put(own, columns, there, given)
        logits, fly = lm.start_writing(tokens, real, served, reasoner, scale)
        return logits, ControlledState(fly, noise)

    def step(self, tokens: Tensor, state: ControlledState) -> tuple[Tensor, ControlledState]:
        logits, state.fly = self.lm.step(tokens, state.fly)
        if self.control != DONOR:  # a donor's thought comes from the reasoner that goes on
            own = state.fly.thought[:, None]
            state.fly.thought = self._replaced(own, state.noise, [1] * len(own))[:, 0]
        return logits, state

    def _replaced(
        self, own: Tensor, noise: Sequence[np.random.Generator], lengths: Sequence[int]
    ) -> Tensor:
        """Zeros, or noise of the norm of `own` [B,K,d], so many vectors from each row's stream."""
        if self.control == "zero":
            return torch.zeros_like(own)
        drawn = torch.zeros(own.shape)
        for row, (stream, length) in enumerate(zip(noise, lengths, strict=True)):
            drawn[row, :length] = torch.from_numpy(
                stream.standard_normal((length, own.size(-1)), dtype=np.float32)
            )
        drawn = drawn.to(own)
        norm = drawn.norm(dim=-1, keepdim=True).clamp_min(SMALLEST_NORM)
        scaled: Tensor = drawn * (own.norm(dim=-1, keepdim=True) / norm)
        return scaled


def _streams(prompts: Rows) -> list[np.random.Generator]:
    """A random stream for each row, from its prompt's tokens."""
    seeds = [hashlib.sha256(json.dumps(list(row)).encode()).digest()[:8] for row in prompts]
    return [np.random.default_rng(int.from_bytes(seed, "big")) for seed in seeds]


def _before(written: Sequence[int], thoughts: Tensor) -> tuple[Tensor, Tensor]:
    """Columns [B,K] of left-padded thoughts [B,T,d] that serve response tokens; which are there.

    Of a row with n response tokens read, these are the last n + 1: the last serves the next one.
    """
    last = thoughts.size(1) - 1
    counts = torch.tensor(written, device=thoughts.device)[:, None]
    steps = torch.arange(max(written) + 1, device=thoughts.device)
    there = steps <= counts
    return torch.where(there, last - counts + steps, last), there


def _put(own: Tensor, columns: Tensor, there: Tensor, given: Tensor) -> Tensor:
    """`own` [B,T,d] with `given` [B,K,d] at `columns` [B,K], where `there` [B,K]."""
    rows, at = there.nonzero(as_tuple=True)
    changed = own.clone()
    changed[rows, columns[rows, at]] = given[rows, at]
    return changed
