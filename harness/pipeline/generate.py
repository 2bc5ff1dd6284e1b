"""Generation: the test examples in fixed batches, each on disk as soon as it is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.engine.lm import PersonalLM
from harness.engine.peak_memory import PeakMemory
from harness.engine.token_bound import tokens_at_once
from harness.inputs.provenance import method_sha256
from harness.pipeline.encoded_prompt import EncodedPrompt
from harness.pipeline.generation_costs import COSTS, Costs, step_of, summary_of
from harness.pipeline.generator import Generator, rows_in_model
from harness.pipeline.job import MAIN, Job
from harness.pipeline.kept_texts import fingerprints, valid_predictions
from harness.pipeline.team import bare
from harness.pipeline.together import bound_tokens
from harness.record import (
    PREDICTIONS,
    Inference,
    append_lines,
    checked,
    read_state,
    write_lines,
    write_state,
)
from harness.record.state import NO_TIMES
from harness.types import Prediction


def generate_all(job: Job, lm: PersonalLM, weights: str) -> tuple[list[Prediction], Inference]:
    """A prediction for every test example and sample, in file order, and what generating cost.

    job: the run.
    lm: the trained model, on its devices.
    weights: fingerprint of the model's tensors.

    Predictions on disk that still belong to this run are kept. Failed and outdated ones are
    generated again, in the same batches.
    """
    plan, say = job.plan, job.bars.say
    options = plan.settings.decode
    # 1. what every prediction's fingerprint must be, and which predictions on disk have it
    device = next(lm.parameters()).device.type
    source = method_sha256(type(plan.method), plan.settings.method)
    expected = fingerprints(plan, weights, device, source)
    finished = valid_predictions(plan, expected, say)
    times = plan.folder / COSTS
    costs = (read_state(Costs, times, say, NO_TIMES) if finished else None) or Costs()
    if costs.tokens_at_once is None:
        costs.tokens_at_once = tokens_at_once(options.tokens_at_once, lm, say)
    job.everywhere(bound_tokens, costs.tokens_at_once)
    # 2. the batches, in a fixed order; each round of them is on disk when it is done
    batches = Generator(plan, lm).batches(plan.test_prompts)
    work = [(sample, batch) for sample in range(options.samples) for batch in batches]
    missing = [
        (sample, bare(batch))
        for sample, batch in work
        if any((prompt.example.id, sample) not in finished for prompt in batch)
    ]
    update = job.bars.track("generating", len(expected))
    update(len(finished), len(expected), "")
    with PeakMemory(part.device for part in lm.parameters()) as memory:
        for made in job.rounds(generate_batch, missing, MAIN, lm):
            fresh = [
                checked(replace(text, fingerprint=expected[text.id, text.sample]))
                for text in (text for each in made for text in each.texts)
                if (text.id, text.sample) not in finished
            ]
            append_lines(plan.folder / PREDICTIONS, fresh)
            costs.add_round({each.name: each.costs for each in made if each.is_whole})
            costs.peak_mib = max(costs.peak_mib, memory.peak_mib)
            write_state(times, costs)
            finished.update({(text.id, text.sample): text for text in fresh})
            speed = costs.clock.tokens / costs.seconds if costs.seconds else 0.0
            update(len(finished), len(expected), f"{speed:,.0f} tokens/s")
    # 3. the texts in file order, and the costs of all resumed runs
    in_order = [(each.example.id, sample) for sample, batch in work for each in batch]
    if list(finished) != in_order:  # texts that were generated again keep their place
        write_lines(plan.folder / PREDICTIONS, (finished[key] for key in in_order))
    texts = [finished[key] for key in expected]
    if missing:  # else the peak is of a model that generated nothing
        costs.peak_mib = max(costs.peak_mib, memory.peak_mib)
    if not times.is_file():  # it was damaged after the last text
        write_state(times, costs)
    return texts, summary_of(plan, lm, texts, costs)


@dataclass(frozen=True)
class MadeBatch:
    """The predictions of a batch, without fingerprints, and what they cost. name: the batch's."""

    name: str
    texts: list[Prediction]
    costs: Costs

    @property
    def is_whole(self) -> bool:
        """Whether no text failed."""
        return not any(text.error for text in self.texts)


def generate_batch(
    job: Job, lm: PersonalLM, part: tuple[int, Sequence[EncodedPrompt]]
) -> MadeBatch:
    """The predictions of one sample of a batch; (sample, batch)."""
    sample, batch = part
    costs = Costs()
    generator = Generator(job.plan, lm, costs, rows_in_model(job.plan, batch))
    if MAIN not in job.team.warm:
        generator.warm_up(batch)
        job.team.warm.add(MAIN)
    texts = generator.generate_or_split(batch, sample)
    costs.step = step_of(lm)
    return MadeBatch(f"{sample} {batch[0].example.id}", texts, costs)
