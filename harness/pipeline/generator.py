"""The texts of a batch of prompts: hidden tokens, then the text, for each with its own stream."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TypeVar

from harness.engine.clock import now
from harness.engine.decode import NotANumberError, generate
from harness.engine.lm import PersonalLM
from harness.engine.micro_batches import release_memory
from harness.engine.slots import rows_join
from harness.engine.text import decode
from harness.engine.token_bound import batches_of, rows_at_once
from harness.errors import DataError, breaks_the_device, is_out_of_memory
from harness.method import refuse_long_preface
from harness.pipeline.encoded_prompt import EncodedPrompt
from harness.pipeline.generation_costs import Costs
from harness.pipeline.plan import Plan
from harness.types import Prediction, Sampling

T = TypeVar("T")
WARM_UP_TOKENS = 3
JOINED = 4
"""Batches whose rows take each other's places, where waiting prompts can join a batch."""
FAILURES = (RuntimeError, ValueError, ArithmeticError, IndexError, MemoryError)
"""Errors of one batch or example that do not end the run: no memory, a token that a model does not
have. After an error that breaks the device, every other example would fail too."""


@dataclass(frozen=True)
class GeneratedTokens:
    """The tokens of one text and its preface; `error` says why a failed one has none."""

    preface: list[int]
    ids: list[int]
    error: str | None = None


def example_seed(seed: int, example_id: str, sample: int) -> int:
    """The seed of one text's random stream."""
    return int.from_bytes(
        hashlib.sha256(json.dumps([seed, example_id, sample]).encode()).digest()[:8], "big"
    )


def plan_batches(
    prompts: Sequence[EncodedPrompt], size: int, most_tokens: int | None = None, text: int = 0
) -> list[list[EncodedPrompt]]:
    """Batches by prompt length, longest first; the same for every run of the same prompts.

    Args:
        prompts: to be generated after.
        size: most rows of a batch.
        most_tokens: of a batch, prompts and texts; None: any number.
        text: tokens that a row may get after its prompt.
    """
    ordered = sorted(prompts, key=lambda encoded: (-len(encoded.prompt), encoded.example.id))
    return batches_of(ordered, lambda encoded: len(encoded.prompt) + text, size, most_tokens)


def rows_in_model(plan: Plan, batch: Sequence[EncodedPrompt]) -> int:
    """Most rows of a run's batch in the model at once, which may be fewer than the batch has."""
    longest = max(len(encoded.prompt) for encoded in batch) + longest_text(plan)
    return rows_at_once(longest, plan.settings.decode.batch_size, plan.tokens_at_once)


def longest_text(plan: Plan) -> int:
    """Most tokens that a run generates after a prompt."""
    return plan.settings.decode.max_new_tokens + plan.method.longest_preface(training=False)


def views_of(batch: Sequence[EncodedPrompt]) -> dict[str, list[tuple[int, ...]]]:
    """The other views of a batch, name → rows, for models that read several prompts."""
    return {name: [encoded.views[name] for encoded in batch] for name in batch[0].views}


@dataclass(frozen=True)
class Generator:
    """A trained model that generates the texts of a plan's prompts; `costs` takes the times.

    rows: most rows in the model at once; by default a whole batch, however large.
    """

    plan: Plan
    lm: PersonalLM
    costs: Costs = field(default_factory=Costs)
    rows: int | None = None

    def batches(self, prompts: Sequence[EncodedPrompt]) -> list[list[EncodedPrompt]]:
        """What is generated at once and then saved; the same for every run of the same prompts."""
        options = self.plan.settings.decode
        times = JOINED if options.slots and rows_join(self.lm) else 1
        most = self.plan.tokens_at_once
        return plan_batches(
            prompts,
            options.batch_size * times,
            None if most is None else most * times,
            longest_text(self.plan),
        )

    def warm_up(self, batch: Sequence[EncodedPrompt]) -> None:
        """Generate a few tokens untimed: first calls allocate memory and choose kernels.

        An error is ignored here: the batch itself will fail too, and be counted.
        """
        first = batch[: self.rows]
        with suppress(*FAILURES):
            generate(
                self.lm,
                [encoded.prompt for encoded in first],
                max_new_tokens=WARM_UP_TOKENS,
                views=views_of(first),
            )

    def generate_or_split(self, batch: Sequence[EncodedPrompt], sample: int) -> list[Prediction]:
        """The predictions of a batch; a row that fails alone has an empty one with its error.

        They have no fingerprint yet.
        """
        return _or_split(
            lambda part: self.predictions(part, sample),
            batch,
            FAILURES,
            lambda encoded, error: _prediction(encoded, sample, error),
        )

    def tokens_or_split(self, batch: Sequence[EncodedPrompt]) -> list[GeneratedTokens]:
        """The tokens of a batch's first sample; rows whose logits are not numbers fail alone."""
        return _or_split(lambda part: self.tokens(part, 0), batch, (NotANumberError,), _no_tokens)

    def prefaces_or_split(self, batch: Sequence[EncodedPrompt]) -> list[GeneratedTokens]:
        """As `tokens_or_split`, the prefaces alone."""
        return _or_split(
            lambda part: [GeneratedTokens(each, []) for each in self.prefaces(part, 0)],
            batch,
            (NotANumberError,),
            _no_tokens,
        )

    def predictions(self, batch: Sequence[EncodedPrompt], sample: int) -> list[Prediction]:
        """The predictions of a batch, without fingerprints."""
        found, counted = [], self.costs.clock.tokens
        for encoded, text in zip(batch, self.tokens(batch, sample), strict=True):
            if text.error is not None:
                found.append(_prediction(encoded, sample, error=text.error))
                continue
            visible = self.plan.rules.read(text.ids)
            full = len(text.ids) == self.plan.settings.decode.max_new_tokens
            hidden = len(text.preface) + self.lm.hidden_per_example + visible.reasoning_tokens
            found.append(
                replace(
                    _prediction(encoded, sample),
                    output=visible.text,
                    tokens=visible.tokens,
                    hidden_tokens=hidden,
                    capped=full and not visible.stopped,
                    preface=decode(self.plan.backbones.tokenizer, text.preface),
                    preface_ids=tuple(text.preface),
                    reasoning=visible.reasoning,
                    reasoning_tokens=visible.reasoning_tokens,
                    unclosed=visible.unclosed,
                )
            )
        # of the tokens that were generated, those that are visible count in the speed
        self.costs.clock.tokens = counted + sum(text.tokens for text in found)
        return found

    def tokens(self, batch: Sequence[EncodedPrompt], sample: int) -> list[GeneratedTokens]:
        """The tokens of preface and text for each prompt; each example has its own random stream.

        A row whose logits are not numbers fails alone; the others keep their texts.
        """
        options, costs, timed = self.plan.settings.decode, self.costs, len(self.costs.clock.first)
        prompts = [list(encoded.prompt) for encoded in batch]
        begin, latent = now(), self.lm.hidden_s
        # 1. hidden text
        prefaces = self.prefaces(batch, sample)
        hidden_s = now() - begin
        # 2. the text, with any reasoning blocks
        errors: dict[int, str] = {}
        try:
            texts = generate(
                self.lm,
                [prompt + preface for prompt, preface in zip(prompts, prefaces, strict=True)],
                max_new_tokens=options.max_new_tokens,
                **options.drawing,
                **self.plan.rules.stopping,
                seeds=self._seeds(batch, sample),
                views=views_of(batch),
                clock=costs.clock,
                rows_at_once=self.rows,
            )
        except NotANumberError as error:
            texts, errors = error.texts, error.by_row
        # 3. what it cost
        costs.clock.waited(hidden_s, since=timed)
        costs.add_batches(now() - begin, len(batch), self.rows or len(batch))
        costs.preface_s += hidden_s
        costs.preface_tokens += sum(map(len, prefaces))
        costs.latent_s += self.lm.hidden_s - latent
        return [
            GeneratedTokens(preface, ids, errors.get(row))
            for row, (preface, ids) in enumerate(zip(prefaces, texts, strict=True))
        ]

    def prefaces(self, batch: Sequence[EncodedPrompt], sample: int) -> list[list[int]]:
        """The hidden tokens that the method generates before each text."""
        method, drawing = self.plan.method, self.plan.settings.decode.drawing
        prompts = [list(encoded.prompt) for encoded in batch]
        sampling = [Sampling(seed=seed, **drawing) for seed in self._seeds(batch, sample)]
        found: list[list[int]] = []
        size = self.rows or len(batch)
        for at in range(0, len(batch), size):
            part = slice(at, at + size)
            found += method.preface(self.lm, prompts[part], sampling[part])
        if len(found) != len(batch):
            raise DataError(
                f"method {method.name!r}: preface() gave {len(found)} prefaces for {len(batch)}"
                " prompts; expected one for each prompt, in their order, [] for none"
            )
        for encoded, preface in zip(batch, found, strict=True):
            refuse_long_preface(method, preface, encoded.example.id, training=False)
        return found

    def _seeds(self, batch: Sequence[EncodedPrompt], sample: int) -> list[int]:
        seed = self.plan.settings.seed
        return [example_seed(seed, encoded.example.id, sample) for encoded in batch]


def _or_split(
    compute: Callable[[Sequence[EncodedPrompt]], list[T]],
    batch: Sequence[EncodedPrompt],
    kinds: tuple[type[Exception], ...],
    failed: Callable[[EncodedPrompt, str], T],
) -> list[T]:
    """What `compute` gives for a batch; if it fails or memory does not hold it, for each half.

    compute: a value for each row of a batch.
    batch: rows.
    kinds: errors for which a row fails alone; others end the run.
    failed: what such a row gives, from the row and its error.
    """
    alone = len(batch) == 1
    try:
        return compute(batch)
    except FAILURES as error:
        own = isinstance(error, kinds) or (not alone and is_out_of_memory(error))
        if breaks_the_device(error) or not own:
            raise
        failure = f"{type(error).__name__}: {error}"
    # outside the except block, where the traceback would still hold the memory of the batch
    if alone:
        return [failed(batch[0], failure)]
    release_memory()
    halves = batch[: len(batch) // 2], batch[len(batch) // 2 :]
    return [each for half in halves for each in _or_split(compute, half, kinds, failed)]


def _no_tokens(encoded: EncodedPrompt, error: str) -> GeneratedTokens:
    return GeneratedTokens([], [], error)


def _prediction(encoded: EncodedPrompt, sample: int, error: str | None = None) -> Prediction:
    """An empty prediction: that of a failed example, with its `error`, or one to be filled."""
    example = encoded.example
    return Prediction(example.id, example.user_id, "", 0, "", sample=sample, error=error)
