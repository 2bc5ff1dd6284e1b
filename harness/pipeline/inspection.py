"""A finished run's thoughts over its texts: nearest tokens, profile entries, and what they move."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional as F

from harness.data.load import habit_places, refuse_other_data
from harness.engine.backbone import weights_fingerprint
from harness.engine.batch import PAD_ID, Batch
from harness.engine.lm import PersonalLM
from harness.engine.text import encode_response, prompt_spans
from harness.engine.thoughts import Thoughts
from harness.engine.token_bound import tokens_bounded
from harness.engine.train import precision
from harness.engine.weight_files import WEIGHTS
from harness.errors import DataError, UsageError
from harness.method import Factory
from harness.pipeline.encoded_prompt import EncodedPrompt
from harness.pipeline.inspection_means import mean_of_all, with_means
from harness.pipeline.job import Job
from harness.pipeline.kept_training import model_files
from harness.pipeline.plan import Plan
from harness.progress import Bars
from harness.record import Record, read_record, recorded_texts
from harness.record.inspected import (
    InspectedExample,
    InspectedThought,
    InspectedToken,
    Inspection,
    Of,
)
from harness.settings import RunSettings, validate
from harness.types import Example

DIGITS = 6
NO_ENTRIES = "the entries of the profile could not be found in the prompt, so there are no cosines"
NO_TEXT = "no text to inspect: {}"


@dataclass(frozen=True)
class Choice:
    """What to inspect.

    examples: ids; by default the first `limit` of the run.
    limit: number of examples.
    of: the written text (the first sample), or the reference.
    """

    examples: Sequence[str] = ()
    limit: int = 1
    of: Of = "text"


def inspect(folder: Path, choice: Choice, factory: Factory, bars: Bars) -> Inspection:
    """Load a run's trained model and look at its thoughts.

    Writes nothing, except what the method keeps in the run's folder.

    folder: of the run, with its weights.
    choice: the texts.
    factory: makes the run's method.
    bars: where progress and messages go.

    Raises UsageError for a method without thoughts, an unknown example or missing weights,
    DataError where data or weights are not the run's.
    """
    record = read_record(folder)
    settings = validate(RunSettings, record.settings, str(folder))
    if settings.model.api:
        raise UsageError(
            f"{folder}: its model is behind an API, which gives texts alone; expected a run with a"
            " model of its own, e.g. of flythinker"
        )
    job = Job(Plan(settings, record.method, folder.parent.parent.parent, factory), bars)
    job.plan.method.workspace = folder  # with what its prompts and its users' adapters need
    refuse_other_data(folder, record, job.plan.test, "run the record's command again")
    with tokens_bounded(settings.decode.tokens_at_once):
        lm = _loaded(job, record, folder)
        texts, notes = _texts(job.plan, record, folder, choice)
    update = bars.track("inspecting", len(texts))
    found = []
    for done, (encoded, text, preface) in enumerate(texts, 1):
        with torch.no_grad(), precision(job.hardware.devices[0], job.hardware.dtype):
            found.append(_inspected(job.plan, lm, encoded, text, preface))
        update(done, len(texts), encoded.example.id)
    if any(encoded.example.profile for encoded, *_ in texts) and not any(
        each.entries for each in found
    ):
        notes.append(NO_ENTRIES)
    return with_means(
        Inspection(
            run=record.run_id,
            method=record.method,
            task=record.task,
            of=choice.of,
            examples=tuple(found),
            whole=mean_of_all(found),
            positions=(),
            kinds=(),
            before=(),
            notes=tuple(notes),
        )
    )


def _loaded(job: Job, record: Record, folder: Path) -> PersonalLM:
    """The run's model with its trained weights, on its devices."""
    lm, _ = job.build()
    if type(lm).thoughts is PersonalLM.thoughts:
        raise UsageError(
            f"{folder}: method {record.method!r} has no thoughts to look at\n"
            f"  found     {type(lm).__name__}, whose thoughts(batch) is None\n"
            "  expected  a run of flythinker or coconut, or of a plugin whose model defines"
            " thoughts(batch) (docs/plugins.md)"
        )
    weights = folder / WEIGHTS
    if job.plan.method.trains and not weights.is_file():
        if record.status == "running":
            raise UsageError(
                f"{folder}: the run is not finished, so it has no trained weights yet\n"
                f"  mend      go on with it: {record.command or 'harness run'}"
            )
        raise UsageError(
            f"{folder}: the run's trained weights are needed\n"
            f"  found     no {WEIGHTS}; published runs and runs with"
            " train.keep_weights=false leave it out\n"
            f"  expected  {weights}\n"
            f"  mend      train it here, into another folder: {_elsewhere(record.command)}"
        )
    if not job.load_trained(lm, record, folder):
        raise DataError(
            f"{folder}: other weights than the record's\n"
            f"  found     sha256 {weights_fingerprint(lm)[:12]}\n"
            f"  expected  {str(record.backbone.weights)[:12]}, as recorded\n"
            f"  mend      restore {model_files(job.plan.method)}, or run the record's command with"
            " --fresh"
        )
    return lm.eval()


def _elsewhere(command: str | None) -> str:
    """A run's command with another folder for its results."""
    found = re.sub(r" --out(?:=|\s+)(?:'[^']*'|\"[^\"]*\"|[^\s'\"])+", "", command or "harness run")
    return f"{found} --out elsewhere"


Chosen = tuple[EncodedPrompt, str, tuple[int, ...]]


def _texts(
    plan: Plan, record: Record, folder: Path, choice: Choice
) -> tuple[list[Chosen], list[str]]:
    """Prompt, text and hidden preface of each chosen example; what is left out, and why."""
    known = {example.id: example for example in plan.test.examples}
    written = {text.id: text for text in recorded_texts(folder, record) if text.sample == 0}
    for key in choice.examples:
        if key not in known:
            raise UsageError(
                f"--example {key!r} is not in this run's test split; e.g. "
                + ", ".join(list(known)[:3])
            )
    found, notes = list[Chosen](), list[str]()
    for key in dict.fromkeys(choice.examples) or list(known)[: choice.limit]:
        text, preface = written.get(key), tuple[int, ...]()
        shown = text.output if text else ""
        if text is not None:
            preface = text.preface_ids
        if choice.of == "reference":
            shown = plan.test.references[key].text
        if shown:
            found.append((plan.encode([known[key]])[0], shown, preface))
        else:
            notes.append(NO_TEXT.format(key))
    if not found:
        raise UsageError(
            f"{folder}: {'; '.join(notes)}\n"
            "  expected  an example with a text; --of reference looks at the references"
        )
    return found, notes


def _inspected(
    plan: Plan, lm: PersonalLM, encoded: EncodedPrompt, text: str, preface: tuple[int, ...]
) -> InspectedExample:
    """One text.

    plan: of the run.
    lm: its trained model.
    encoded: the example's prompt.
    text: which the thoughts are about.
    preface: hidden tokens before it.
    """
    tokenizer, example = plan.backbones.tokenizer, encoded.example
    coded = encode_response(tokenizer, text)
    batch = Batch.from_rows(
        [encoded.prompt + preface],
        [coded.ids],
        PAD_ID,
        views={name: [ids] for name, ids in encoded.views.items()},
    )
    thoughts = lm.thoughts(batch)
    if thoughts is None:
        raise UsageError(
            f"method {plan.method.name!r}: thoughts(batch) returned None; expected Thoughts"
        )
    entries = _entries(plan, encoded)
    starts = (0, *coded.ends[:-1])
    places = habit_places(plan.settings.data, plan.test)
    shown = places(example.id, text) if places else ()
    kl = thoughts.text_kl[0].tolist()
    tokens = tuple(
        InspectedToken(
            text[start:end],
            round(kl[index], DIGITS),
            tuple(
                dict.fromkeys(kind for kind, first, last in shown if first < end and start < last)
            ),
        )
        for index, (start, end) in enumerate(zip(starts, coded.ends, strict=True))
    )
    return InspectedExample(
        example.id,
        example.user_id,
        tuple(entries),
        tokens,
        _thoughts(plan, thoughts, list(entries.values())),
    )


def _thoughts(
    plan: Plan, thoughts: Thoughts, entries: Sequence[Sequence[int]]
) -> tuple[InspectedThought, ...]:
    """The thoughts of one row, with cosines to the mean state of each entry's tokens."""
    tokenizer = plan.backbones.tokenizer
    states = thoughts.states[0].float()
    vectors = thoughts.vectors[0].float()
    means = [states[list(columns)].mean(0) for columns in entries]
    cosines = (
        F.cosine_similarity(vectors[:, None], torch.stack(means)[None], dim=-1).tolist()
        if means
        else [[] for _ in vectors]
    )
    return tuple(
        InspectedThought(
            position,
            round(kl, DIGITS),
            tuple(tokenizer.decode([one], clean_up_tokenization_spaces=False) for one in nearest),
            tuple(round(one, DIGITS) for one in row),
        )
        for position, kl, nearest, row in zip(
            thoughts.position[0].tolist(),
            thoughts.kl[0].tolist(),
            thoughts.nearest[0].tolist(),
            cosines,
            strict=True,
        )
        if position >= 0
    )


def _entries(plan: Plan, encoded: EncodedPrompt) -> dict[str, list[int]]:
    """Each profile entry of the prompt → the columns of its tokens; {} if they are not found."""
    example, text = encoded.example, encoded.text
    spans = prompt_spans(plan.backbones.tokenizer, text) if example.profile else []
    found, place = dict[str, list[int]](), 0
    for phrase in _phrases(plan, example) if spans else ():
        start = text.find(phrase, place)
        if start < 0:
            continue
        place = start + len(phrase)
        inside = [
            column for column, (first, last) in enumerate(spans) if start <= first < last <= place
        ]
        if inside:
            found[phrase] = inside
    return found


def _phrases(plan: Plan, example: Example) -> Sequence[str]:
    return tuple(plan.method.writer.shown(example).values())
