"""Writing analyses of users: batch by batch, and kept on disk under a fingerprint.

One file per fingerprint keeps them, so that an interrupted writing goes on.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from baselines.analysis.asking import Ask, Variant
from harness.engine.backbone import weights_fingerprint
from harness.engine.clock import now
from harness.engine.decode import generate
from harness.engine.lm import PersonalLM
from harness.engine.text import special_ids
from harness.engine.visible_text import TextRules
from harness.errors import DataError
from harness.progress import Update
from harness.types import Sampling


@dataclass(frozen=True)
class Analysis:
    """What the backbone wrote, without special tokens; `ended` before its budget was used up."""

    example_id: str
    variant: Variant
    ids: tuple[int, ...]
    text: str
    ended: bool


def fingerprint(lm: PersonalLM, asks: Sequence[Ask], **conditions: Any) -> str:
    """Sixteen hex of everything that could change an analysis: only then may one be reused."""
    parts = [
        weights_fingerprint(lm),
        [asdict(each) for each in asks],
        conditions,
        version("torch"),
        version("transformers"),
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def write_analyses(
    lm: PersonalLM,
    rules: TextRules,
    asks: Sequence[Ask],
    sampling: Sampling,
    *,
    budget: int,
    batch_size: int,
    path: Path | None,
    on_batch: Update | None = None,
) -> dict[str, Analysis]:
    """By example id, in fixed batches by length; those found at `path` are not written again.

    on_batch: called with how many are there, of how many, and a note.
    """
    known = {(one.example_id, one.variant): one for one in read_analyses(path)}
    ordered = sorted(asks, key=lambda each: (-len(each.prompt), each.example_id))
    for at in range(0, len(ordered), batch_size):
        batch = ordered[at : at + batch_size]
        if all((each.example_id, each.variant) in known for each in batch):
            continue
        begin = now()
        written = _write(lm, rules, batch, sampling, budget)
        fresh = [one for one in written if (one.example_id, one.variant) not in known]
        known.update({(one.example_id, one.variant): one for one in fresh})
        if path is not None:
            _append(fresh, path)
        if on_batch is not None:
            rate = sum(len(one.ids) for one in written) / (now() - begin)
            on_batch(min(at + batch_size, len(ordered)), len(ordered), f"{rate:,.0f} tokens/s")
    return {each.example_id: known[each.example_id, each.variant] for each in asks}


def _write(
    lm: PersonalLM, rules: TextRules, batch: Sequence[Ask], sampling: Sampling, budget: int
) -> list[Analysis]:
    texts = generate(
        lm,
        [each.prompt for each in batch],
        max_new_tokens=budget,
        **sampling.drawing,
        **rules.stopping,
        seeds=[_stream(sampling.seed, each) for each in batch],
    )
    special, found = special_ids(rules.tokenizer), []
    for each, ids in zip(batch, texts, strict=True):
        seen = rules.read(ids)
        kept = tuple(token for token in seen.kept if token not in special)
        ended = len(ids) < budget or seen.stopped
        found.append(Analysis(each.example_id, each.variant, kept, seen.text, ended))
    return found


def _stream(seed: int, each: Ask) -> int:
    """The start of one analysis's own random stream."""
    text = json.dumps(["analysis", seed, each.example_id, each.variant])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _append(analyses: Sequence[Analysis], path: Path) -> None:
    """Add lines and make sure that they are on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        for one in analyses:
            file.write(json.dumps(asdict(one), ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_analyses(path: Path | None) -> list[Analysis]:
    """The analyses on disk. A last line cut short by an interruption is taken off the file.

    Raises DataError for any other line that is not an analysis, naming file and line.
    """
    if path is None or not path.is_file():
        return []
    whole, end, rest = path.read_bytes().rpartition(b"\n")
    if rest:
        path.write_bytes(whole + end)
    found = []
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            fields = json.loads(line)
            found.append(Analysis(**{**fields, "ids": tuple(fields["ids"])}))
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(
                f"{path} line {number}: not an analysis: {error}\n"
                "  mend      remove the file; its analyses are written again"
            ) from None
    return found
