"""float32 against bfloat16: likelihoods, texts, scores, and the verdict of one comparison.

    python -m benchmarks.number_types --data DIR [--out results/number-types] [--figures FILE]

Runs rag and sft with SmolLM2-135M on product_review twice, in float32 and in bfloat16, with the
same prompts, seeds and batches; resumable. Then it prints JSON: how far the likelihoods and scores
of the two types lie apart, how many texts differ and from which token on, what the comparison of
sft with rag says in each type, and float32's time over bfloat16's.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

from harness import compare, run
from harness.engine.quiet import quiet_libraries
from harness.inputs.provenance import processor
from harness.record import Record, read_predictions

TYPES, METHODS = ("float32", "bfloat16"), ("rag", "sft")
SETTINGS: Mapping[str, Any] = {
    "data.train_limit": 32,
    "train.epochs": 1,
    "eval.relative": False,
    "eval.floors": False,
}
"""Less than the preset's, so that the four runs take minutes."""


def main(given: Sequence[str] | None = None) -> None:
    """Make the runs that are missing, print the figures."""
    parser = argparse.ArgumentParser("number_types", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of product_review")
    parser.add_argument("--out", type=Path, default=Path("results/number-types"))
    parser.add_argument("--figures", type=Path, help="also write the JSON here")
    parser.add_argument("--methods", default=",".join(METHODS), help="(default: rag,sft)")
    parser.add_argument("--limit", type=int, default=36, help="test examples (default: 36)")
    parser.add_argument("--tokens", type=int, default=64, help="cap of a text (default: 64)")
    asked = parser.parse_args(given)
    quiet_libraries()
    load, methods = os.getloadavg()[0], asked.methods.split(",")
    runs = {name: {method: one_run(asked, method, name) for method in methods} for name in TYPES}
    first = runs[TYPES[0]][methods[0]].record
    about = {
        "processor": processor(),
        "threads": first.device.threads,
        "load": [round(load, 1), round(os.getloadavg()[0], 1)],
        "versions": {name: first.packages[name] for name in ("torch", "transformers")},
    }
    pairs = {method: pair_figures(*(runs[name][method] for name in TYPES)) for method in methods}
    verdicts = {}
    if len(methods) > 1:
        verdicts = {name: verdict_of(list(runs[name].values())) for name in TYPES}
    text = json.dumps({**about, "methods": pairs, "verdicts": verdicts}, indent=1)
    print(text)
    if asked.figures:
        asked.figures.write_text(text + "\n", encoding="utf-8")


def one_run(asked: Any, method: str, dtype: str) -> Any:
    """The run of a method in one type, made now or earlier."""
    sections: Any = {**SETTINGS, "model.dtype": dtype, "decode.max_new_tokens": asked.tokens}
    return run(
        method, preset="smollm2", data=str(asked.data), out=str(asked.out / dtype),
        task="product_review", limit=asked.limit, **sections,
    )  # fmt: skip


def texts_of(one: Any) -> dict[str, str]:
    """id → text."""
    return {text.id: text.output for text in read_predictions(one.path)}


def verdict_of(runs: Sequence[Any]) -> dict[str, Any]:
    """Measure → difference, interval and verdict of a comparison of one type's runs."""
    document: Any = compare(list(runs), texts=False)
    (facts,) = document["boards"]
    kept = ("second", "first", "difference", "low", "high", "p_holm", "verdict", "reason")
    return {
        name: {key: found[key] for key in kept}
        for name, measure in facts["measures"].items()
        for found in measure["comparisons"]
    }


def pair_figures(one: Any, other: Any) -> dict[str, Any]:
    """float32's run against bfloat16's, of one method."""
    left, right = one.record, other.record
    own, others = texts_of(one), texts_of(other)
    differing = [key for key, text in own.items() if others[key] != text]
    first = [_shared(own[key].split(), others[key].split()) for key in differing]
    return {
        "nll": nll_figures(left, right),
        "texts": len(own),
        "texts_that_differ": len(differing),
        "words_before_the_first_difference": median(first) if first else None,
        "scores": {
            name: [round(metric.value or 0, 2), round(right.metrics[name].value or 0, 2)]
            for name, metric in left.metrics.items()
        },
        "time_in_float32_over_bfloat16": time_ratios(left, right),
    }


def nll_figures(left: Record, right: Record) -> dict[str, float]:
    """Nats per token: means over examples in both types, and the gaps of examples."""
    values = [
        [sum(each.nll) / sum(each.model_tokens) for each in record.nlls.values() if each.nll]
        for record in (left, right)
    ]
    gaps = [abs(a - b) for a, b in zip(*values, strict=True)]
    float32, bfloat16 = map(fmean, values)
    found = {
        "float32": float32,
        "bfloat16": bfloat16,
        "mean_gap": fmean(gaps),
        "max_gap": max(gaps),
    }
    return {name: round(value, 5) for name, value in found.items()}


def time_ratios(left: Record, right: Record) -> dict[str, float]:
    """Phase → seconds in float32 over seconds in bfloat16."""
    found = {
        name: left.phases[name] / right.phases[name]
        for name in ("writing", "likelihood")
        if name in left.phases and right.phases.get(name)
    }
    if left.training and right.training and left.training.step_s and right.training.step_s:
        found["optimizer step"] = left.training.step_s / right.training.step_s
    return {name: round(value, 2) for name, value in found.items()}


def _shared(some: Sequence[str], others: Sequence[str]) -> int:
    """Words before the first difference."""
    pairs = zip(some, others, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(some), len(others)))


if __name__ == "__main__":
    main()
