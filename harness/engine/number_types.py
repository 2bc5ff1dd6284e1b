"""The number types of a run: bfloat16 on a CPU that has it, where a trial shows that it pays.

The trial takes about a second, once for a machine and a backbone; its result is kept in the cache
folder, so that all methods on this backbone get the same types.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import nn

from harness.data.prepared import prepared
from harness.engine.batch import Batch
from harness.engine.clock import now
from harness.engine.devices import cast, number_type
from harness.engine.lean_models import choose_step, stacked_decoder
from harness.engine.lean_step import LeanDecoder
from harness.engine.lm import CausalLM, head
from harness.engine.locate import model_of
from harness.inputs.provenance import engine_versions, processor
from harness.record.state import Say
from harness.settings import RunSettings

PAYS_FROM = 1.15
"""Time in float32 over time in bfloat16 from which bfloat16 is used; less may be noise."""
SMALLEST = 1_000_000
"""Parameters of one layer and the embeddings below which no trial is made: float32."""
LAYER_WORK, LENGTHS = 1e10, (64, 1024)
"""FLOPs of the training step on trial, and the limits of its tokens."""
PAST_CACHES = 48e6
"""Parameters of the decoding step on trial: more than a processor's caches hold."""
VOCABULARY = 2048
"""Ids of the models on trial."""
TRIED = "training, one model, two models in one step"
"""What a trial tries, in the name of its result."""
ROUNDS, STEPS = 3, 2
"""Paired rounds of a trial, and decoding steps in each."""


@dataclass(frozen=True)
class NumberTypes:
    """training: of activations in training and likelihoods, by autocast over float32 weights.
    generation: of the weights that generate texts."""

    training: torch.dtype
    generation: torch.dtype

    @property
    def names(self) -> tuple[str, str | None]:
        """Of both; None for a generation with the type of training, as in a record."""
        training, generation = (str(each).removeprefix("torch.") for each in vars(self).values())
        return training, None if generation == training else generation

    def __str__(self) -> str:
        training, generation = self.names
        return f"{training}, generation {generation}" if generation else training


@dataclass(frozen=True)
class Gains:
    """Time in float32 over time in bfloat16, median of paired rounds.

    training: forward and backward of one layer. generation: a decoding step of some layers, the
    smaller gain of one model and of two that take one batched step (FlyThinker's).
    """

    training: float
    generation: float


def number_types(
    settings: RunSettings, device: torch.device, say: Say = lambda text: None
) -> NumberTypes:
    """The number types of a run on `device`.

    say: takes a message where a trial chose bfloat16, or failed.

    Mini's presets stay in float32 on a CPU: that is what their published numbers are.
    """
    given = number_type(settings.model, device)
    choosing = settings.model.dtype == "auto" and device.type == "cpu" and settings.preset != "mini"
    if not (choosing and has_bfloat16()):
        return NumberTypes(given, given)
    try:
        gains = _gains(settings)
    except Exception as error:  # an architecture that the trial cannot make small
        say(f"no trial of bfloat16 ({type(error).__name__}: {error}); the run is in float32")
        return NumberTypes(given, given)
    chosen = NumberTypes(*(
        torch.bfloat16 if gain >= PAYS_FROM else torch.float32
        for gain in (gains.training, gains.generation)
    ))  # fmt: skip
    if torch.bfloat16 in (chosen.training, chosen.generation):
        say(
            f"model.dtype = auto: {chosen}; in a trial bfloat16 took"
            f" {1 / gains.training:.2f} of float32's time in training and"
            f" {1 / gains.generation:.2f} in a decoding step"
        )
    return chosen


def has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16: it has avx512_bf16 or AMX."""
    has: Any = torch.cpu
    return bool(has._is_avx512_bf16_supported() or has._is_amx_tile_supported())


def _gains(settings: RunSettings) -> Gains:
    """The trial's result, from the cache folder or made now."""
    from transformers import AutoConfig

    model = settings.model
    location, commit = model_of(model.backbone, model.revision, model.base)
    config: Any = AutoConfig.from_pretrained(
        location, revision=commit or "main", trust_remote_code=False
    )
    if _parameters(_shrunk(config, 1)) < SMALLEST:
        return Gains(1.0, 1.0)
    step = "auto" if settings.decode.step == "lean" else settings.decode.step
    batch = settings.decode.batch_size
    key = [
        processor(), torch.get_num_threads(), engine_versions(), config.to_dict(),
        model.attention, batch, step, TRIED,
    ]  # fmt: skip
    name = "gains.json"

    def make(folder: Path) -> None:
        found = measured_gains(config, model.attention, batch, step)
        (folder / name).write_text(json.dumps(asdict(found)), encoding="utf-8")

    def read(folder: Path) -> Gains:
        return Gains(**json.loads((folder / name).read_bytes()))

    return prepared("number-types", json.loads(json.dumps(key, default=str)), make, read)


def measured_gains(config: Any, attention: str, batch: int, step: Any) -> Gains:
    """What bfloat16 gains for a model of this config, in paired rounds.

    attention: implementation. batch: rows of the decoding step. step: as `decode.step`.
    """
    layer = _parameters(_shrunk(config, 1)) - _parameters(_shrunk(config, 0))
    layers = min(_text(config).num_hidden_layers, ceil(PAST_CACHES / layer))
    low, high = LENGTHS
    tokens = max(low, min(high, round(LAYER_WORK / (6 * layer))))
    with torch.random.fork_rng(devices=[]):
        trained = _model(_shrunk(config, 1), attention)
        training = _training_gain(CausalLM(trained), tokens)
        one = _model(_shrunk(config, layers), attention).eval()
        wide, narrow = [one, deepcopy(one)], [deepcopy(one), deepcopy(one)]
        for model in narrow:
            cast(model, torch.bfloat16)
        choose_step([*wide, *narrow], step)
        generation = _generation_gain(wide, narrow, batch)
    return Gains(training, generation)


def _training_gain(lm: CausalLM, tokens: int) -> float:
    """Of forward and backward over one row, half of it the response."""
    half = [each % VOCABULARY for each in range(tokens // 2)]
    batch = Batch.from_rows([half], [half], 0)
    lm.train()

    def step(bfloat16: bool) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            loss = lm(batch)
        loss.backward()
        lm.zero_grad(set_to_none=True)

    return _gain(lambda: step(False), lambda: step(True))


@torch.inference_mode()
def _generation_gain(wide: Sequence[nn.Module], narrow: Sequence[nn.Module], batch: int) -> float:
    """Of a decoding step with `batch` rows: models in float32 and in bfloat16, one alone and both.

    Two models are tried where one batched step serves them; else each takes the step of one.
    """
    one = _gain(*(_steps_of_one(CausalLM(pair[0]), batch) for pair in (wide, narrow)))
    stacks = [stacked_decoder(pair) for pair in (wide, narrow)]
    two = [
        _steps_of_two(stack, pair[0], batch)
        for stack, pair in zip(stacks, (wide, narrow), strict=True)
        if stack is not None
    ]
    return min(one, _gain(*two)) if len(two) == 2 else one


def _steps_of_one(lm: CausalLM, batch: int) -> Callable[[], None]:
    """Decoding steps of one model."""
    tokens = torch.ones(batch, dtype=torch.long)
    _, state = lm.prefill([[1, 2, 3, 4]] * batch)

    def steps() -> None:
        for _ in range(STEPS):
            lm.step(tokens, state)  # which appends to `state`

    return steps


def _steps_of_two(stack: LeanDecoder, first: nn.Module, batch: int) -> Callable[[], None]:
    """Decoding steps of two models as one, with the head of the first."""
    columns = torch.randn(2, batch, 4, stack.norm.size(-1)).to(stack.norm.dtype)
    _, state = stack.start(columns, torch.ones(batch, 4, dtype=torch.bool))

    def steps() -> None:
        for _ in range(STEPS):
            head(first, stack.extend(columns[:, :, :1], state)[0, :, -1], state)

    return steps


def _gain(one: Callable[[], None], other: Callable[[], None]) -> float:
    """Median over paired rounds of the seconds of `one` over those of `other`."""
    quotients = []
    for _ in range(1 + ROUNDS):  # the first warms up
        begin = now()
        one()
        between = now()
        other()
        quotients.append((between - begin) / (now() - between))
    return median(quotients[1:])


def _text(config: Any) -> Any:
    return config.get_text_config(decoder=True)


def _shrunk(config: Any, layers: int) -> Any:
    """The config of a model with the same layers, but `layers` of them, and few ids."""
    small = deepcopy(config)
    text = _text(small)
    text.num_hidden_layers = layers
    if getattr(text, "layer_types", None):
        text.layer_types = text.layer_types[:layers]
    text.vocab_size = min(text.vocab_size, VOCABULARY)
    text.pad_token_id = None
    return small


def _parameters(config: Any) -> int:
    """Counted without memory."""
    with torch.device("meta"):
        return sum(part.numel() for part in _model(config, "eager").parameters())


def _model(config: Any, attention: str) -> nn.Module:
    from transformers import AutoModelForCausalLM

    maker: Any = AutoModelForCausalLM
    made: nn.Module = maker.from_config(
        config, dtype=torch.float32, attn_implementation=attention, trust_remote_code=False
    )
    return made
