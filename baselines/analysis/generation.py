"""Generate analyses of users in batches, and keep them on disk.

A file for each fingerprint keeps them, so that an interrupted run continues.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from baselines.analysis.request import Request, Variant
from harness.engine.backbone import weights_fingerprint
from harness.engine.clock import now
from harness.engine.decode import generate
from harness.engine.lm import PersonalLM
from harness.engine.text import special_ids
from harness.engine.visible_text import TextRules
from harness.inputs.provenance import engine_versions
from harness.progress import Update
from harness.record import append_lines, read_lines
from harness.record.digest import json_sha256
from harness.types import Sampling

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Analysis:
    """A generated analysis without special tokens and reasoning blocks.

    ended: before it used up its budget. generated: tokens with all that is left out here.
    """

    example_id: str
    variant: Variant
    ids: tuple[int, ...]
    text: str
    ended: bool
    generated: int

    @property
    def key(self) -> tuple[str, Variant]:
        return self.example_id, self.variant


def fingerprint(lm: PersonalLM, requests: Sequence[Request], **conditions: Any) -> str:
    """16 hex digits for everything that could change an analysis. Equal ones allow reuse."""
    parts = [
        weights_fingerprint(lm),
        [asdict(each) for each in requests],
        conditions,
        *engine_versions(),
    ]
    return json_sha256(*parts, sort_keys=True)[:16]


Batch = Sequence[Request]


@dataclass(frozen=True)
class Generator:
    """Generates analyses in fixed batches by length.

    lm: the base model. rules: how tokens become text. sampling: temperature and the like.
    budget: most tokens of an analysis. batch_size: requests in a batch.
    path: file of analyses; those in it are not generated again. None: keep nothing.
    on_batch: called with the number of analyses done, of all, and a note.
    rounds: gives the analyses of batches, some batches at a time; by default each by itself, here.
    """

    lm: PersonalLM
    rules: TextRules
    sampling: Sampling
    budget: int
    batch_size: int
    path: Path | None = None
    on_batch: Update | None = None
    rounds: Callable[[Sequence[Batch]], Iterator[list[list[Analysis]]]] | None = None

    def analyses(self, requests: Sequence[Request]) -> dict[str, Analysis]:
        """Analyses by example id. Damaged ones in the file are generated again."""
        known: dict[tuple[str, Variant], Analysis] = {}
        if self.path is not None:
            known = {each.key: each for each in read_lines(Analysis, self.path, log.warning)}
        ordered = sorted(requests, key=lambda each: (-len(each.prompt), each.example_id))
        batches = [
            ordered[start : start + self.batch_size]
            for start in range(0, len(ordered), self.batch_size)
        ]
        missing = [batch for batch in batches if any(each.key not in known for each in batch)]
        begin = now()
        for found in self.rounds(missing) if self.rounds else map(self._alone, missing):
            made = [analysis for batch in found for analysis in batch]
            fresh = [each for each in made if each.key not in known]
            known.update({each.key: each for each in fresh})
            if self.path is not None:
                append_lines(self.path, fresh, seal=True)
            if self.on_batch is not None:
                rate = sum(each.generated for each in made) / (now() - begin)
                done = sum(each.key in known for each in requests)
                self.on_batch(done, len(ordered), f"{rate:,.0f} tokens/s")
            begin = now()
        return {each.example_id: known[each.key] for each in requests}

    def _alone(self, batch: Batch) -> list[list[Analysis]]:
        return [self.batch(batch)]

    def batch(self, batch: Batch) -> list[Analysis]:
        """The analyses of one batch, in order."""
        texts = generate(
            self.lm,
            [each.prompt for each in batch],
            max_new_tokens=self.budget,
            **self.sampling.drawing,
            **self.rules.stopping,
            seeds=[_stream(self.sampling.seed, each) for each in batch],
        )
        special, analyses = special_ids(self.rules.tokenizer), []
        for each, ids in zip(batch, texts, strict=True):
            visible = self.rules.read(ids)
            kept = tuple(token for token in visible.kept if token not in special)
            ended = len(ids) < self.budget or visible.stopped
            analyses.append(Analysis(*each.key, kept, visible.text, ended, len(ids)))
        return analyses


def _stream(seed: int, request: Request) -> int:
    """The seed of one analysis's random stream."""
    text = json.dumps(["analysis", seed, request.example_id, request.variant])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
