"""Writing a whole test set with uneven lengths: fixed batches against rows that change places.

    python -m benchmarks.whole_set [--method sft] [--weights RUN] [--backbone mini] [--rounds 1]

Three ways write the same texts, chunk by chunk in turn (ABCABC…): transformers' step in fixed
batches, the lean step in the same batches (ended rows leave), and the lean step with prompts that
wait for the places of ended rows. Prints JSON: seconds, quotients, how many texts differ.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from harness.engine.clock import now
from harness.engine.lean_models import choose_step
from harness.engine.lm import PersonalLM, causal_lms
from harness.engine.weight_files import WEIGHTS, load_weights
from harness.pipeline.encoded_prompt import EncodedPrompt
from harness.pipeline.generator import JOINED, Generator, plan_batches
from harness.pipeline.plan import Plan
from harness.settings import build_settings

WAYS = ("transformers, fixed batches", "lean, fixed batches", "lean, slots")


def written(
    plan: Plan, lm: PersonalLM, way: str, chunk: Sequence[EncodedPrompt]
) -> tuple[float, list[list[int]]]:
    """Seconds, and the token ids of each text of a chunk."""
    size = plan.settings.decode.batch_size
    choose_step([model for _, model in causal_lms(lm)], "auto" if "lean" in way else "transformers")
    generator, begin = Generator(plan, lm, rows=size), now()
    parts = [chunk] if way == WAYS[2] else plan_batches(chunk, size)
    ids = [text.ids for part in parts for text in generator.tokens(part, 0)]
    return now() - begin, ids


def measure(plan: Plan, lm: PersonalLM, rounds: int) -> dict[str, Any]:
    """Seconds of each way over all chunks and rounds; texts that differ from the first way."""
    chunks = plan_batches(plan.test_prompts, plan.settings.decode.batch_size * JOINED)
    seconds, differ, tokens = dict.fromkeys(WAYS, 0.0), dict.fromkeys(WAYS, 0), 0
    for way in WAYS:
        written(plan, lm, way, chunks[-1][:2])  # warm-up
    for _ in range(rounds):
        for chunk in chunks:
            known: list[list[int]] = []
            for way in WAYS:
                taken, ids = written(plan, lm, way, chunk)
                known = known or ids
                seconds[way] += taken
                differ[way] += sum(a != b for a, b in zip(ids, known, strict=True))
            tokens += sum(map(len, known))
    slowest = seconds[WAYS[0]]
    return {
        "seconds": {way: round(each, 2) for way, each in seconds.items()},
        "times_faster": {way: round(slowest / each, 2) for way, each in seconds.items()},
        "texts": rounds * len(plan.test_prompts),
        "texts_that_differ": differ,
        "tokens": tokens,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--method", default="rag")
    parser.add_argument("--weights", type=Path, help="folder of a run that kept its weights")
    parser.add_argument("--backbone", default="mini")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], dest="settings")
    asked = parser.parse_args(arguments)
    settings = build_settings("mini", [f"model.backbone={asked.backbone}", *asked.settings])
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan(settings, asked.method, Path(folder))
        lm = plan.method.build(plan.backbones)
        if asked.weights:
            load_weights(lm, asked.weights / WEIGHTS)
        lm.eval()
        about = {"method": asked.method, "backbone": asked.backbone,
                 "batch": settings.decode.batch_size, "threads": torch.get_num_threads(),
                 "load": round(os.getloadavg()[0], 1)}  # fmt: skip
        print(json.dumps(about | measure(plan, lm, asked.rounds), indent=1))


if __name__ == "__main__":
    main()
