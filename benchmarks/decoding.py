"""What the scripts on decoding share: models by size, one timed decoding, options, the page."""

from __future__ import annotations

import argparse
import random
import shlex
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from rich.console import Console
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig, StoppingCriteria

from harness.bench.measure import rounds
from harness.bench.tables import (
    conditions,
    load,
    surroundings,
    warnings,
)
from harness.engine import PersonalLM, generate
from harness.engine.clock import DecodeClock, now
from harness.engine.locate import locate
from harness.engine.quiet import quiet_libraries
from harness.progress import Bars
from harness.reports.render.markdown import titled
from harness.reports.render.table import Table
from harness.reports.render.terminal import print_table

SIZES = ("mini", "smollm2")
Rows = list[list[int]]
Rounds = dict[str, list[tuple[float, Rows]]]
"""Name → (seconds of a step, tokens generated) of each round."""


def model(size: str, seed: int = 0) -> nn.Module:
    """A causal LM of a backbone's size; its random weights do not change the times."""
    if size == "mini":
        config = AutoConfig.from_pretrained(locate("mini"))
    else:  # SmolLM2-135M, from its config.json
        config = LlamaConfig(
            vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30,
            num_attention_heads=9, num_key_value_heads=3, tie_word_embeddings=True,
            max_position_embeddings=8192,
        )  # fmt: skip
    torch.manual_seed(seed)
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()


def prompts(lm: nn.Module, batch: int, length: int) -> Rows:
    """Rows of random tokens, all of one length, so that no mask is needed."""
    draw = random.Random(f"{batch} {length}")
    vocabulary = lm.config.vocab_size  # type: ignore[attr-defined]
    return [[draw.randrange(vocabulary) for _ in range(length)] for _ in range(batch)]


class Ticks(StoppingCriteria):
    """Stops nothing; notes when each new token was there."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def __call__(self, ids: Tensor, scores: Any, **more: Any) -> Tensor:
        self.times.append(now())
        return torch.zeros(len(ids), dtype=torch.bool, device=ids.device)


@torch.inference_mode()
def theirs(lm: Any, rows: Rows, tokens: int) -> tuple[float, Rows]:
    """Seconds of one step of transformers' `generate`; the tokens."""
    ticks, ids = Ticks(), torch.tensor(rows, device=lm.device)
    written = lm.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False,
        eos_token_id=None, pad_token_id=0, stopping_criteria=[ticks],
    )  # fmt: skip
    seconds = (ticks.times[-1] - ticks.times[0]) / (tokens - 1)
    return seconds, written[:, ids.size(1) :].tolist()


def decode(lm: PersonalLM, rows: Rows, tokens: int) -> tuple[float, Rows]:
    """Seconds of one step, the mean over `tokens` − 1 greedy steps after prefill; the tokens."""
    clock = DecodeClock()
    generated = generate(lm, rows, max_new_tokens=tokens, clock=clock)
    return clock.per_step[0], generated


def paired(lms: Mapping[str, PersonalLM], rows: Rows, chosen: Any, about: str) -> Rounds:
    """`decode` with each model in turn, in rounds after a warm-up round, with a progress bar."""
    with Bars() as bars:
        work = {name: partial(decode, lm, rows, chosen.tokens) for name, lm in lms.items()}
        return rounds(work, chosen.rounds, 1, bars.track(about))


def equal_tokens(some: Rows, others: Rows) -> str:
    """The share of equal tokens; in float32 less than 100 % is an error."""
    pairs = [pair for rows in zip(some, others, strict=True) for pair in zip(*rows, strict=True)]
    return f"{100 * sum(left == right for left, right in pairs) / len(pairs):.1f} %"


def options(name: str, about: str, given: Sequence[str] | None, **more: Mapping[str, Any]) -> Any:
    """The command line of script `name`. more: further option → arguments of add_argument."""
    command = f"python -m benchmarks.{name}"
    parser = argparse.ArgumentParser(
        command, description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--models", default=",".join(SIZES), help=f"of {', '.join(SIZES)} (default: both)")
    add("--batch", default="1,4", help="texts decoded together (default: 1,4)")
    for option, settings in more.items():
        add(f"--{option}", **settings)
    add("--threads", type=int, help="PyTorch threads in each thread (default: PyTorch's choice)")
    add("--tokens", type=int, default=32, help="generated in one round, at least 2 (default: 32)")
    add("--rounds", type=int, default=5, help="paired rounds, after a warm-up round (default: 5)")
    add("--device", default="cpu", help="cpu, or cuda (default: cpu)")
    add("--dtype", default="float32", choices=["float32", "bfloat16"], help="(default: float32)")
    add("--quick", action="store_true", help="a quick trial: mini, batch 1, 16 tokens, 3 rounds")
    add("--markdown", action="store_true", help="print Markdown for docs/performance.md")
    found = parser.parse_args(given)
    if found.quick:
        found.models, found.batch, found.tokens, found.rounds = "mini", "1", 16, 3
    found.models = found.models.split(",")
    if not set(found.models) <= set(SIZES):
        parser.error(f"--models {','.join(found.models)}; expected some of {', '.join(SIZES)}")
    if found.tokens < 2 or found.rounds < 1:
        parser.error(f"--tokens {found.tokens} --rounds {found.rounds}; expected from 2, from 1")
    found.batch = whole(parser, "--batch", found.batch)
    found.parser = parser
    found.command = shlex.join([*command.split(), *(sys.argv[1:] if given is None else given)])
    quiet_libraries()
    if found.threads is not None:
        torch.set_num_threads(found.threads)
    return found


def whole(parser: argparse.ArgumentParser, name: str, text: str) -> list[int]:
    """`1,8` → [1, 8]; ends the script for anything but whole numbers from 1."""
    parts = text.split(",")
    if not all(part.isdecimal() and int(part) for part in parts):
        parser.error(f"{name} {text}; expected whole numbers from 1, e.g. {name} 1,8")
    return [int(part) for part in parts]


def begin(chosen: Any) -> dict[str, Any]:
    """The machine and packages, and the load before timing starts."""
    return {**surroundings(chosen.device, chosen.dtype), "load": {"before": load(), "after": None}}


def report(
    chosen: Any, about: dict[str, Any], tables: Sequence[Table], notes: Sequence[str]
) -> None:
    """Print the command, conditions and tables."""
    about["load"]["after"] = load()
    about_rounds = (
        f"{conditions(about)}. {chosen.rounds} paired rounds, ABAB… in one process, 1 warm-up"
        f" round, {chosen.tokens} tokens a text. Brackets: quartiles over rounds for times, 95 %"
        " intervals over paired rounds for ratios."
    )
    notes = [*notes, *warnings(about)]
    if chosen.markdown:
        parts = [f"```\n{chosen.command}\n```", about_rounds, *map(titled, tables), *notes]
        print("\n\n".join(parts))
        return
    console = Console()
    for table in tables:
        print_table(console, table)
    for line in [about_rounds, *notes]:
        console.print(line, style="dim", highlight=False, markup=False)
