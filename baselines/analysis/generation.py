"""Generate analyses of users in batches, and keep them on disk.

A file for each fingerprint keeps them, so that an interrupted run continues.
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

from baselines.analysis.request import Request, Variant
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
    """A generated analysis without special tokens. ended: before it used up its budget."""

    example_id: str
    variant: Variant
    ids: tuple[int, ...]
    text: str
    ended: bool


def fingerprint(lm: PersonalLM, requests: Sequence[Request], **conditions: Any) -> str:
    """16 hex digits for everything that could change an analysis. Equal ones allow reuse."""
    parts = [
        weights_fingerprint(lm),
        [asdict(each) for each in requests],
        conditions,
        version("torch"),
        version("transformers"),
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def generate_analyses(
    lm: PersonalLM,
    rules: TextRules,
    requests: Sequence[Request],
    sampling: Sampling,
    *,
    budget: int,
    batch_size: int,
    path: Path | None,
    on_batch: Update | None = None,
) -> dict[str, Analysis]:
    """Analyses by example id, in fixed batches by length.

    Args:
        lm: the base model.
        rules: how tokens become text.
        requests: one for each analysis.
        sampling: temperature and the like.
        budget: most tokens of an analysis.
        batch_size: requests in a batch.
        path: file of analyses; those in it are not generated again.
        on_batch: called with the number of analyses done, of all, and a note.
    """
    known = {(each.example_id, each.variant): each for each in read_analyses(path)}
    ordered = sorted(requests, key=lambda each: (-len(each.prompt), each.example_id))
    for start in range(0, len(ordered), batch_size):
        batch = ordered[start : start + batch_size]
        if all((each.example_id, each.variant) in known for each in batch):
            continue
        begin = now()
        made = _generate_batch(lm, rules, batch, sampling, budget)
        fresh = [each for each in made if (each.example_id, each.variant) not in known]
        known.update({(each.example_id, each.variant): each for each in fresh})
        if path is not None:
            _append(fresh, path)
        if on_batch is not None:
            rate = sum(len(each.ids) for each in made) / (now() - begin)
            on_batch(min(start + batch_size, len(ordered)), len(ordered), f"{rate:,.0f} tokens/s")
    return {each.example_id: known[each.example_id, each.variant] for each in requests}


def _generate_batch(
    lm: PersonalLM, rules: TextRules, batch: Sequence[Request], sampling: Sampling, budget: int
) -> list[Analysis]:
    texts = generate(
        lm,
        [each.prompt for each in batch],
        max_new_tokens=budget,
        **sampling.drawing,
        **rules.stopping,
        seeds=[_stream(sampling.seed, each) for each in batch],
    )
    special, analyses = special_ids(rules.tokenizer), []
    for each, ids in zip(batch, texts, strict=True):
        visible = rules.read(ids)
        kept = tuple(token for token in visible.kept if token not in special)
        ended = len(ids) < budget or visible.stopped
        analyses.append(Analysis(each.example_id, each.variant, kept, visible.text, ended))
    return analyses


def _stream(seed: int, request: Request) -> int:
    """The seed of one analysis's random stream."""
    text = json.dumps(["analysis", seed, request.example_id, request.variant])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _append(analyses: Sequence[Analysis], path: Path) -> None:
    """Append lines and sync them to disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        for analysis in analyses:
            file.write(json.dumps(asdict(analysis), ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_analyses(path: Path | None) -> list[Analysis]:
    """The analyses on disk. A last line cut short by an interruption is removed from the file.

    Raises DataError for any other line that is not an analysis, naming file and line.
    """
    if path is None or not path.is_file():
        return []
    complete, end, rest = path.read_bytes().rpartition(b"\n")
    if rest:
        path.write_bytes(complete + end)
    analyses = []
    for number, line in enumerate(complete.splitlines(), 1):
        try:
            fields = json.loads(line)
            analyses.append(Analysis(**{**fields, "ids": tuple(fields["ids"])}))
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(
                f"{path} line {number}: not an analysis: {error}\n"
                "  mend      remove the file; its analyses will be generated again"
            ) from None
    return analyses
