"""Does the base model know a test set by heart? Each reference is continued from its first half.

Greedy continuations, without a prompt or a chat template, are compared token by token with the true
second half, and with that of another reference (the control). Prints JSON: counts, no texts.

    python -m benchmarks.memorised --data FOLDER --task product_review,abstract_generation
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from harness.data import load_split
from harness.engine import CausalLM, generate
from harness.engine.backbone import Backbones
from harness.engine.quiet import quiet_libraries
from harness.settings import build_settings

VERBATIM = 50
"""Tokens that must agree for a text to count as known; a shorter second half must agree whole."""
LENGTHS = (5, 10, 20)


def shared_start(first: Sequence[int], second: Sequence[int]) -> int:
    """Number of tokens before the first difference."""
    length = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        length += 1
    return length


def summary(found: Sequence[Sequence[int]], true: Sequence[Sequence[int]]) -> dict[str, Any]:
    """How far continuations agree with the texts that they are held against."""
    agreed = [shared_start(*pair) for pair in zip(found, true, strict=True)]
    whole = [min(VERBATIM, len(text)) for text in true]
    return {
        "verbatim": sum(a >= b for a, b in zip(agreed, whole, strict=True)),
        "mean_tokens": round(fmean(agreed), 2),
        "longest": max(agreed),
        **{f"at_least_{n}": sum(each >= n for each in agreed) for n in LENGTHS},
    }


def continuations(lm: CausalLM, firsts: Sequence[Sequence[int]], batch: int) -> list[list[int]]:
    """`VERBATIM` greedy tokens after each first half."""
    found: list[list[int]] = []
    with torch.inference_mode():
        for start in range(0, len(firsts), batch):
            rows = [list(first) for first in firsts[start : start + batch]]
            found += generate(lm, rows, max_new_tokens=VERBATIM)
    return found


def counts(task: str, asked: argparse.Namespace) -> dict[str, Any]:
    """What the backbone completes of one task's test references, own and another's."""
    named = {"task": task, "data.source": asked.data, "model.backbone": asked.backbone}
    settings = build_settings("mini", [f"{key}={value}" for key, value in named.items()])
    backbones = Backbones(settings.model)
    split = load_split(settings, "test")
    texts = [split.references[example.id].text for example in split.examples[: asked.limit]]
    rows = [backbones.tokenizer.encode(text, add_special_tokens=False) for text in texts]
    rows = [row for row in rows if len(row) >= 20]
    halves = [(row[: len(row) // 2], row[len(row) // 2 :]) for row in rows]
    found = continuations(CausalLM(backbones.main).eval(), [a for a, _ in halves], asked.batch)
    seconds = [second for _, second in halves]
    return {
        "references": len(texts),
        "tried": len(rows),
        "own": summary(found, seconds),
        "shuffled": summary(found, [*seconds[1:], *seconds[:1]]),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the check and print its result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", required=True)
    parser.add_argument("--task", default="product_review", help="one or several, with commas")
    parser.add_argument("--backbone", default="smollm2")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--figures", type=Path, help="also write the JSON here")
    asked = parser.parse_args(arguments)
    quiet_libraries()
    tasks = {task: counts(task, asked) for task in asked.task.split(",")}
    text = json.dumps({"backbone": asked.backbone, "tasks": tasks}, indent=1)
    print(text)
    if asked.figures:
        asked.figures.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
