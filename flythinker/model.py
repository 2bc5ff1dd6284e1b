"""FlyThinkerLM: a generator and a latent reasoner, one thought per token."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from typing import Any

import torch
from torch import Tensor, nn

from flythinker.at_once import both_at_once
from flythinker.fusion import fuse, fuse_column, mean_norm, thoughts
from flythinker.options import LAM
from harness.engine.batch import Batch, Rows, Sequences, Views, pad, positions
from harness.engine.lean_models import stacked_decoder
from harness.engine.lean_state import LeanState, joined_state, stacked_state
from harness.engine.lean_step import LeanDecoder
from harness.engine.lm import (
    PersonalLM,
    embed,
    embedding_matrix,
    encode,
    gather_columns,
    head,
    joined,
    token_logprobs,
)
from harness.engine.passes import State, extend, keep, start
from harness.engine.thoughts import Thoughts

THREADS_PAY_FROM = 50_000_000
"""From this many parameters in the smaller model, a CPU runs both models at once.

The value lies between two measured sizes: 1.1 M, where concurrency mostly loses, and 134.5 M, where
it takes 0.6 of the time (docs/performance.md)."""

ANY = 0
"""Value of `vocabulary` that skips the size check; a run checks the ids of its texts instead."""
REASONER = 1 << 31
"""The bit in which the seeds of the reasoner's dropout and of the generator's differ."""
ROWS_AT_ONCE = 1 << 14
"""Ids embedded at a time to compute m, where the embedding module scales its rows."""


@dataclass
class FlyState:
    """What a step needs: both models' states, m (`scale`), and the last token's thought [B,d].

    Stacked models have one state, which is `generator` and `reasoner`.
    """

    generator: State
    reasoner: State
    scale: Tensor
    thought: Tensor


class FlyThinkerLM(PersonalLM):
    """Generator inputs e(z_i) + lam · thought_{i−1}, in training and decoding alike.

    Args:
        generator: a Hugging Face causal LM.
        reasoner: another with the same tokenizer, no wider than the generator.
        lam: λ, the weight of thoughts.
        concurrent: run both models' steps at once (True), one after the other (False), or choose
            (None): stacked as one batched pass where both have one shape that the lean step serves,
            else by device and size.
        lam_warmup: share of the training steps over which λ rises from 0.
        vocabulary: ids that both models must know. By default both embedding matrices must have
            the same number of rows (Qwen2.5 pads its 3B model to fewer rows than its 7B model).
        gate: multiply thoughts by a learnable number that is zero at the start.

    Raises ValueError if lam is not finite, or if the reasoner is wider or lacks tokens.
    """

    def __init__(
        self,
        generator: nn.Module,
        reasoner: nn.Module,
        lam: float = LAM,
        concurrent: bool | None = None,
        lam_warmup: float = 0.0,
        vocabulary: int | None = None,
        gate: bool = False,
    ) -> None:
        super().__init__()
        if not isfinite(lam):
            raise ValueError(f"lam is {lam}; expected a finite number, e.g. 0.5")
        if not 0 <= lam_warmup <= 1:
            raise ValueError(f"lam_warmup is {lam_warmup}; expected a share of the steps, 0 to 1")
        self.generator, self.reasoner = generator, reasoner
        self.lam, self.target_lam, self.lam_warmup = lam, lam, lam_warmup
        wide, narrow = (embedding_matrix(model) for model in (generator, reasoner))
        rows = {wide.size(0), narrow.size(0)}
        if len(rows) > 1 if vocabulary is None else min(rows) < vocabulary:
            raise ValueError(
                f"the reasoner knows {narrow.size(0)} tokens, the generator {wide.size(0)};"
                f" expected {'as many' if vocabulary is None else f'{vocabulary} or more'}:"
                " choose two models with one vocabulary"
            )
        fuse_column(torch.empty(wide.size(1)), torch.empty(narrow.size(1)), lam)  # widths fit?
        self.gate = nn.Parameter(torch.zeros(())) if gate else None
        self.requested_concurrent = concurrent
        self.smaller = min(
            sum(part.numel() for part in model.parameters()) for model in (generator, reasoner)
        )

    @property
    def concurrent(self) -> bool:
        """Whether a step runs both models at once on their current devices."""
        if self.requested_concurrent is not None:
            return self.requested_concurrent
        if self.generator_device.type == self.reasoner_device.type == "cuda":
            # on one GPU equal models are stacked, which is faster than two streams; for others
            # two streams gain nothing through transformers, and with graphs were not measured
            return self.generator_device != self.reasoner_device
        return self.smaller >= THREADS_PAY_FROM and torch.get_num_threads() > 1

    def training_progress(self, share: float) -> None:
        rising = self.lam_warmup > 0 and share < self.lam_warmup
        self.lam = self.target_lam * share / self.lam_warmup if rising else self.target_lam

    @property
    def thought_weight(self) -> float | Tensor:
        """What a thought is multiplied by: λ, times the gate if there is one."""
        return self.lam if self.gate is None else self.lam * self.gate

    @property
    def generator_device(self) -> torch.device:
        return embedding_matrix(self.generator).device

    @property
    def reasoner_device(self) -> torch.device:
        return embedding_matrix(self.reasoner).device

    def reasoner_ids(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """Ids [B,T] that the reasoner reads: the tokens themselves; variants may read other ids.

        positions [B,T] count from each row's first token.
        """
        return tokens

    def reasoner_embeddings(self, ids: Tensor) -> Tensor:
        """The reasoner's embeddings of ids [B,T]; an id past its matrix (in no text) is clamped."""
        last = embedding_matrix(self.reasoner).size(0) - 1
        return embed(self.reasoner, ids.clamp_max(last))

    @torch.no_grad()
    def token_norm(self) -> Tensor:
        """m, the mean norm of the generator's current embeddings."""
        return mean_norm(*_input_embeddings(self.generator))

    def think(self, tokens: Tensor, real: Tensor) -> Tensor:
        """The thought [B,T,d] of every token, from one pass of the reasoner over all of them."""
        tokens, real = tokens.to(self.reasoner_device), real.to(self.reasoner_device)
        ids = self.reasoner_ids(tokens, positions(real))
        hidden = encode(self.reasoner, self.reasoner_embeddings(ids), real)
        return thoughts(hidden.to(self.generator_device), self.token_norm())

    def logprobs(self, batch: Batch) -> Tensor:
        seq = batch.to(self.generator_device).sequences()
        with self.reasoner_draws():
            given = self.think(seq.tokens, seq.real)
        return self.score(batch, seq, given)

    @contextmanager
    def reasoner_draws(self) -> Iterator[None]:
        """In training, dropout inside draws from a stream of its own: the generator's is sft's."""
        if not self.training:
            yield
            return
        devices = {self.generator_device, self.reasoner_device}
        with torch.random.fork_rng([each for each in devices if each.type == "cuda"]):
            torch.manual_seed(torch.initial_seed() ^ REASONER)
            yield

    def score(self, batch: Batch, seq: Sequences, given: Tensor) -> Tensor:
        """Log p [B,R] of the response when the generator reads the thoughts `given` [B,T,d]."""
        inputs = fuse(embed(self.generator, seq.tokens), given, seq.real, self.thought_weight)
        hidden = encode(self.generator, inputs, seq.real)
        predicting = gather_columns(hidden, seq.before)
        return token_logprobs(self.generator, predicting, batch.to(self.generator_device))

    def thoughts(self, batch: Batch) -> Thoughts:
        from flythinker.shown_thoughts import shown_thoughts

        return shown_thoughts(self, batch)

    def prefill(
        self, prompts: Rows, prefixes: Rows | None = None, views: Views | None = None
    ) -> tuple[Tensor, FlyState]:
        tokens, real = pad(joined(prompts, prefixes), "left")
        scale = self.token_norm()
        given, reasoner = self.prefill_reasoner(tokens, real, scale)
        return self.prefill_generator(tokens, real, given, reasoner, scale)

    def prefill_reasoner(self, tokens: Tensor, real: Tensor, scale: Tensor) -> tuple[Tensor, State]:
        """`think` with a cache, for left-padded rows: thoughts [B,T,d] and the reasoner's state."""
        self.stacked()  # before the first pass, which would fuse the weights of one model alone
        tokens, real = tokens.to(self.reasoner_device), real.to(self.reasoner_device)
        ids = self.reasoner_ids(tokens, positions(real))
        hidden, reasoner = start(self.reasoner, self.reasoner_embeddings(ids), real)
        return thoughts(hidden.to(self.generator_device), scale), reasoner

    def prefill_generator(
        self, tokens: Tensor, real: Tensor, given: Tensor, reasoner: State, scale: Tensor
    ) -> tuple[Tensor, FlyState]:
        """The generator's pass over left-padded rows: (logits [B,V] of the next token, state).

        Args:
            tokens: ids [B,T].
            real: [B,T], True at tokens.
            given: thoughts [B,T,d] to fuse with the tokens.
            reasoner: the reasoner's state, kept in the result.
            scale: m.
        """
        tokens, real = tokens.to(self.generator_device), real.to(self.generator_device)
        inputs = fuse(embed(self.generator, tokens), given, real, self.thought_weight)
        hidden, generator = start(self.generator, inputs, real)
        both = self.stacked()
        if both and isinstance(generator, LeanState) and isinstance(reasoner, LeanState):
            generator = reasoner = stacked_state(both, [generator, reasoner])
        state = FlyState(generator, reasoner, scale, given[:, -1])
        return head(self.generator, hidden[:, -1], generator), state

    def stacked(self) -> LeanDecoder | None:
        """One decoder of both models; None where each takes its own step."""
        if self.requested_concurrent is not None:
            return None
        return stacked_decoder([self.generator, self.reasoner])

    def step(self, tokens: Tensor, state: FlyState) -> tuple[Tensor, FlyState]:
        """Both models read the same token; its thought is added to the token after it."""
        here, there = self.generator_device, self.reasoner_device

        def reasoner_inputs(lengths: Tensor) -> Tensor:
            column = tokens.to(there)[:, None]
            return self.reasoner_embeddings(self.reasoner_ids(column, lengths[:, None]))

        def generator_inputs() -> Tensor:
            embeddings = embed(self.generator, tokens.to(here)[:, None])
            return fuse_column(embeddings, state.thought[:, None], self.thought_weight)

        def reason() -> Tensor:
            inputs = reasoner_inputs(state.reasoner.lengths)
            return extend(self.reasoner, inputs, state.reasoner)[:, -1]

        def predict() -> Tensor:
            hidden = extend(self.generator, generator_inputs(), state.generator)
            return head(self.generator, hidden[:, -1], state.generator)

        # keep replaced tensors alive: the side stream may still read them
        in_use = state.reasoner.tensors()
        if isinstance(state.generator, LeanState) and state.generator is state.reasoner:
            both = state.generator
            inputs = [generator_inputs(), reasoner_inputs(both.lengths[len(tokens) :])]
            predicting, hidden = both.decoder.extend(torch.stack(inputs), both)[:, :, -1]
            logits = head(self.generator, predicting, both)
        elif self.concurrent:
            logits, hidden = both_at_once(predict, reason, here, there)
        else:
            logits, hidden = predict(), reason()
        del in_use
        state.thought = thoughts(hidden.to(here), state.scale)
        return logits, state

    def keep(self, state: FlyState, rows: Tensor) -> FlyState | None:
        generator = keep(state.generator, rows)
        stacked = state.generator is state.reasoner
        reasoner = generator if stacked else keep(state.reasoner, rows)
        if generator is None or reasoner is None:
            return None
        return FlyState(generator, reasoner, state.scale, state.thought[rows])

    def join(self, state: Any, other: Any) -> FlyState:
        generator = joined_state(state.generator, other.generator)
        stacked = state.generator is state.reasoner
        reasoner = generator if stacked else joined_state(state.reasoner, other.reasoner)
        thought = torch.cat([state.thought, other.thought])
        return FlyState(generator, reasoner, state.scale, thought)


def _input_embeddings(model: nn.Module) -> Iterator[Tensor]:
    """The input embedding of each id, in blocks [rows,D].

    A plain embedding module returns rows of its matrix. Others scale or normalise them (Gemma,
    BioGPT, XGLM, MiniCPM3, Inkling), so they are called. What a decoder later does to all its
    inputs (Granite's multiplier, BLOOM's norm) also happens to thoughts.
    """
    module, matrix = model.get_input_embeddings(), embedding_matrix(model)  # type: ignore[operator]
    if type(module) is nn.Embedding:
        yield matrix
        return
    for ids in torch.arange(matrix.size(0), device=matrix.device).split(ROWS_AT_ONCE):
        yield embed(model, ids)
