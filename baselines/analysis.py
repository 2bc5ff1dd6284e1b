"""Analyses of a user, written by the untrained backbone for the examples of a training.

One file per fingerprint keeps them, batch by batch, so that an interrupted writing goes on.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from harness.engine.backbone import weights_fingerprint
from harness.engine.decode import generate
from harness.engine.lm import PersonalLM
from harness.engine.text import decode, encode_prompt, encode_response, end_id
from harness.errors import DataError
from harness.types import Sampling

Variant = Literal["hindsight", "blind"]
PROMPTS: Mapping[Variant, str] = {
    "hindsight": (
        "Here is a request and the texts of its user, if there are any.\n\n{prompt}\n\n"
        "This is what the user wrote in the end:\n\n{reference}\n\n"
        "Do not repeat it. In three sentences and in your own words, say what this user likes and"
        " cares about and how they write, so that another writer could do it their way."
    ),
    "blind": (
        "Here is a request and the texts of its user, if there are any.\n\n{prompt}\n\n"
        "Do not answer it yet. In three sentences and in your own words, say what this user likes"
        " and cares about and how they write, so that another writer could do it their way."
    ),
}
"""What the backbone is asked; `prompt` is the method's own prompt of the example."""
GRAM = 8
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Ask:
    """A request for one analysis: whose, of which variant, and the prompt in tokens."""

    example_id: str
    variant: Variant
    prompt: tuple[int, ...]


@dataclass(frozen=True)
class Analysis:
    """What the backbone wrote, without special tokens; `ended` before its budget was used up."""

    example_id: str
    variant: Variant
    ids: tuple[int, ...]
    text: str
    ended: bool


def ask(
    tokenizer: Any, example_id: str, variant: Variant, prompt: str, reference: str, most_tokens: int
) -> Ask:
    """The request for an analysis; a reference beyond `most_tokens` is cut for it."""
    ends = encode_response(tokenizer, reference).ends
    shown = reference[: ends[most_tokens - 1]] if len(ends) > most_tokens else reference
    # replace, not format: texts of users hold braces; the reference goes in first
    text = PROMPTS[variant].replace("{reference}", shown, 1).replace("{prompt}", prompt, 1)
    return Ask(example_id, variant, tuple(encode_prompt(tokenizer, text)))


def copied_share(text: str, reference: str) -> float:
    """Share of the text's 8-grams of words (case folded) that stand in the reference; 0 to 1.

    A text of fewer than eight words has none and copies nothing.
    """
    mine, theirs = list(_grams(text)), set(_grams(reference))
    return sum(gram in theirs for gram in mine) / len(mine) if mine else 0.0


def _grams(text: str) -> Iterator[tuple[str, ...]]:
    words = _WORD.findall(text.casefold())
    return zip(*(words[start:] for start in range(GRAM)), strict=False)


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
    tokenizer: Any,
    asks: Sequence[Ask],
    sampling: Sampling,
    *,
    budget: int,
    batch_size: int,
    path: Path | None,
) -> dict[str, Analysis]:
    """By example id, in fixed batches by length; those found at `path` are not written again."""
    known = {(one.example_id, one.variant): one for one in read_analyses(path)}
    ordered = sorted(asks, key=lambda each: (-len(each.prompt), each.example_id))
    for at in range(0, len(ordered), batch_size):
        batch = ordered[at : at + batch_size]
        if all((each.example_id, each.variant) in known for each in batch):
            continue
        written = _write(lm, tokenizer, batch, sampling, budget)
        fresh = [one for one in written if (one.example_id, one.variant) not in known]
        known.update({(one.example_id, one.variant): one for one in fresh})
        if path is not None:
            _append(fresh, path)
    return {each.example_id: known[each.example_id, each.variant] for each in asks}


def _write(
    lm: PersonalLM, tokenizer: Any, batch: Sequence[Ask], sampling: Sampling, budget: int
) -> list[Analysis]:
    texts = generate(
        lm,
        [each.prompt for each in batch],
        max_new_tokens=budget,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        eos_id=end_id(tokenizer),
        seeds=[_stream(sampling.seed, each) for each in batch],
    )
    special = set(tokenizer.all_special_ids)
    return [
        Analysis(
            each.example_id,
            each.variant,
            tuple(token for token in ids if token not in special),
            decode(tokenizer, ids),
            ended=len(ids) < budget,
        )
        for each, ids in zip(batch, texts, strict=True)
    ]


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
