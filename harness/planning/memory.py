"""The memory and the disk that a run needs, from the shapes of its models.

On a GPU weights lie in float32 with bf16 autocast: 16 bytes for each trained parameter (weight,
gradient, AdamW's two moments) and 2 for its copy in bf16; a frozen parameter below an adapter
takes 2. Held against measured peaks in benchmarks/figures/plan.json.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from harness.planning.shapes import Shape
from harness.settings import RunSettings

WEIGHT, STATE = 4, 16
"""Bytes of a trained parameter: its fp32 weight alone; weight, gradient and two moments."""
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


@dataclass(frozen=True)
class Rows:
    """The longest rows of a run, in tokens.

    prompt: of a test example. training: prompt and target; None of a method that does not train.
    """

    prompt: float
    training: float | None

    @classmethod
    def of_budgets(cls, settings: RunSettings, training: float | None) -> Rows:
        """Prompts as long as the budgets allow. training: tokens of a training row."""
        return cls(settings.budget.profile + settings.budget.input, training)


def peak_bytes(
    shapes: Sequence[Shape], settings: RunSettings, kind: Kind, rows: Rows, processes: int = 1
) -> float:
    """The peak of one process.

    shapes: its models. settings: of the run. kind: GPU or CPU. rows: the longest.
    processes: how many share the states under train.sharding=full.
    """
    lasting = sum(shape.parameters * kind.width for shape in shapes)
    generation = _generation(shapes, settings, kind, rows.prompt)
    if rows.training is None:
        return kind.start + kind.slack * (lasting + generation)
    states, whole = _states(shapes), _frozen(shapes, settings, kind)
    # on a CPU the process keeps what training used; a GPU's memory is given back
    after = lasting if kind is GPU else states + whole
    training = _training(shapes, settings, kind, rows.training, processes)
    return kind.start + kind.slack * max(training, after + generation)


def _generation(shapes: Sequence[Shape], settings: RunSettings, kind: Kind, prompt: float) -> float:
    """Bytes of a batch of texts: keys and values, and one layer of one model at the prompts."""
    from harness.engine.token_bound import rows_at_once

    options = settings.decode
    longest = ceil(prompt) + options.max_new_tokens
    rows = rows_at_once(longest, options.batch_size, options.tokens_at_once)
    prompts = rows * prompt
    tokens = prompts + rows * options.max_new_tokens
    layer = max((_layer(shape, kind) for shape in shapes), default=0.0)
    return prompts * layer + kind.width * tokens * sum(shape.cache for shape in shapes)


def _training(
    shapes: Sequence[Shape], settings: RunSettings, kind: Kind, row: float, processes: int
) -> float:
    """Bytes of training: states, frozen weights, copies, and the largest micro-batch.

    shapes: the models. settings: of the run. kind: GPU or CPU. row: tokens of the longest row.
    processes: how many share the states under train.sharding=full.
    """
    from harness.engine.logits import LOGITS_AT_ONCE

    options, parts = settings.train, processes if settings.train.sharding == "full" else 1
    whole = _frozen(shapes, settings, kind)
    padded = max(row, min(options.micro_tokens, options.batch_size * row))
    copies = sum(
        kind.copies * shape.trained / (1 if parts == 1 else shape.layers / 2) for shape in shapes
    )
    activations = padded * sum(
        _per_token(shape, kind, options.gradient_checkpointing) for shape in shapes
    )
    logits = 3 * 4 * min(LOGITS_AT_ONCE, padded * shapes[0].vocabulary) if shapes else 0
    # a search of the rate trains one model after the other beside the one that it starts from
    start = WEIGHT * sum(shape.trained for shape in shapes) + whole if options.lr == "auto" else 0
    return (_states(shapes) + whole) / parts + copies + activations + logits + start


def disk_bytes(trained: float, settings: RunSettings) -> tuple[float, float]:
    """Bytes that a finished run keeps, and those of its checkpoint while it trains.

    trained: parameters that train, 0 of a method without training.
    """
    return float(WEIGHT * trained * settings.train.keep_weights), 3.0 * WEIGHT * trained


def _states(shapes: Sequence[Shape]) -> float:
    """Bytes of what training changes."""
    return float(STATE * sum(shape.trained for shape in shapes))


def _frozen(shapes: Sequence[Shape], settings: RunSettings, kind: Kind) -> float:
    """Bytes of what training leaves as it is."""
    each = QLORA if settings.model.adapter == "qlora" else kind.frozen
    return each * sum(max(shape.parameters - shape.trained, 0) for shape in shapes)


def _layer(shape: Shape, kind: Kind) -> float:
    """Bytes of one layer's activations for a token."""
    by_width, by_inner = kind.kept
    return kind.width * (by_width * shape.width + by_inner * shape.inner)


def _per_token(shape: Shape, kind: Kind, checkpointing: bool) -> float:
    """Bytes of activations that a padded token leaves until the backward pass."""
    layer = _layer(shape, kind)
    if not checkpointing:
        return shape.layers * layer
    return shape.layers * kind.width * shape.width + layer
