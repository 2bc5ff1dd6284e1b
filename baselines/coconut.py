"""Coconut: K latent thoughts between prompt and text (arXiv 2412.06769).

With a curriculum, training begins with CoT's analysis in words and replaces it, sentence by
sentence, with thoughts; without one, thoughts stand alone from the first step.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from baselines.analysis import AnalysisOptions, analyse, sentence_ends, separator
from harness.engine.backbone import Backbones
from harness.engine.batch import Batch, Rows, pad, pad_left
from harness.engine.clock import now
from harness.engine.kv_cache import growing_cache, recurrent
from harness.engine.lm import (
    CacheState,
    CausalLM,
    PersonalLM,
    embed,
    encode,
    extend,
    head,
    start,
    token_logprobs,
)
from harness.method import Method
from harness.settings import Section
from harness.types import Target, TrainingPair

N_THOUGHTS = 4
MOST_THOUGHTS = 8


@dataclass(frozen=True)
class Thinking:
    """inputs [B,T+K,D]: embeddings of left-padded prompts, then the K thoughts that were fed;
    last [B,1,D], the hidden state that predicts the text's first token; the cache after them."""

    inputs: Tensor
    last: Tensor
    state: CacheState


class CoconutLM(CausalLM):
    """A causal LM that feeds its last hidden state back to itself before it writes.

    Thought k+1 is the hidden state after the final norm, unscaled, at the position before it,
    used as input embedding; the K thoughts stand at consecutive positions between prompt and
    text, without marker tokens. Gradients flow through all of them. `curriculum`: the shares of
    training at which a further stage begins; in stage s of S, s·K/S thoughts are fed (rounded).
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

    def think(self, prompts: Rows) -> Thinking:
        """Read prompts and think, by a cache: each thought is one column more."""
        tokens, real = (part.to(self.device) for part in pad(prompts, "left"))
        inputs = embed(self.model, tokens)
        hidden, state = start(self.model, inputs, real)
        last, begin = hidden[:, -1:], now()
        fed = []
        for _ in range(self.thoughts_now):
            fed.append(last)
            last = extend(self.model, last, state)
        self.hidden_s += now() - begin
        return Thinking(torch.cat([inputs, *fed], 1), last, state)

    def logprobs(self, batch: Batch) -> Tensor:
        batch = batch.to(self.device)
        # a row's padded response columns come after its real ones: no real one sees them
        known = embed(self.model, batch.response_ids[:, :-1])
        if self._needs_whole_passes():
            hidden = self._hidden_without_cache(batch, known)
        else:
            thinking = self.think(batch.prompts)
            hidden = thinking.last
            if known.size(1):
                hidden = torch.cat([hidden, extend(self.model, known, thinking.state)], 1)
        return token_logprobs(self.model, hidden, batch)

    def _needs_whole_passes(self) -> bool:
        """Whether no cache serves for log-probs.

        Checkpointed layers of transformers drop the cache silently; a running state lets no
        gradient through, and cannot take the response in one piece.
        """
        checkpointed = self.model.training and any(
            getattr(part, "gradient_checkpointing", False) for part in self.model.modules()
        )
        return checkpointed or recurrent(growing_cache(self.model))

    def _hidden_without_cache(self, batch: Batch, known: Tensor) -> Tensor:
        """What predicts each response token, [B,R,D], every thought from a pass over all before.

        Trades time for memory: one pass more for each thought.
        """
        tokens, real = (part.to(self.device) for part in pad(batch.prompts, "left"))
        inputs = embed(self.model, tokens)
        for _ in range(self.thoughts_now):
            inputs = torch.cat([inputs, self._pass(inputs, real)[:, -1:]], 1)
        hidden = self._pass(torch.cat([inputs, known], 1), real)
        return hidden[:, -1 - known.size(1) :]

    def _pass(self, inputs: Tensor, real: Tensor) -> Tensor:
        """One pass without cache over prompts and `real`-in-every-row columns after them."""
        more = inputs.size(1) - real.size(1)
        return encode(self.model, inputs, nn.functional.pad(real, (0, more), value=True))

    def prefill(
        self,
        prompts: Rows,
        prefixes: Rows | None = None,
        views: Mapping[str, Rows] | None = None,
    ) -> tuple[Tensor, CacheState]:
        thinking = self.think(prompts)
        if prefixes is None or not any(prefixes):
            return head(self.model, thinking.last[:, -1]), thinking.state
        rows = [
            torch.cat([inputs[-len(prompt) - self.thoughts_now :], embed(self.model, written)])
            for inputs, prompt, written in zip(
                thinking.inputs, prompts, self._tensors(prefixes), strict=True
            )
        ]
        hidden, state = start(self.model, *pad_left(rows))
        return head(self.model, hidden[:, -1]), state

    def _tensors(self, rows: Rows) -> list[Tensor]:
        return [torch.tensor(row, dtype=torch.long, device=self.device) for row in rows]


class CoconutOptions(AnalysisOptions):
    n_thoughts: int = Field(N_THOUGHTS, ge=0, le=MOST_THOUGHTS)
    """K, the latent thoughts between prompt and text; 0 without a curriculum is SFT."""
    curriculum: tuple[float, ...] = ()
    """Shares of training at which stages 1, 2, … S begin, e.g. [0.25, 0.5, 0.75]; before the first
    one training imitates CoT's whole analysis, without thoughts. Stage s leaves out its first s
    sentences and feeds s·K/S thoughts; stage S leaves out all of it. Empty: thoughts alone, and
    the options of the analysis do nothing."""

    @field_validator("curriculum")
    @classmethod
    def _rising(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if list(value) != sorted(set(value)) or any(not 0 <= each < 1 for each in value):
            raise ValueError("stages begin at rising shares, 0 ≤ share < 1, e.g. [0.25, 0.5, 0.75]")
        return value


class Coconut(Method):
    """SFT through K latent thoughts; decoding thinks once, then steps with its cache."""

    name = "coconut"
    trains = True
    Options: ClassVar[type[Section]] = CoconutOptions
    options: CoconutOptions

    def build(self, backbones: Backbones) -> CoconutLM:
        self.tokenizer = backbones.tokenizer
        return CoconutLM(backbones.main, self.options.n_thoughts, self.options.curriculum)

    def targets(self, lm: PersonalLM, train: Sequence[TrainingPair]) -> Sequence[Target]:
        """The references; with a curriculum, what is left of the analyses in each stage too."""
        plain = super().targets(lm, train)
        if not self.options.curriculum:
            return plain
        assert isinstance(lm, CoconutLM)
        writer = CausalLM(lm.model)  # the backbone as it is writes analyses, without thoughts
        found = analyse(self, self.options, self.tokenizer, writer, train)
        self.report["analyses"] = dict(found.counts)
        return [
            replace(target, curriculum=self._stages(found.kept[target.example_id]))
            for target in plain
        ]

    def _stages(self, analysis: tuple[int, ...]) -> tuple[tuple[float, tuple[int, ...]], ...]:
        """(until, preface) of every stage but the last: the sentences left, then the separator."""
        starts = (0, *sentence_ends(self.tokenizer, analysis))
        between = separator(self.tokenizer, self.rules.ends)
        return tuple(
            (until, (*analysis[starts[min(stage, len(starts) - 1)] :], *between))
            for stage, until in enumerate(self.options.curriculum)
        )

    def longest_preface(self, training: bool) -> int:
        """The analysis of the first stage; a text has thoughts before it, no tokens."""
        if not training or not self.options.curriculum:
            return 0
        return self.options.analysis_tokens + len(separator(self.tokenizer, self.rules.ends))

    def val_targets(self, lm: PersonalLM, val: Sequence[TrainingPair]) -> Sequence[Target]:
        """What the last stage imitates, and the model writes: the text alone."""
        return super().targets(lm, val)
