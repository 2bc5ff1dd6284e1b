"""PersonalLM, the interface between methods and engine, and CausalLM, its plain form."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from harness.engine.batch import Batch, Rows, Views, pad, positions, to_the_right
from harness.engine.lean_state import joined_state
from harness.engine.logits import head as head
from harness.engine.logits import precise_head as precise_head
from harness.engine.logits import token_logprobs as token_logprobs
from harness.engine.passes import CacheState as CacheState
from harness.engine.passes import State, keep
from harness.engine.passes import decoder_of as decoder_of
from harness.engine.passes import embed as embed
from harness.engine.passes import embedding_matrix as embedding_matrix
from harness.engine.passes import extend as extend
from harness.engine.passes import hidden_states as hidden_states
from harness.engine.passes import start as start
from harness.plugins import Expected, check_returns

if TYPE_CHECKING:
    from harness.engine.thoughts import Thoughts


@dataclass(frozen=True)
class RowLengths:
    """Tokens of one row, from which its FLOPs are estimated.

    prompts: of each view, "main" among them. text: of what is read after the prompt. logits: how
    often logits of a next token are computed.
    """

    prompts: Mapping[str, int]
    text: int
    logits: int

    def only(self, view: str) -> RowLengths:
        """The row with this view alone."""
        return replace(self, prompts={view: self.prompts[view]})


@dataclass(frozen=True)
class Pass:
    """One pass of a causal LM over a row, at once or step by step, for FLOPs.

    model: the LM. positions: tokens and thoughts that it reads. logits: rows of logits.
    backward: whether training goes back through it; None: if the model has trained parameters.
    """

    model: PreTrainedModel
    positions: int
    logits: int
    backward: bool | None = None


class PersonalLM(nn.Module, ABC):
    """What a method builds: log-probs for training, prefill and step for decoding."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        check_returns(cls, RETURNS)

    lookups: frozenset[str] = frozenset()
    """Views whose rows name something that the model looks up, e.g. a user's adapter. They are not
    read, so they cost no FLOPs."""

    hidden_s: float = 0.0
    """Seconds spent on latent thoughts before texts; a model with such thoughts adds to it."""
    adapted: bool = False
    """Whether training changes adapters of frozen models: then only what trains is saved."""
    spares_memory: bool = False
    """Whether training on a CPU takes some more time to return freed memory at once."""

    @abstractmethod
    def logprobs(self, batch: Batch) -> Tensor:
        """[B,R] log p of every response token given all tokens before it; 0 where the mask is 0."""

    def loss(self, batch: Batch) -> Tensor:
        """Scalar: minus the mean of `logprobs` over the response tokens.

        A loss with token weights must keep this divisor, so that micro-batches add up to the step.
        """
        return -self.logprobs(batch).sum() / batch.response_mask.sum()

    @abstractmethod
    def prefill(
        self, prompts: Rows, prefixes: Rows | None = None, views: Views | None = None
    ) -> tuple[Tensor, Any]:
        """Read prompts and the text after them: (logits [B,V] of the next token, state).

        Args:
            prompts: token ids, a row each.
            prefixes: text already generated after each prompt.
            views: further prompts by name, for models that read several.
        """

    @abstractmethod
    def step(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Append one token to each row, tokens [B]: (logits [B,V] of the next token, state)."""

    def keep(self, state: Any, rows: Tensor) -> Any | None:
        """The state of these rows alone, rows [b] of [B]: those that ended leave the batch.

        None, the default, where that cannot be done: all rows then stay until the last one ends. A
        class with a `step` of its own needs a `keep` of its own.
        """
        return None

    def join(self, state: Any, other: Any) -> Any:
        """The rows of `state`, then those of `other`, in one state: waiting prompts join a batch.

        Only asked of states that `keep` gave. Without a `join` beside `step` no row joins.
        """
        raise NotImplementedError

    def thoughts(self, batch: Batch) -> Thoughts | None:
        """The latent thoughts with which it reads the batch, for `harness inspect`.

        None, the default, for a model without thoughts.
        """
        return None

    def passes(self, row: RowLengths, training: bool) -> list[Pass]:
        """What its causal LMs do with one row: the FLOPs of the record are estimated from it.

        By default each reads every view that is no look-up, latent thoughts, and the text. A model
        that reads more or less needs `passes` of its own; the conformance kit counts.

        Args:
            row: lengths of prompts and text.
            training: whether for the loss; else for generating the text.
        """
        return [
            Pass(model, length + self.hidden_per_example + row.text, row.logits)
            for view, length in row.prompts.items()
            if view not in self.lookups
            for _, model in causal_lms(self)
        ]

    def forward(self, batch: Batch) -> Tensor:
        """The loss; wrappers for several devices call this."""
        return self.loss(batch)

    def training_progress(self, share: float) -> None:
        """Called before each optimizer step with the share of steps done, 0 ≤ share < 1."""

    @property
    def hidden_per_example(self) -> int:
        """Latent thoughts before the text of one example; 0 by default."""
        return 0


def _no_logprobs(found: object, batch: Batch) -> str | None:
    shape = batch.response_mask.shape
    fits = isinstance(found, Tensor) and found.shape == shape
    return None if fits else f"log-probs of the response tokens, a tensor of shape {tuple(shape)}"


def _no_loss(found: object, batch: Batch) -> str | None:
    return None if isinstance(found, Tensor) and found.ndim == 0 else "a scalar tensor"


def _no_logits(found: object, rows: Sequence[object] | Tensor, *_: object) -> str | None:
    if isinstance(found, tuple) and len(found) == 2 and isinstance(found[0], Tensor):
        logits = found[0]
        if logits.ndim == 2 and len(logits) == len(rows):
            return None
    return f"(logits, state) with logits [{len(rows)}, vocabulary]"


def _no_thoughts(found: object, batch: Batch) -> str | None:
    from harness.engine.thoughts import Thoughts

    if isinstance(found, Thoughts):
        return found.fault(batch)
    return None if found is None else "harness.engine.thoughts.Thoughts, or None"


def _no_passes(found: object, row: RowLengths, training: bool) -> str | None:
    fits = isinstance(found, list) and all(isinstance(each, Pass) for each in found)
    return None if fits else "a list of harness.engine.lm.Pass"


RETURNS: Mapping[str, Expected] = {
    "logprobs": _no_logprobs,
    "loss": _no_loss,
    "prefill": _no_logits,
    "step": _no_logits,
    "thoughts": _no_thoughts,
    "passes": _no_passes,
}
"""Method of a plugin's model → what is wrong with what it returns."""


def causal_lms(lm: PersonalLM) -> Iterator[tuple[str, PreTrainedModel]]:
    """Every causal LM of transformers in `lm`, with its module name."""
    inner: set[nn.Module] = set()  # e.g. a vision tower inside a causal LM
    for name, part in lm.named_modules():
        if part not in inner and isinstance(part, PreTrainedModel) and part.base_model is not part:
            inner.update(part.modules())
            yield name, part


def encode(model: nn.Module, embeddings: Tensor, real: Tensor) -> Tensor:
    """One pass without a cache over rows padded on either side: [B,T,D] → hidden [B,T,D].

    real [B,T], True at tokens. For the pass, padding moves to the right, where no causal model
    attends to it: no mask is needed, and no running state starts in padding.
    """
    order = to_the_right(real)
    if order is not None:
        embeddings, real = gather_columns(embeddings, order), real.gather(1, order)
    hidden = hidden_states(
        model, inputs_embeds=embeddings, position_ids=positions(real), use_cache=False
    )
    return hidden if order is None else gather_columns(hidden, order.argsort(-1))


def gather_columns(hidden: Tensor, columns: Tensor) -> Tensor:
    """hidden [B,T,D], columns [B,R] → [B,R,D]."""
    return hidden.gather(1, columns[..., None].expand(-1, -1, hidden.size(-1)))


def joined(prompts: Rows, prefixes: Rows | None) -> list[list[int]]:
    """Each prompt with its prefix appended. Raises ValueError for unequal numbers of rows."""
    if prefixes is None:
        return [list(row) for row in prompts]
    return [[*row, *prefix] for row, prefix in zip(prompts, prefixes, strict=True)]


class CausalLM(PersonalLM):
    """A plain Hugging Face causal LM: the model of nonpers, rag, sft and cot."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    @property
    def device(self) -> torch.device:
        return embedding_matrix(self.model).device

    def predicting(self, batch: Batch) -> Tensor:
        """Hidden states [B,R,D] of one plain pass that predict each response token."""
        seq = batch.sequences()
        hidden = encode(self.model, embed(self.model, seq.tokens), seq.real)
        return gather_columns(hidden, seq.before)

    def logprobs(self, batch: Batch) -> Tensor:
        batch = batch.to(self.device)
        return token_logprobs(self.model, self.predicting(batch), batch)

    def prefill(
        self, prompts: Rows, prefixes: Rows | None = None, views: Views | None = None
    ) -> tuple[Tensor, State]:
        tokens, real = (part.to(self.device) for part in pad(joined(prompts, prefixes), "left"))
        hidden, state = start(self.model, embed(self.model, tokens), real)
        return head(self.model, hidden[:, -1], state), state

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        hidden = extend(self.model, embed(self.model, tokens[:, None]), state)
        return head(self.model, hidden[:, -1], state), state

    def keep(self, state: Any, rows: Tensor) -> State | None:
        return keep(state, rows)

    def join(self, state: Any, other: Any) -> State:
        return joined_state(state, other)
