"""Decoding with our key-value cache, which grows in blocks, against transformers' DynamicCache.

    python -m benchmarks.cache [--quick] [--prompt 128,512] [--markdown]

Both decode the same model from the same prefill; only where a step's keys and values are stored
differs. Times are of one step of a batch, the mean over a text's steps (including the
moves of our buffer when it is full, every 256 columns), without prefill.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn
from transformers.cache_utils import DynamicCache

from benchmarks.decoding import begin, equal_tokens, model, options, paired, prompts, report, whole
from harness.bench.ratios import ratio, timing
from harness.bench.tables import counted, quotient, spread
from harness.engine import CausalLM
from harness.engine.batch import Rows
from harness.engine.kv_cache import GrowingLayer
from harness.engine.lean_models import choose_step
from harness.engine.lm import CacheState
from harness.reports.render.table import Column, Table, Value

TITLE = "A decoding step by its cache: transformers' DynamicCache, and ours in blocks"


class DynamicLM(CausalLM):
    """CausalLM whose cache after prefill is transformers' own.

    From then on the model decodes through transformers: the lean step has buffers of its own.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        choose_step([model], "transformers")

    def prefill(
        self,
        prompts: Rows,
        prefixes: Rows | None = None,
        views: Mapping[str, Rows] | None = None,
    ) -> tuple[Tensor, CacheState]:
        logits, state = super().prefill(prompts, prefixes, views)
        assert isinstance(state, CacheState)
        config: Any = self.model.config
        plain = DynamicCache(config=config)
        for at, layer in enumerate(state.cache.layers):
            plain.update(layer.keys.clone(), layer.values.clone(), at)
        assert not any(isinstance(layer, GrowingLayer) for layer in plain.layers)
        state.cache = plain
        return logits, state


def main(given: Sequence[str] | None = None) -> None:
    """A row for each size, batch and length."""
    chosen = options(
        "cache", __doc__, given,
        prompt={"default": "128,512", "help": "tokens of a prompt (default: 128,512)"},
    )  # fmt: skip
    lengths = whole(chosen.parser, "--prompt", chosen.prompt)
    about, rows = begin(chosen), []
    for size, batch, length in product(chosen.models, chosen.batch, lengths):
        rows.append(measured(size, batch, length, chosen))
    columns = (
        Column("model"),
        counted("batch"),
        counted("prompt"),
        Column("dynamic", "ms", "number"),
        Column("blocks", "ms", "number"),
        Column("blocks ÷ dynamic", kind="number"),
        Column("same tokens"),
    )
    report(chosen, about, [Table("cache", TITLE, columns, tuple(rows))], [])


def measured(size: str, batch: int, length: int, chosen: Any) -> tuple[Value, ...]:
    """Both caches in paired rounds."""
    lm = model(size).to(device=chosen.device, dtype=getattr(torch, chosen.dtype))
    rows = prompts(lm, batch, length)
    lms = {"theirs": DynamicLM(lm), "ours": CausalLM(lm)}
    found = paired(lms, rows, chosen, f"{size} × {batch}, {length}")
    theirs, ours = ([each for each, _ in found[name]] for name in ("theirs", "ours"))
    return (
        size,
        batch,
        length,
        *(spread(timing("step", each, theirs), "step", 1000) for each in (theirs, ours)),
        quotient(ratio(ours, theirs)),
        equal_tokens(found["ours"][0][1], found["theirs"][0][1]),
    )


if __name__ == "__main__":
    main()
