"""What generating the texts cost, across resumed runs: stored next to them, then in the record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from harness.engine.clock import DecodeClock, middle
from harness.engine.flops import generation_flops, missing
from harness.engine.lean_models import step_taken
from harness.engine.lm import PersonalLM, causal_lms
from harness.pipeline.plan import Plan
from harness.record import Inference
from harness.types import Prediction

COSTS = "writing.json"


@dataclass
class Costs:
    """What generating cost so far, across resumed runs.

    clock: times of the texts with their reasoning blocks, and visible tokens.
    batches: wall seconds of each batch, prefaces included.
    examples: how many texts the batches held.
    preface_s, latent_s: seconds on prefaces and latent thoughts, part of the time to the first
        token of the text.
    preface_tokens: tokens of the prefaces.
    peak_mib: highest memory.
    overlap_s: how much longer the batches were than the wall time in which several processes
        generated them at once.
    tokens_at_once: most tokens of a batch, which a resumed run keeps.
    step: what computed the steps of the last batch.
    timed: names of the batches that are counted here.
    """

    clock: DecodeClock = field(default_factory=DecodeClock)
    batches: list[float] = field(default_factory=list)
    examples: int = 0
    preface_s: float = 0.0
    preface_tokens: int = 0
    latent_s: float = 0.0
    peak_mib: float = 0.0
    overlap_s: float = 0.0
    tokens_at_once: int | None = None
    step: str | None = None
    timed: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Wall seconds of all batches."""
        return sum(self.batches) - self.overlap_s

    def add_round(self, made: Mapping[str, Costs]) -> None:
        """Add what batches cost that several processes generated at once.

        made: by name; batches without failed texts. One that is generated again, as a text of it
            was damaged, has been counted.
        """
        new = {name: part for name, part in made.items() if name not in self.timed}
        self.timed += new
        parts = list(new.values())
        for part in parts:
            self.batches += part.batches
            self.examples += part.examples
            self.preface_s += part.preface_s
            self.preface_tokens += part.preface_tokens
            self.latent_s += part.latent_s
            self.clock.first += part.clock.first
            self.clock.per_step += part.clock.per_step
            self.clock.total += part.clock.total
            self.clock.tokens += part.clock.tokens
            self.step = part.step or self.step
        spent = [part.seconds for part in parts]
        self.overlap_s += sum(spent) - max(spent, default=0.0)

    def add_batches(self, seconds: float, rows: int, size: int) -> None:
        """Add the wall seconds of rows, in equal shares if they were several batches of `size`."""
        count = -(-rows // size)
        self.batches += [seconds / count] * count
        self.examples += rows


def step_of(lm: PersonalLM) -> str:
    """What computed the model's last steps."""
    return step_taken([model for _, model in causal_lms(lm)])


def summary_of(
    plan: Plan,
    lm: PersonalLM,
    texts: Sequence[Prediction],
    costs: Costs,
) -> Inference:
    """The record's entry on inference.

    plan: the run.
    lm: the model, for FLOPs and latent thoughts.
    texts: all predictions; tokens are counted over them.
    costs: times of the batches that were generated.
    """
    clock, seconds, timed = costs.clock, costs.seconds, bool(costs.batches)
    users = plan.method.user_work(plan.test.examples)
    first, first_quartiles = middle(clock.first)
    # a step gives one token of every row, so its time is a row's time per output token
    step, step_quartiles = middle(clock.per_step)
    whole, whole_quartiles = middle(costs.batches)
    no_flops = missing(lm)
    prefaces = [text.preface_ids for text in texts if text.error is None]
    return Inference(
        time_to_first_token_s=first,
        time_to_first_token_quartiles_s=first_quartiles,
        time_per_step_s=step,
        time_per_step_quartiles_s=step_quartiles,
        decode_s=clock.total if timed else None,
        end_to_end_s=whole,
        end_to_end_quartiles_s=whole_quartiles,
        seconds_per_example=seconds / costs.examples if costs.examples else None,
        tokens_per_s=clock.tokens / seconds if seconds else None,
        step=costs.step or step_of(lm),
        batches_timed=len(costs.batches),
        examples_timed=costs.examples,
        batch_size=plan.settings.decode.batch_size,
        tokens_at_once=costs.tokens_at_once,
        peak_memory_mib=costs.peak_mib or None,
        visible_tokens=sum(text.tokens for text in texts),
        hidden_tokens=sum(text.hidden_tokens for text in texts),
        reasoning_tokens=sum(text.reasoning_tokens for text in texts),
        unclosed_reasoning=sum(text.unclosed for text in texts),
        preface_tokens=sum(len(text.preface_ids) for text in texts),
        preface_timed=costs.preface_tokens,
        preface_s=costs.preface_s if timed else None,
        latent_thoughts_per_text=lm.hidden_per_example,
        latent_s=costs.latent_s if timed else None,
        flops=_flops(plan, lm, texts) if no_flops is None else None,
        flops_missing=no_flops,
        user_work_s=users.seconds,
        user_work_tokens=users.tokens,
        user_work_flops=users.flops,
        prefaces=plan.method.preface_report(prefaces),
    )


def _flops(plan: Plan, lm: PersonalLM, texts: Iterable[Prediction]) -> int:
    """Estimated FLOPs of all texts, their reasoning blocks and their prefaces."""
    prompts = {encoded.example.id: encoded for encoded in plan.test_prompts}
    total = 0
    for text in texts:
        encoded = prompts[text.id]
        views = {name: [row] for name, row in encoded.views.items()}
        prompt, preface = encoded.prompt, text.preface_ids
        if preface:
            total += generation_flops(lm, [prompt], [preface])
        generated = range(text.tokens + text.reasoning_tokens)
        total += generation_flops(lm, [prompt + preface], [generated], views)
    return total
