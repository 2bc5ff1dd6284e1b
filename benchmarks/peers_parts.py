"""What `benchmarks.peers` measures: decoding, prefill and training beside peers, and growth."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import log
from statistics import median, quantiles
from typing import Any

import torch

from benchmarks.decoding import Rows, decode, equal_tokens, model, prompts, theirs
from benchmarks.trl_steps import FEWEST, TRL, paired_steps
from flythinker import FlyThinkerLM
from harness.engine import CausalLM, PersonalLM
from harness.engine.clock import now
from harness.engine.devices import cast
from harness.engine.flops import forward_flops, training_flops
from harness.engine.lean_models import choose_step
from harness.engine.micro_batches import TrainRow
from harness.engine.train import train
from harness.settings import TrainSettings

Found = dict[str, Any]
TOKENS = {"mini": 33, "smollm2": 17}
"""Size → tokens of a text in a measurement of decoding steps."""
GENERATE, SFT, FLY = "transformers' generate", "sft", "flythinker"
LENGTHS: Mapping[str, tuple[int, int, int, int]] = {
    "mini": (500, 350, 8, 8),
    "smollm2": (480, 320, 1, 1),
}
"""Size → tokens of prompt and response, rows of an optimizer step, rows of a micro-batch."""


def rounds(work: Mapping[str, Callable[[], float]], seconds: float) -> dict[str, list[float]]:
    """Seconds of each way in paired rounds after one that warms up, until `seconds` are over."""
    found: dict[str, list[float]] = {name: [] for name in work}
    for each in work.values():
        each()
    end = now() + seconds
    while len(found[next(iter(work))]) < FEWEST or now() < end:
        for name, each in work.items():
            found[name].append(each())
    return found


def summary(found: Mapping[str, Sequence[float]], quotients: Sequence[tuple[str, str]]) -> Found:
    """Medians in milliseconds, quotients of paired rounds with quartiles, number of rounds."""

    def quotient(one: str, other: str) -> dict[str, float]:
        pairs = [a / b for a, b in zip(found[one], found[other], strict=True)]
        low, middle, high = quantiles(pairs, n=4, method="inclusive")
        return {"median": round(middle, 3), "low": round(low, 3), "high": round(high, 3)}

    return {
        "rounds": len(next(iter(found.values()))),
        "ms": {name: round(1000 * median(each), 3) for name, each in found.items()},
        "quotients": {f"{one} ÷ {other}": quotient(one, other) for one, other in quotients},
    }


def models(size: str, dtype: str, step: str = "auto") -> tuple[Any, CausalLM, FlyThinkerLM]:
    """transformers' own model, and the models of sft and flythinker, of one size."""
    own, one, *pair = (model(size, seed) for seed in (0, 0, 0, 1))
    ours = (CausalLM(one), FlyThinkerLM(*pair))
    for each in (own, *ours):
        cast(each, getattr(torch, dtype))
    choose_step([one, *pair], step)  # type: ignore[arg-type]
    return own, *ours


def step(size: str, dtype: str, batch: int, seconds: float) -> Found:
    """A decoding step, prefill subtracted: `generate`, sft, flythinker."""
    own, sft, fly = models(size, dtype)
    rows, tokens = prompts(own, batch, 256), TOKENS[size]
    texts: dict[str, Rows] = {}

    def timed(name: str, way: Callable[[], tuple[float, Rows]]) -> float:
        taken, texts[name] = way()
        return taken

    work = {
        GENERATE: partial(theirs, own, rows, tokens),
        SFT: partial(decode, sft, rows, tokens),
        FLY: partial(decode, fly, rows, tokens),
    }
    found = rounds({name: partial(timed, name, way) for name, way in work.items()}, seconds)
    kept = summary(found, [(GENERATE, SFT), (FLY, GENERATE), (FLY, SFT)])
    return {**kept, "same tokens as generate": equal_tokens(texts[SFT], texts[GENERATE])}


@torch.inference_mode()
def _prefill_seconds(lm: PersonalLM, rows: Rows) -> float:
    begin = now()
    lm.eval().prefill(rows)
    return now() - begin


def prefill(size: str, dtype: str, length: int, seconds: float) -> Found:
    """The first pass over prompts of one length, two rows: flythinker beside sft."""
    own, sft, fly = models(size, dtype)
    rows = prompts(own, 2, length)
    work = {name: partial(_prefill_seconds, lm, rows) for name, lm in ((SFT, sft), (FLY, fly))}
    coded = [TrainRow("", tuple(row), (1,)) for row in rows]
    ratio = forward_flops(fly, coded) / forward_flops(sft, coded)
    return {**summary(rounds(work, seconds), [(FLY, SFT)]), "FLOPs": round(ratio, 3)}


def train_rows(size: str) -> list[TrainRow]:
    """Random rows of one optimizer step, of unequal lengths."""
    prompt, response, count, _ = LENGTHS[size]
    draw = random.Random(size)
    return [
        TrainRow(f"{at}", *(
            tuple(draw.randrange(90) for _ in range(length))
            for length in (prompt - 11 * at, response - 7 * at)
        ))
        for at in range(count)
    ]  # fmt: skip


def optimizer_step(lm: PersonalLM, rows: Sequence[TrainRow], dtype: str, together: int) -> float:
    """Seconds of the second of two steps at learning rate 0; the first allocates."""
    tokens = together * max(map(len, rows))
    settings = TrainSettings(epochs=2.0, batch_size=len(rows), micro_tokens=tokens, lr=1e-4)
    log_ = train(lm, rows, settings, lr=0.0, seed=0, dtype=getattr(torch, dtype))
    return log_.curve[-1].seconds


def training(size: str, dtype: str, seconds: float) -> Found:
    """An optimizer step on the same rows: TRL's SFTTrainer, sft, flythinker."""
    own, sft, fly = models(size, "float32")
    rows, together = train_rows(size), LENGTHS[size][3]
    others = {
        name: partial(optimizer_step, lm, rows, dtype, together)
        for name, lm in ((SFT, sft), (FLY, fly))
    }
    found = paired_steps(
        own, rows, others, together=together, bfloat16=dtype == "bfloat16", seconds=seconds
    )
    ratio = training_flops(fly, rows) / training_flops(sft, rows)
    return {**summary(found, [(TRL, SFT), (FLY, SFT)]), "FLOPs": round(ratio, 3)}


GROWTHS: Mapping[str, tuple[int, ...]] = {
    "context": (128, 256, 512, 1024),
    "batch": (1, 4, 16, 32),
    "length": (32, 64, 128, 256),
    "examples": (2, 4, 8, 16),
}
"""What grows → its values."""


def growth(size: str, what: str, seconds: float) -> Found:
    """Seconds of sft by context (prefill), batch (a step), length (a text), examples (training).

    exponent: slope of a line through the logarithms; 1 is linear.
    """
    own, sft, _ = models(size, "float32")
    values = GROWTHS[what]

    def work(value: int) -> float:
        if what == "context":
            return _prefill_seconds(sft, prompts(own, 2, value))
        if what == "batch":
            return decode(sft, prompts(own, value, 256), 9)[0]
        if what == "length":
            return (value - 1) * decode(sft, prompts(own, 2, 128), value)[0]
        rows = (train_rows(size) * max(values))[:value]
        return optimizer_step(sft, rows, "float32", LENGTHS[size][3])

    found = rounds({str(value): partial(work, value) for value in values}, seconds)
    medians = [median(each) for each in found.values()]
    kept = summary(found, [])
    return {
        "rounds": kept["rounds"],
        "ms": kept["ms"],
        "exponent": round(slope(values, medians), 3),
    }


def slope(values: Sequence[float], seconds: Sequence[float]) -> float:
    """Least squares through the logarithms of both."""
    xs, ys = [log(each) for each in values], [log(each) for each in seconds]
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    over = sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True))
    return over / sum((a - x) ** 2 for a in xs)
