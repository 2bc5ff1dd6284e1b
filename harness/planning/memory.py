"""The memory and the disk that a run needs, from the shapes of its models.

On a GPU weights lie in float32 with bf16 autocast: 16 bytes for each trained parameter (weight,
gradient, AdamW's two moments) and 2 for its copy in bf16; a frozen parameter below an adapter
takes 2. Held against measured peaks in benchmarks/figures/plan.json.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.planning.shapes import Shape
from harness.settings import RunSettings

STATE = 16
"""Bytes of a trained parameter: fp32 weight, gradient and two moments."""
QLORA = 0.56
"""Bytes of a parameter in 4 bits with its scales (Dettmers et al. 2023)."""


@dataclass(frozen=True)
class Kind:
    """How numbers lie in memory.

    width: bytes of an activation. copies: bytes of a weight's copy under autocast.
    frozen: bytes of a frozen weight. kept: numbers of an activation per unit of width and of inner
        width that a layer keeps for its backward pass. start: bytes before any model.
    slack: what the process holds over what it uses.
    """

    width: int
    copies: int
    frozen: float
    kept: tuple[float, float]
    start: int
    slack: float = 1.0


GPU = Kind(width=2, copies=2, frozen=2, kept=(3.5, 2.7), start=500 * 2**20)
"""The kept numbers are fitted to the peaks of sft at 0.5B, 1.5B and 3B (docs/performance.md)."""
CPU = Kind(width=4, copies=0, frozen=4, kept=(8, 5), start=500 * 2**20, slack=1.25)
"""The slack is fitted to the peaks of the published runs of sft on mini and SmolLM2."""


def peak_bytes(
    shapes: Sequence[Shape],
    settings: RunSettings,
    kind: Kind,
    *,
    trains: bool,
    row: float,
    processes: int = 1,
) -> float:
    """The peak of one process.

    shapes: its models. settings: of the run. kind: GPU or CPU.
    trains: whether the method trains. row: tokens of a training row.
    processes: how many share the states under train.sharding=full.
    """
    from harness.engine.lm import LOGITS_AT_ONCE

    options, parts = settings.decode, processes if settings.train.sharding == "full" else 1
    whole = sum(_weights(shape, settings, kind) for shape in shapes)
    prompts = settings.budget.profile + settings.budget.input
    tokens = options.batch_size * (prompts + options.max_new_tokens)
    generation = kind.width * sum(tokens * shape.cache for shape in shapes)
    lasting = sum(shape.parameters * kind.width for shape in shapes)
    if not trains:
        return kind.start + kind.slack * (lasting + generation)
    # on a CPU the process keeps what training used; a GPU's memory is given back
    after = lasting if kind is GPU else STATE * sum(shape.trained for shape in shapes) + whole
    padded = max(row, min(settings.train.micro_tokens, settings.train.batch_size * row))
    states = sum(STATE * shape.trained for shape in shapes) / parts
    copies = sum(_copies(shape, kind) / (1 if parts == 1 else shape.layers / 2) for shape in shapes)
    activations = sum(
        padded * _per_token(shape, kind, settings.train.gradient_checkpointing) for shape in shapes
    )
    logits = 3 * 4 * min(LOGITS_AT_ONCE, padded * shapes[0].vocabulary)
    trial = whole if settings.train.lr == "auto" else 0
    training = states + whole / parts + copies + activations + logits + trial
    return kind.start + kind.slack * max(training, after + generation)


def disk_bytes(trained: float, settings: RunSettings) -> tuple[float, float]:
    """Bytes that a finished run keeps, and those of its checkpoint while it trains.

    trained: parameters that train, 0 of a method without training.
    """
    return 4.0 * trained * settings.train.keep_weights, 12.0 * trained


def _weights(shape: Shape, settings: RunSettings, kind: Kind) -> float:
    """Bytes of what training leaves as it is."""
    frozen = shape.parameters - shape.trained
    each = QLORA if settings.model.adapter == "qlora" else kind.frozen
    return each * max(frozen, 0)


def _copies(shape: Shape, kind: Kind) -> float:
    return float(kind.copies * shape.trained)


def _per_token(shape: Shape, kind: Kind, checkpointing: bool) -> float:
    """Bytes of activations that a padded token leaves until the backward pass."""
    by_width, by_inner = kind.kept
    layer = kind.width * (by_width * shape.width + by_inner * shape.inner)
    if not checkpointing:
        return shape.layers * layer
    return shape.layers * kind.width * shape.width + layer
