"""What writing cost: kept beside the texts over all sittings, then told by the record."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.engine.clock import DecodeClock, middle
from harness.engine.flops import generation_flops, missing
from harness.engine.lm import PersonalLM
from harness.record import Inference, write_json
from harness.run.plan import Plan
from harness.types import Prediction

COSTS = "writing.json"


@dataclass
class Costs:
    """What writing cost, over all sittings: the clock of the visible text, hidden tokens apart.

    batches: wall seconds of each, prefaces included; examples: how many they held. preface_s and
    latent_s are within the time to the first visible token.
    """

    clock: DecodeClock = field(default_factory=DecodeClock)
    batches: list[float] = field(default_factory=list)
    examples: int = 0
    preface_s: float = 0.0
    preface_tokens: int = 0
    latent_s: float = 0.0
    peak_mib: float = 0.0

    @staticmethod
    def kept(path: Path) -> Costs:
        """What `keep` left at `path`, or nothing spent."""
        if not path.is_file():
            return Costs()
        fields = json.loads(path.read_text())
        return Costs(DecodeClock(**fields.pop("clock")), **fields)

    def keep(self, path: Path) -> None:
        """Put the costs beside the texts, so that an interruption loses no time."""
        write_json(path, dataclasses.asdict(self))


def summary_of(
    plan: Plan,
    lm: PersonalLM,
    texts: Sequence[Prediction],
    costs: Costs,
) -> Inference:
    """What the record says of inference: counts over all texts, times of the batches written."""
    clock, written = costs.clock, sum(costs.batches)
    first, first_quartiles = middle(clock.first)
    # a step gives one token of every row: for a row its time is that per output token
    step, step_quartiles = middle(clock.per_step)
    whole, whole_quartiles = middle(costs.batches)
    no_flops = missing(lm)
    prefaces = [text.preface_ids for text in texts if text.error is None]
    return Inference(
        time_to_first_token_s=first,
        time_to_first_token_quartiles_s=first_quartiles,
        time_per_step_s=step,
        time_per_step_quartiles_s=step_quartiles,
        decode_s=clock.total,
        end_to_end_s=whole,
        end_to_end_quartiles_s=whole_quartiles,
        seconds_per_example=written / costs.examples if costs.examples else None,
        tokens_per_s=clock.tokens / written if written else None,
        batches_timed=len(costs.batches),
        examples_timed=costs.examples,
        batch_size=plan.settings.decode.batch_size,
        peak_memory_mib=costs.peak_mib,
        visible_tokens=sum(text.tokens for text in texts),
        hidden_tokens=sum(text.hidden_tokens for text in texts),
        reasoning_tokens=sum(text.reasoning_tokens for text in texts),
        unclosed_reasoning=sum(text.unclosed for text in texts),
        preface_tokens=sum(len(text.preface_ids) for text in texts),
        preface_timed=costs.preface_tokens,
        preface_s=costs.preface_s,
        latent_thoughts_per_text=lm.hidden_per_example,
        latent_s=costs.latent_s,
        flops=_flops(plan, lm, texts) if no_flops is None else None,
        flops_missing=no_flops,
        prefaces=plan.method.preface_report(prefaces),
    )


def _flops(plan: Plan, lm: PersonalLM, texts: Iterable[Prediction]) -> int:
    """Estimated FLOPs of all texts and their prefaces."""
    readings = {reading.example.id: reading for reading in plan.test_readings}
    total = 0
    for text in texts:
        reading = readings[text.id]
        views = {name: [row] for name, row in reading.views.items()}
        prompt, preface = reading.prompt, text.preface_ids
        if preface:
            total += generation_flops(lm, [prompt], [preface])
        total += generation_flops(lm, [prompt + preface], [range(text.tokens)], views)
    return total
