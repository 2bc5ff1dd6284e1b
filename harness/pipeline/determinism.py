"""Texts that flip: the same prompts generated again, and in other batches, threads and runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from harness.engine.lm import PersonalLM
from harness.pipeline.encoded_prompt import EncodedPrompt
from harness.pipeline.generator import Generator, plan_batches
from harness.pipeline.job import Job
from harness.pipeline.plan import Plan
from harness.progress import Bars
from harness.settings import build_settings

EXAMPLES, TOKENS, BATCH = 16, 64, 4
METHOD = "rag"


@dataclass(frozen=True)
class Flips:
    """How many texts differ from those of the first run, generated in one other way.

    first: tokens that the first text to differ shares; None if no text differs.
    """

    way: str
    texts: int
    flipped: int
    first: int | None


def flips(backbone: str, bars: Bars, examples: int = EXAMPLES, tokens: int = TOKENS) -> list[Flips]:
    """Measure a backbone on the built-in benchmark with its preset's sampling.

    backbone: name or folder.
    bars: takes progress.
    examples: test examples.
    tokens: most new tokens of a text.

    The ways: the same again; a model loaded again that continues after half of the batches; other
    batch sizes; half of the examples, so that batches hold other rows; other numbers of threads.
    """
    settings = build_settings(
        "mini",
        [
            f"model.backbone={backbone}",
            f"data.limit={examples}",
            f"decode.max_new_tokens={tokens}",
            f"decode.batch_size={BATCH}",
        ],
    )
    job = Job(Plan(settings, METHOD, Path()), bars)
    prompts = job.plan.test_prompts
    lm, threads, update = _model(job), torch.get_num_threads(), bars.track("determinism")
    batches = plan_batches(prompts, BATCH)
    known = _texts(job, lm, batches)
    # 1. other batches, or the same again
    again = {
        "the same again": batches,
        f"batches of 1 instead of {BATCH}": plan_batches(prompts, 1),
        f"batches of {4 * BATCH} instead of {BATCH}": plan_batches(prompts, 4 * BATCH),
        "half of the examples": plan_batches(prompts[: len(prompts) // 2], BATCH),
    }
    found: list[Flips] = []
    for way, chosen in again.items():
        update(len(found), len(again) + 2, way)
        found.append(_compared(way, _texts(job, lm, chosen), known))
    # 2. another number of threads
    other = 1 if threads > 1 else 2
    torch.set_num_threads(other)
    try:
        way = f"number of threads {other} instead of {threads}"
        found.append(_compared(way, _texts(job, lm, batches), known))
    finally:
        torch.set_num_threads(threads)
    # 3. a resumed run: another process loads the model and generates the other batches
    resumed = _texts(job, _model(job), batches[len(batches) // 2 :])
    found.insert(1, _compared("the model loaded again, second half of the batches", resumed, known))
    update(len(found), len(found), "")
    return found


def _model(job: Job) -> PersonalLM:
    lm, _ = job.build()
    job.settle(lm)
    return lm


@torch.inference_mode()
def _texts(
    job: Job, lm: PersonalLM, batches: Sequence[Sequence[EncodedPrompt]]
) -> dict[str, list[int]]:
    """id → token ids of the text."""
    generator = Generator(job.plan, lm)
    return {
        encoded.example.id: text.ids
        for batch in batches
        for encoded, text in zip(batch, generator.tokens(batch, 0), strict=True)
    }


def _compared(way: str, texts: dict[str, list[int]], known: dict[str, list[int]]) -> Flips:
    shared = [_shared(ids, known[key]) for key, ids in texts.items() if ids != known[key]]
    return Flips(way, len(texts), len(shared), min(shared, default=None))


def _shared(one: list[int], other: list[int]) -> int:
    """Number of equal tokens at the beginning."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
