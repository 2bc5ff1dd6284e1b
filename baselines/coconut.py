"""Coconut: K latent thoughts between prompt and text (arXiv 2412.06769).

With a curriculum, training begins with CoT's analysis and replaces its sentences, one by one, with
thoughts. Without one, there are only thoughts from the first step.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from baselines.analysis import analyse, sentence_ends, separator
from baselines.options import MOST_THOUGHTS, N_THOUGHTS, CoconutOptions
from harness.engine.backbone import Backbones
from harness.engine.batch import Batch, Rows, Views, pad, pad_left
from harness.engine.checkpointed_cache import checkpointed, is_piecewise
from harness.engine.clock import now
from harness.engine.kv_cache import growing_cache, recurrent
from harness.engine.lm import (
    CausalLM,
    PersonalLM,
    embed,
    encode,
    gather_columns,
    head,
    token_logprobs,
)
from harness.engine.passes import State, extend, start
from harness.engine.thoughts import Thoughts, divergence, nearest_tokens
from harness.method import Method
from harness.settings import Section
from harness.types import Target, TrainingPair


class CoconutLM(CausalLM):
    """A causal LM that feeds its last hidden state back to itself before the text.

    Each thought is the hidden state after the final norm, unscaled, at the position before it, used
    as an input embedding. The K thoughts take consecutive positions between prompt and text,
    without marker tokens. Gradients flow through all of them.

    Args:
        model: a Hugging Face causal LM.
        n_thoughts: K.
        curriculum: shares of training at which stages begin. Stage s of S has s·K/S thoughts,
            rounded.

    Raises ValueError for an `n_thoughts` outside 0 to 8.
    """

    def __init__(
        self, model: nn.Module, n_thoughts: int = N_THOUGHTS, curriculum: Sequence[float] = ()
    ) -> None:
        super().__init__(model)
        if not 0 <= n_thoughts <= MOST_THOUGHTS:
            raise ValueError(f"n_thoughts is {n_thoughts}; expected 0 to {MOST_THOUGHTS}")
        self.n_thoughts, self.curriculum = n_thoughts, tuple(curriculum)
        self.thoughts_now = n_thoughts

    def training_progress(self, share: float) -> None:
        if self.curriculum:
            stage = bisect_right(self.curriculum, share)
            self.thoughts_now = round(stage * self.n_thoughts / len(self.curriculum))

    @property
    def hidden_per_example(self) -> int:
        return self.thoughts_now

    def think(self, prompts: Rows) -> tuple[Tensor, Tensor, State]:
        """Prompts, then thoughts, with a cache: each thought adds one column.

        inputs [B,T+K,D]: embeddings of left-padded prompts, then the K thoughts. last [B,1,D]: the
        hidden state that predicts the text's first token. state: the cache.
        """
        tokens, real = (part.to(self.device) for part in pad(prompts, "left"))
        inputs = embed(self.model, tokens)
        hidden, state = start(self.model, inputs, real)
        last, begin = hidden[:, -1:], now()
        fed = []
        for _ in range(self.thoughts_now):
            fed.append(last)
            last = extend(self.model, last, state)
        self.hidden_s += now() - begin
        return torch.cat([inputs, *fed], 1), last, state

    def logprobs(self, batch: Batch) -> Tensor:
        batch = batch.to(self.device)
        # right padding: no real column attends to a padded one
        known = embed(self.model, batch.response_ids[:, :-1])
        if self._needs_whole_passes():
            hidden = self._hidden_without_cache(batch, known)
        else:
            _, hidden, state = self.think(batch.prompts)
            if known.size(1):
                hidden = torch.cat([hidden, extend(self.model, known, state)], 1)
        return token_logprobs(self.model, hidden, batch)

    def _needs_whole_passes(self) -> bool:
        """Whether log-probs cannot use a cache.

        Checkpointed layers of some models drop the cache. A running state passes no gradient, and
        cannot take the response in one piece.
        """
        cache = growing_cache(self.model)
        drops = checkpointed(self.model) and not is_piecewise(cache)
        return drops or recurrent(cache)

    def _hidden_without_cache(self, batch: Batch, known: Tensor) -> Tensor:
        """The states [B,R,D] that predict the response, with a whole pass for each thought.

        Trades time for memory.
        """
        tokens, real = (part.to(self.device) for part in pad(batch.prompts, "left"))
        inputs = embed(self.model, tokens)
        for _ in range(self.thoughts_now):
            inputs = torch.cat([inputs, self._pass(inputs, real)[:, -1:]], 1)
        hidden = self._pass(torch.cat([inputs, known], 1), real)
        return hidden[:, -1 - known.size(1) :]

    def _pass(self, inputs: Tensor, real: Tensor) -> Tensor:
        """One pass without a cache over prompts, real [B,T], and columns after them."""
        more = inputs.size(1) - real.size(1)
        return encode(self.model, inputs, nn.functional.pad(real, (0, more), value=True))

    @torch.no_grad()
    def thoughts(self, batch: Batch) -> Thoughts:
        """The K thoughts between prompt and text, each a hidden state that is read as an input."""
        batch = batch.to(self.device)
        count, (tokens, real) = self.thoughts_now, pad(batch.prompts, "left")
        inputs, _, _ = self.think(batch.prompts)
        given = inputs[:, tokens.size(1) :]
        known = embed(self.model, batch.response_ids[:, :-1])
        real = real.to(self.device)
        whole = torch.cat([inputs, known], 1)
        # 1. Predictions without each thought, and without all of them
        predicted = slice(inputs.size(1) - 1, None)
        own = head(self.model, self._pass(whole, real)[:, predicted])
        kl = []
        replaced: list[int | slice] = [*range(count), slice(0, count)]
        for changed in replaced:
            without = whole.clone()
            without[:, tokens.size(1) :][:, changed] = 0
            other = head(self.model, self._pass(without, real)[:, predicted])
            kl.append(divergence(own, other))
        # 2. The hidden states of the prompt's tokens
        states = self._pass(inputs[:, : tokens.size(1)], real)
        right = real.long().argmax(-1, keepdim=True)
        columns = (torch.arange(tokens.size(1), device=self.device) + right) % tokens.size(1)
        *alone, all_of_them = kl
        empty = given.new_zeros(len(tokens), 0)
        return Thoughts(
            vectors=given,
            position=torch.zeros(given.shape[:2], dtype=torch.long, device=self.device),
            nearest=nearest_tokens(self.model, given),
            kl=torch.stack([each[:, 0] for each in alone], 1) if alone else empty,
            text_kl=torch.where(batch.response_mask, all_of_them, 0.0),
            states=gather_columns(states, columns),
        )

    def prefill(
        self, prompts: Rows, prefixes: Rows | None = None, views: Views | None = None
    ) -> tuple[Tensor, State]:
        inputs, last, state = self.think(prompts)
        if prefixes is None or not any(prefixes):
            return head(self.model, last[:, -1], state), state
        rows = []
        for row, prompt, prefix in zip(inputs, prompts, prefixes, strict=True):
            ids = torch.tensor(prefix, dtype=torch.long, device=self.device)
            before = row[-len(prompt) - self.thoughts_now :]
            rows.append(torch.cat([before, embed(self.model, ids)]))
        hidden, state = start(self.model, *pad_left(rows))
        return head(self.model, hidden[:, -1], state), state


class Coconut(Method):
    """SFT through K latent thoughts. Decoding computes them once, then steps with the cache."""

    name = "coconut"
    trains = True
    Options: ClassVar[type[Section]] = CoconutOptions
    options: CoconutOptions

    def build(self, backbones: Backbones) -> CoconutLM:
        return CoconutLM(backbones.main, self.options.n_thoughts, self.options.curriculum)

    def targets(self, lm: PersonalLM, train: Sequence[TrainingPair]) -> Sequence[Target]:
        """The references; with a curriculum, also the rest of the analysis in each stage."""
        plain = super().targets(lm, train)
        if not self.options.curriculum:
            return plain
        assert isinstance(lm, CoconutLM)
        plain_lm = CausalLM(lm.model)  # the base model, without thoughts
        analyses = analyse(self, self.options, plain_lm, train)
        self.report["analyses"] = dict(analyses.counts)
        return [
            replace(target, curriculum=self._stages(analyses.kept[target.example_id]))
            for target in plain
        ]

    def _stages(self, analysis: tuple[int, ...]) -> tuple[tuple[float, tuple[int, ...]], ...]:
        """(until, preface) of every stage but the last: remaining sentences, then the separator."""
        starts = (0, *sentence_ends(self.rules.tokenizer, analysis))
        between = separator(self.rules.tokenizer, self.rules.ends)
        return tuple(
            (until, (*analysis[starts[min(stage, len(starts) - 1)] :], *between))
            for stage, until in enumerate(self.options.curriculum)
        )

    def longest_preface(self, training: bool) -> int:
        """In training, the analysis of the first stage; at test time there are only thoughts."""
        if not training or not self.options.curriculum:
            return 0
        return self.options.analysis_tokens + len(separator(self.rules.tokenizer, self.rules.ends))

    def val_targets(self, lm: PersonalLM, val: Sequence[TrainingPair]) -> Sequence[Target]:
        """Targets of the last stage: the text alone, as at test time."""
        return super().targets(lm, val)
