"""Tokens of many references: made once, by all cores, and cached by the texts and the tokenizer."""

from __future__ import annotations

import logging
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.data.prepared import prepared
from harness.data.processes import by_processes
from harness.engine.text import plain_ids
from harness.inputs.imports import closure, content_sha256
from harness.pipeline.prepared_prompts import AGAIN, MANY, TOGETHER, tokenizer_key
from harness.types import SplitData

if TYPE_CHECKING:
    from harness.pipeline.plan import Plan

Ids = tuple[int, ...]
IDS, SIZES = "ids.npy", "sizes.npy"

log = logging.getLogger(__name__)


def prepared_targets(plan: Plan, split: SplitData) -> dict[str, Ids]:
    """The text of each reference → its tokens; {} where there are few, which take seconds."""
    texts = list(dict.fromkeys(one.text for one in split.references.values()))
    if len(texts) < MANY or plan.settings.model.api:
        return {}
    tokenizer = plan.backbones.tokenizer

    def encode(start: int) -> list[Ids]:
        return [tuple(plain_ids(tokenizer, text)) for text in texts[start : start + TOGETHER]]

    def make(folder: Path) -> None:
        parts = by_processes(encode, range(0, len(texts), TOGETHER))
        found = [ids for part in parts for ids in part]
        np.save(folder / SIZES, np.array([len(ids) for ids in found]))
        np.save(folder / IDS, np.concatenate([np.array(ids, np.int32) for ids in found]))

    sources = content_sha256(closure(["harness.engine.text"]))
    versions = [version(name) for name in ("tokenizers", "transformers", "numpy")]
    key = [texts, tokenizer_key(plan), sources, versions]
    get = partial(prepared, "targets", key, make, _read)
    found = get(fresh=plan.fresh)
    places = sorted({round(at) for at in np.linspace(0, len(texts) - 1, AGAIN)})
    if any(found[at] != tuple(plain_ids(tokenizer, texts[at])) for at in places):
        log.warning("the targets in the cache are not those of today; making them again")
        found = get(fresh=True)
    return dict(zip(texts, found, strict=True))


def _read(folder: Path) -> list[Ids]:
    ids, ends = np.load(folder / IDS), np.cumsum(np.load(folder / SIZES))
    return [tuple(part.tolist()) for part in np.split(ids, ends[:-1])]
