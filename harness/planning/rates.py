"""How fast a GPU of the table trains and generates: arithmetic, with efficiencies measured here.

Training: FLOPs over the share of the peak that an optimizer step of that size reached on an H200
(docs/performance.md, benchmarks/figures/gpu_h200.json), each model of a method by itself. Decoding
by transformers: a step is bound by the host, which starts the kernels of a layer in `LAYER_S`
(measured on an H100), or by the bytes of weights and cache over the bandwidth. By the lean step:
`LEAN_LAYER_S` a layer (measured on an H200 with models of 24 layers alone), once for two models of
equal layers, and those bytes besides. That other GPUs reach the same is assumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import log

from harness.data.longlamp import public_sizes
from harness.errors import counted
from harness.pipeline.estimate import Rates
from harness.pipeline.method_training import trains
from harness.planning.devices import Device
from harness.planning.shapes import Shape
from harness.settings import RunSettings

SHARES = {
    False: ((494e6, 0.119), (1.544e9, 0.267), (3.086e9, 0.312)),
    True: ((494e6, 0.070), (1.544e9, 0.182), (3.086e9, 0.256)),
}
"""With and without gradient checkpointing: parameters → FLOPs of a step, without what
checkpointing computes again, over its time and the peak."""
LAYER_S = 5.7e-4
"""Seconds in which the host starts a decoding step of one layer, for any batch up to 32."""
LEAN_LAYER_S = 1.35e-4
"""Seconds of a layer in a step that is one CUDA graph, beside the time of its bytes, for any batch
up to 32. A share of making a graph is in it: one for 31 steps, more than long texts need."""
BANDWIDTH_SHARE = 0.85
"""Share of the bandwidth that a copy reaches (an H200: 4.09 of 4.8 TB/s)."""
SLOWER = {"coconut": 0.8}
"""Speed of a training step relative to its FLOPs: Coconut's thoughts come one after the other
(measured on SmolLM2 and mini)."""
PROCESSES_SHARE = 0.9
"""Speed of a process among several relative to one alone: assumed, not measured."""
TOKENS_PER_WORD = 1.35
"""Tokens of an English word in Qwen2.5's vocabulary, about."""
TEMPLATE = 30
"""Tokens of a chat template and of the words around an input, about."""
BF16 = 2


def row_tokens(settings: RunSettings) -> tuple[float, float]:
    """Tokens of a training row and of its response: LongLaMP's means, else what budgets allow."""
    budget, sizes = settings.budget, public_sizes(settings)
    if sizes is None:
        return float(budget.profile + budget.input + budget.target), float(budget.target)
    given = min(sizes.given * TOKENS_PER_WORD, budget.input)
    response = min(sizes.target * TOKENS_PER_WORD, budget.target)
    return budget.profile + given + TEMPLATE + response, response  # profiles are longer than that


def row_seconds(
    shapes: Sequence[Shape], device: Device, tokens: float, response: float, checkpointing: bool
) -> float:
    """Seconds of training on a row.

    shapes: the models. device: the GPU. tokens: of the row. response: those of its response.
    checkpointing: whether activations are computed again.
    """
    return sum(
        shape.training_flops(tokens, response)
        / (device.tflops * 1e12 * share_of_peak(shape.parameters, checkpointing))
        for shape in shapes
    )


def decoding_step(
    shapes: Sequence[Shape], device: Device, batch: int, context: int, lean: bool
) -> float:
    """Seconds in which each row of a batch gets a token.

    shapes: the models. device: the GPU. batch: rows. context: tokens of a row.
    lean: whether the lean step is allowed (`decode.step`); it serves a model whose shape says so.
    """
    total, started = 0.0, list[Shape]()
    for shape in shapes:
        numbers = shape.parameters + batch * context * shape.cache
        reading = BF16 * numbers / (device.bandwidth * 1e9 * BANDWIDTH_SHARE)
        if not (lean and shape.lean):
            total += max(LAYER_S * shape.layers, reading)
            continue
        total += reading
        if not any(map(shape.stacks_with, started)):
            total += LEAN_LAYER_S * shape.layers
            started.append(shape)
    return total


def share_of_peak(parameters: int, checkpointing: bool) -> float:
    """Share of the bf16 peak that training a model of this size reaches."""
    points = SHARES[checkpointing]
    if parameters <= points[0][0]:
        return float(
            points[0][1] * (parameters / points[0][0]) ** 0.7
        )  # smaller ones wait for the host
    for (small, low), (large, high) in pairwise(points):
        if parameters <= large:
            place = (log(parameters) - log(small)) / (log(large) - log(small))
            return low + place * (high - low)
    return points[-1][1]


def device_rates(
    method: str, settings: RunSettings, shapes: Sequence[Shape], device: Device, processes: int
) -> tuple[Rates, str]:
    """Rates of a GPU, or of several that share a run, and what they are based on.

    method: its name. settings: of the run. shapes: its models. device: the GPU.
    processes: how many there are.
    """
    row, response = row_tokens(settings)
    options = settings.decode
    checkpointing = settings.train.gradient_checkpointing and trains(method, settings)
    seconds = row_seconds(shapes, device, row, response, checkpointing) / SLOWER.get(method, 1.0)
    context = round(row - response) + options.max_new_tokens
    lean = options.step != "transformers" and settings.model.adapter != "qlora"
    step = decoding_step(shapes, device, options.batch_size, context, lean)
    several = processes * (PROCESSES_SHARE if processes > 1 else 1.0)
    many = f"{counted(processes, 'card')}, " if processes > 1 else ""
    rates = Rates(several * row / seconds, several * options.batch_size / step, row, response)
    return rates, f"{many}arithmetic, not measured"
