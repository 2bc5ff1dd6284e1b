"""FlyThinkerLM: a latent reasoner beside the generator, one thought per token."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from math import isfinite

import torch
from torch import Tensor, nn

from flythinker.fusion import fuse, fuse_column, mean_norm, thoughts
from harness.engine.batch import Batch, Rows, Sequences, pad, positions
from harness.engine.lm import (
    CacheState,
    PersonalLM,
    embed,
    embedding_matrix,
    extend,
    gather_columns,
    head,
    joined,
    read,
    start,
    token_logprobs,
)

THREADS_PAY_FROM = 50_000_000
"""Parameters of the smaller model from which a CPU runs both at once, between two sizes measured:
1.1 M, where that mostly loses, and 134.5 M, where it takes 0.6 of the time: docs/performance.md."""

ANY = 0
"""As `vocabulary`: the ids of the texts are compared with both matrices elsewhere (a run does)."""
ROWS_AT_ONCE = 1 << 14
"""Ids that an embedding module with a scale of its own embeds at a time, for m."""


@dataclass
class FlyState:
    """Both caches, m, and the thought [B,d] of the last token that the reasoner has read."""

    generator: CacheState
    reasoner: CacheState
    scale: Tensor
    thought: Tensor


class FlyThinkerLM(PersonalLM):
    """Generator inputs e(z_i) + lam · thought_{i−1}, in training and decoding alike.

    generator, reasoner: Hugging Face causal LMs with one tokenizer, the reasoner no wider.
    concurrent: run both models' steps at once (True), one after the other (False), or choose by
    device and size (None). vocabulary: ids that both models must know; without it, both embedding
    matrices must have as many rows (Qwen2.5 pads its 3B to fewer than its 7B). Raises ValueError
    for a lam that is not finite, a wider reasoner, or one that lacks tokens.
    """

    def __init__(
        self,
        generator: nn.Module,
        reasoner: nn.Module,
        lam: float = 0.5,
        concurrent: bool | None = None,
        lam_warmup: float = 0.0,
        vocabulary: int | None = None,
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
        self.wanted = concurrent
        self.smaller = min(
            sum(part.numel() for part in model.parameters()) for model in (generator, reasoner)
        )

    @property
    def concurrent(self) -> bool:
        """Whether a step runs both models at once, where they are now."""
        if self.wanted is not None:
            return self.wanted
        if self.near.type == "cuda" and self.far.type == "cuda":
            return True
        return self.smaller >= THREADS_PAY_FROM and torch.get_num_threads() > 1

    def training_progress(self, share: float) -> None:
        rising = self.lam_warmup > 0 and share < self.lam_warmup
        self.lam = self.target_lam * share / self.lam_warmup if rising else self.target_lam

    @property
    def near(self) -> torch.device:
        """Where the generator is."""
        return embedding_matrix(self.generator).device

    @property
    def far(self) -> torch.device:
        """Where the reasoner is."""
        return embedding_matrix(self.reasoner).device

    def heard(self, tokens: Tensor, places: Tensor) -> Tensor:
        """What the reasoner reads at `places` [B,T], counted from each row's first token: [B,T]."""
        return tokens

    def listen(self, tokens: Tensor) -> Tensor:
        """The reasoner's embeddings of tokens; an id past its matrix, in no text, as its last."""
        last = embedding_matrix(self.reasoner).size(0) - 1
        return embed(self.reasoner, tokens.clamp_max(last))

    @torch.no_grad()
    def token_norm(self) -> Tensor:
        """m, of the generator's embeddings as they are now."""
        return mean_norm(*_entering(self.generator))

    def think(self, tokens: Tensor, real: Tensor) -> Tensor:
        """The thought [B,T,d] of every token, from one pass of the reasoner over them all."""
        tokens, real = tokens.to(self.far), real.to(self.far)
        hidden = read(self.reasoner, self.listen(self.heard(tokens, positions(real))), real)
        return thoughts(hidden.to(self.near), self.token_norm())

    def logprobs(self, batch: Batch) -> Tensor:
        seq = batch.to(self.near).sequences()
        return self.score(batch, seq, self.think(seq.tokens, seq.real))

    def score(self, batch: Batch, seq: Sequences, given: Tensor) -> Tensor:
        """Log p [B,R] of the response, the generator reading thoughts `given` [B,T,d] with it."""
        inputs = fuse(embed(self.generator, seq.tokens), given, seq.real, self.lam)
        hidden = read(self.generator, inputs, seq.real)
        here = gather_columns(hidden, seq.before)
        return token_logprobs(self.generator, here, batch.to(self.near))

    def prefill(
        self,
        prompts: Rows,
        prefixes: Rows | None = None,
        views: Mapping[str, Rows] | None = None,
    ) -> tuple[Tensor, FlyState]:
        tokens, real = pad(joined(prompts, prefixes), self.pad_id, "left")
        scale = self.token_norm()
        given, reasoner = self.start_thinking(tokens, real, scale)
        return self.start_writing(tokens, real, given, reasoner, scale)

    def start_thinking(
        self, tokens: Tensor, real: Tensor, scale: Tensor
    ) -> tuple[Tensor, CacheState]:
        """`think` for left-padded rows that will go on: thoughts [B,T,d] and the cache."""
        tokens, real = tokens.to(self.far), real.to(self.far)
        heard = self.listen(self.heard(tokens, positions(real)))
        hidden, reasoner = start(self.reasoner, heard, real)
        return thoughts(hidden.to(self.near), scale), reasoner

    def start_writing(
        self, tokens: Tensor, real: Tensor, given: Tensor, reasoner: CacheState, scale: Tensor
    ) -> tuple[Tensor, FlyState]:
        """Read left-padded rows with thoughts `given` [B,T,d]: (logits [B,V], state)."""
        tokens, real = tokens.to(self.near), real.to(self.near)
        inputs = fuse(embed(self.generator, tokens), given, real, self.lam)
        hidden, generator = start(self.generator, inputs, real)
        state = FlyState(generator, reasoner, scale, given[:, -1])
        return head(self.generator, hidden[:, -1]), state

    def step(self, tokens: Tensor, state: FlyState) -> tuple[Tensor, FlyState]:
        """Both models read the token at once: its own thought serves the token after it."""
        near, far = self.near, self.far

        def reason() -> Tensor:
            heard = self.heard(tokens.to(far)[:, None], state.reasoner.lengths[:, None])
            return extend(self.reasoner, self.listen(heard), state.reasoner)[:, -1]

        def write() -> Tensor:
            now = embed(self.generator, tokens.to(near)[:, None])
            inputs = fuse_column(now, state.thought[:, None], self.lam)
            return head(self.generator, extend(self.generator, inputs, state.generator)[:, -1])

        # freed while the side stream still reads it, a replaced tensor would be written over
        held = state.reasoner.tensors()
        logits, hidden = _both(write, reason, near, far) if self.concurrent else (write(), reason())
        del held
        state.thought = thoughts(hidden.to(near), state.scale)
        return logits, state


def _entering(model: nn.Module) -> Iterator[Tensor]:
    """What enters `model` for each id, [rows,D] a block, as `embed` gives it.

    A plain embedding module returns rows of its matrix. Others scale or normalise them (Gemma,
    BioGPT, XGLM, MiniCPM3, Inkling) and are asked. What a decoder does to all its inputs
    afterwards (Granite's multiplier, BLOOM's norm) it does to thoughts as well.
    """
    module, matrix = model.get_input_embeddings(), embedding_matrix(model)  # type: ignore[operator]
    if type(module) is nn.Embedding:
        yield matrix
        return
    for ids in torch.arange(matrix.size(0), device=matrix.device).split(ROWS_AT_ONCE):
        yield embed(model, ids)


@cache
def _other_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="reasoner")


@cache
def _side_stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)


def _both(
    write: Callable[[], Tensor],
    reason: Callable[[], Tensor],
    near: torch.device,
    far: torch.device,
) -> tuple[Tensor, Tensor]:
    """Start both, wait for both: two streams on one GPU, two devices, or two CPU threads."""
    if near.type == "cpu" and far.type == "cpu":
        waiting = _other_thread().submit(_without_gradients(reason))
        return write(), waiting.result()
    if near != far:  # kernels on two devices run side by side without more ado
        read = reason()
        return write(), read
    here, side = torch.cuda.current_stream(near), _side_stream(near)
    side.wait_stream(here)
    with torch.cuda.stream(side):
        read = reason()
    logits = write()
    here.wait_stream(side)
    read.record_stream(here)
    return logits, read


def _without_gradients(work: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """`work` for another thread, where modes begin anew: no gradients there either."""
    mode = torch.inference_mode if torch.is_inference_mode_enabled() else torch.no_grad

    def inside() -> Tensor:
        with mode():
            return work()

    return inside
