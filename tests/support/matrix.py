"""Families of transformers in this engine: right, or refused by name.

`python -m tests.support.matrix docs/backbones.md` regenerates the page's table.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
import transformers
from torch import Tensor, nn

from baselines.coconut import CoconutLM
from flythinker import FlyThinkerLM
from harness.engine import Batch, CausalLM, generate
from harness.engine.agreement import refuse_disagreement
from harness.engine.flops import missing
from harness.engine.lm import PersonalLM, embed
from harness.engine.trial import refuse_wrong_ways
from harness.errors import UsageError
from harness.settings import ModelSettings
from tests.support.tiny_families import FAMILIES, loads_with, tiny_model

PROMPTS = [[5, 3, 9, 11, 30, 2, 8], [1, 7], [4, 4, 60, 7, 90, 13, 22, 31, 6, 2, 77, 8, 19]]
RESPONSES = [[3, 40, 2, 96], [8, 7, 6, 5, 4, 3, 2, 1, 12], [12]]
CLOSE = 2e-4
"""Largest difference in nats, from rounding in float32; recurrent models have the most."""
THOUGHTS, NEW = 3, 12
METHODS = ("plain", "coconut", "flythinker")
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"


@dataclass(frozen=True)
class Row:
    """A family's verdicts, method → "right" or why it is refused, and why FLOPs are null.

    eager: whether it loads with eager attention alone.
    """

    family: str
    kind: str
    verdicts: dict[str, str]
    no_flops: str | None
    eager: bool

    def cells(self) -> str:
        """The row of the table; reasons of refusals are listed below it."""
        right = "right (eager)" if self.eager else "right"
        short = [right if self.verdicts[each] == "right" else "refused" for each in METHODS]
        return f"| {self.family} | {self.kind} | {' | '.join(short)} | {self.flops} |"

    @property
    def flops(self) -> str:
        if self.verdicts["plain"] != "right":
            return "–"
        return "null" if self.no_flops else "counted"

    def reasons(self) -> list[str]:
        found: dict[str, list[str]] = {}
        for method, verdict in self.verdicts.items():
            if verdict != "right":
                found.setdefault(verdict, []).append(method)
        return [
            f"- **{self.family}** ({', '.join(who) if len(who) < len(METHODS) else 'all'}): {why}"
            for why, who in found.items()
        ]


def row(family: str) -> Row:
    """Verdicts of a family. Raises AssertionError if a number is wrong and nothing refused it."""
    model = tiny_model(family)
    kind, eager = type(model).__name__, not loads_with(family, ModelSettings().attention)
    try:
        refuse_disagreement(family, model)
    except UsageError as error:
        return Row(family, kind, dict.fromkeys(METHODS, _short(error)), None, eager)
    makers: dict[str, Callable[[], PersonalLM]] = {
        "plain": lambda: CausalLM(model),
        "coconut": lambda: CoconutLM(model, THOUGHTS),
        "flythinker": lambda: FlyThinkerLM(model, tiny_model(family, 1), concurrent=False),
    }
    verdicts = {method: _verdict(method, make()) for method, make in makers.items()}
    if verdicts["plain"] == "right":
        _logprobs_equal_transformers(model)
        _text_equals_transformers(model)
    if verdicts["flythinker"] == "right":
        _lam_0_equals_sft(model, tiny_model(family, 1))
        _thoughts_have_the_norm_of_inputs(model, tiny_model(family, 1))
    return Row(family, kind, verdicts, missing(CausalLM(model)), eager)


def _verdict(method: str, lm: PersonalLM) -> str:
    """Uneven rows, steps, prefixes, gradients: refused by the trial, or right at our tolerance."""
    try:
        refuse_wrong_ways(lm, method, trains=True, checkpointing=True)
    except UsageError as error:
        return _short(error)
    with patch("harness.engine.trial.TOLERANCE", CLOSE):
        try:
            refuse_wrong_ways(lm, method, trains=True, checkpointing=True)
        except UsageError as error:
            raise AssertionError(f"silently wrong: {error}") from error
    return "right"


def _short(error: UsageError) -> str:
    """The message without the backbone's name and without numbers, which differ by machine."""
    first, _, mend = str(error).partition("\n")
    first = re.sub(r"^.*?(\(\w+\)|with \w+):? ", "", first).split("; expected")[0]
    first = re.sub(r" by (up to )?[0-9.e-]+( \(largest logit [0-9.e-]+\))?", "", first)
    first = re.sub(r"loss [0-9.]+, ", "", first)
    eager = "; right with `model.attention=eager`" if "attention=eager" in mend else ""
    return first[:160].rstrip() + eager


@torch.no_grad()
def _logprobs_equal_transformers(model: Any) -> None:
    """Log-probs of single rows and of a batch equal those of the model's own logits."""
    lm = CausalLM(model)
    together = lm.logprobs(Batch.from_rows(PROMPTS, RESPONSES, 0))
    for index, (prompt, response) in enumerate(zip(PROMPTS, RESPONSES, strict=True)):
        logits = model(input_ids=torch.tensor([prompt + response]), use_cache=False).logits[0]
        scores = logits.float().log_softmax(-1)[len(prompt) - 1 : -1]
        known = scores.gather(-1, torch.tensor(response)[:, None])[:, 0]
        single = lm.logprobs(Batch.from_rows([prompt], [response], 0))[0]
        _close(single, known, "a single row and the model's own logits")
        _close(
            together[index, : len(response)], known, "a row in a batch and the model's own logits"
        )


@torch.no_grad()
def _text_equals_transformers(model: Any) -> None:
    """Greedy text of a batch equals transformers.generate on each row, with two ends."""
    lm = CausalLM(model)
    free = generate(lm, PROMPTS, max_new_tokens=NEW)
    ends = [free[0][NEW // 2], free[1][NEW // 3]]
    texts = generate(lm, PROMPTS, max_new_tokens=NEW, eos_id=ends)
    for prompt, text in zip(PROMPTS, texts, strict=True):
        ids = torch.tensor([prompt])
        known = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=NEW, do_sample=False,
            eos_token_id=ends, pad_token_id=0,
        )[0, len(prompt) :].tolist()  # fmt: skip
        known = known[:-1] if known and known[-1] in ends else known
        assert text == known, f"greedy: {text}, by transformers {known}"


@torch.no_grad()
def _lam_0_equals_sft(model: nn.Module, reasoner: nn.Module) -> None:
    batch = Batch.from_rows(PROMPTS, RESPONSES, 0)
    plain = CausalLM(model).logprobs(batch)
    fused = FlyThinkerLM(model, reasoner, lam=0.0).logprobs(batch)
    assert torch.equal(plain, fused), "lam 0 is not sft, bit for bit"


@torch.no_grad()
def _thoughts_have_the_norm_of_inputs(model: nn.Module, reasoner: nn.Module) -> None:
    """A thought has the mean norm of the model's input embeddings."""
    lm = FlyThinkerLM(model, reasoner, concurrent=False)
    tokens = torch.tensor(PROMPTS[:1])
    norms = lm.think(tokens, torch.ones_like(tokens, dtype=torch.bool)).norm(dim=-1)
    ids = torch.arange(model.get_input_embeddings().weight.size(0))  # type: ignore[operator]
    mean = embed(model, ids[None])[0].norm(dim=-1).mean()
    assert ((norms / mean - 1).abs() < 1e-3).all(), f"norms {norms}, mean {mean}"


def _close(ours: Tensor, known: Tensor, what: str) -> None:
    gap = (ours - known).abs().max().item()
    assert gap <= CLOSE, f"{what} differ by {gap:.2g}"


def table(rows: list[Row]) -> str:
    """The table and, below it, the reasons of refusals."""
    lines = [
        f"transformers {transformers.__version__}, {len(rows)} families.",
        "",
        "| family | class | nonpers, rag, sft, cot | coconut | flythinker | FLOPs |",
        "|---|---|---|---|---|---|",
        *(each.cells() for each in rows),
        "",
        "Refused:",
        "",
        *(reason for each in rows for reason in each.reasons()),
    ]
    return "\n".join(lines) + "\n"


def main(page: Path) -> None:
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    torch.set_num_threads(1)
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    text = table([row(family) for family in sorted(FAMILIES)])
    page.write_text(before + BEGIN + text + END + after, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
