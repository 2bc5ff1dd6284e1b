"""Thought replacement: a trained FlyThinkerLM whose thoughts are replaced at response positions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from flythinker.fusion import SMALLEST_NORM
from flythinker.model import FlyState, FlyThinkerLM
from harness.engine.batch import Batch, Rows, Views, pad
from harness.engine.lm import PersonalLM, gather_columns, joined
from harness.method import DONOR

REPLACEMENTS = ("zero", "noise", DONOR)


@dataclass
class ReplacementState:
    """The model's state, with the donor's reasoner cache if there is a donor; one stream a row."""

    fly: FlyState
    streams: list[np.random.Generator]


class ReplacedThoughtsLM(PersonalLM):
    """The same weights, but the generator receives replaced thoughts at response positions.

    The thought added to response token r is replaced for every r, including the first, whose
    thought comes from the end of the prompt. Thoughts added to prompt tokens stay the model's own.

    - zero: no thought.
    - noise: a random direction with the norm of the model's own thought, drawn from the prompt and
      r alone, so that neighbouring rows change nothing.
    - donor: the reasoner's thought at the same response token after another prompt (the view
      "donor").
    """

    def __init__(self, lm: FlyThinkerLM, replacement: str) -> None:
        super().__init__()
        if replacement not in REPLACEMENTS:
            raise ValueError(
                f"thought replacement {replacement!r}; expected {', '.join(REPLACEMENTS)}"
            )
        self.lm, self.replacement = lm, replacement

    def logprobs(self, batch: Batch) -> Tensor:
        lm = self.lm
        # 1. The model's own thoughts at every position
        seq = batch.to(lm.generator_device).sequences()
        own = lm.think(seq.tokens, seq.real)
        # 2. What replaces those before response tokens
        if self.replacement == DONOR:
            donor = batch.view(DONOR).to(lm.generator_device).sequences()
            given = gather_columns(lm.think(donor.tokens, donor.real), donor.before)
        else:
            counts = [len(row) for row in batch.responses]
            given = self._replace(gather_columns(own, seq.before), _streams(batch.prompts), counts)
        # 3. The generator's pass with the replaced thoughts
        return lm.score(batch, seq, _insert(own, seq.before, batch.response_mask, given))

    def prefill(
        self, prompts: Rows, prefixes: Rows | None = None, views: Views | None = None
    ) -> tuple[Tensor, ReplacementState]:
        lm, streams = self.lm, _streams(prompts)
        lengths = [len(row) for row in prefixes] if prefixes is not None else [0] * len(prompts)
        # 1. The model's own thoughts
        tokens, real = pad(joined(prompts, prefixes), "left")
        scale = lm.token_norm()
        own, reasoner = lm.prefill_reasoner(tokens, real, scale)
        columns, valid = _response_columns(lengths, own)
        # 2. What replaces them; a donor's reasoner also takes all later steps
        if self.replacement == DONOR:
            rows = pad(joined((views or {})[DONOR], prefixes), "left")
            others, reasoner = lm.prefill_reasoner(*rows, scale)
            given = gather_columns(others, _response_columns(lengths, others)[0])
        else:
            counts = [length + 1 for length in lengths]
            given = self._replace(gather_columns(own, columns), streams, counts)
        # 3. The generator's pass with the replaced thoughts
        mixed = _insert(own, columns, valid, given)
        logits, fly = lm.prefill_generator(tokens, real, mixed, reasoner, scale)
        return logits, ReplacementState(fly, streams)

    def step(self, tokens: Tensor, state: ReplacementState) -> tuple[Tensor, ReplacementState]:
        logits, state.fly = self.lm.step(tokens, state.fly)
        if self.replacement != DONOR:  # with a donor, the state holds the donor's reasoner
            own = state.fly.thought[:, None]
            state.fly.thought = self._replace(own, state.streams, [1] * len(own))[:, 0]
        return logits, state

    def keep(self, state: ReplacementState, rows: Tensor) -> ReplacementState | None:
        fly = self.lm.keep(state.fly, rows)
        if fly is None:
            return None
        return ReplacementState(fly, [deepcopy(state.streams[row]) for row in rows.tolist()])

    def join(self, state: ReplacementState, other: ReplacementState) -> ReplacementState:
        streams = [*state.streams, *other.streams]
        return ReplacementState(self.lm.join(state.fly, other.fly), streams)

    def _replace(
        self, own: Tensor, streams: Sequence[np.random.Generator], counts: Sequence[int]
    ) -> Tensor:
        """Zeros, or noise with the norm of `own` [B,K,d]; row b draws counts[b] vectors."""
        if self.replacement == "zero":
            return torch.zeros_like(own)
        drawn = torch.zeros(own.shape)
        for row, (stream, count) in enumerate(zip(streams, counts, strict=True)):
            drawn[row, :count] = torch.from_numpy(
                stream.standard_normal((count, own.size(-1)), dtype=np.float32)
            )
        drawn = drawn.to(own)
        norm = drawn.norm(dim=-1, keepdim=True).clamp_min(SMALLEST_NORM)
        scaled: Tensor = drawn * (own.norm(dim=-1, keepdim=True) / norm)
        return scaled


def _streams(prompts: Rows) -> list[np.random.Generator]:
    """A random stream for each row, seeded by its prompt's tokens."""
    seeds = [hashlib.sha256(json.dumps(list(row)).encode()).digest()[:8] for row in prompts]
    return [np.random.default_rng(int.from_bytes(seed, "big")) for seed in seeds]


def _response_columns(lengths: Sequence[int], thoughts: Tensor) -> tuple[Tensor, Tensor]:
    """Columns [B,K] of left-padded thoughts [B,T,d] that response tokens use; which are valid.

    For a row with n response tokens these are the last n + 1 columns: the last one is for the next
    token.
    """
    last = thoughts.size(1) - 1
    counts = torch.tensor(lengths, device=thoughts.device)[:, None]
    steps = torch.arange(max(lengths) + 1, device=thoughts.device)
    valid = steps <= counts
    return torch.where(valid, last - counts + steps, last), valid


def _insert(own: Tensor, columns: Tensor, valid: Tensor, given: Tensor) -> Tensor:
    """`own` [B,T,d] with `given` [B,K,d] at `columns` [B,K] where `valid` [B,K] is True."""
    rows, index = valid.nonzero(as_tuple=True)
    changed = own.clone()
    changed[rows, columns[rows, index]] = given[rows, index]
    return changed
