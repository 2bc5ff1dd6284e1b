"""The forced view of a run: the reference is given up to each slice, the next tokens written."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil

import torch

from harness.engine.decode import NotANumberError, generate
from harness.engine.fits import most_positions
from harness.engine.lm import PersonalLM
from harness.engine.text import Encoded, decode, encode_response
from harness.metrics.base import Pair
from harness.metrics.forced import WINDOW, forced_scores, window_lengths, window_pair
from harness.metrics.slices import slice_tokens, up_to
from harness.progress import Bars
from harness.record import Forced, ForcedMetric, HasInterval
from harness.run.evaluate.texts import metrics_of, pairs_of, samples_of
from harness.run.generate import example_seed, views_of
from harness.run.plan import Plan, Reading
from harness.statistics import Panel
from harness.types import Prediction

SPARE = 1.2
"""Model tokens allowed for a window, in those of the reference's own; then as many again."""
ROUNDS = 4
"""So often; what has not filled its window by then is taken as it is."""


@dataclass(frozen=True)
class Window:
    """One window to be written: after which tokens, where it begins, how long it is.

    prompt: the method's prompt and preface; given: model tokens of the reference before it;
    needed: model tokens of the reference's own window; written: what has been written so far.
    """

    reading: Reading
    prompt: tuple[int, ...]
    given: tuple[int, ...]
    start: int
    length: int
    needed: int
    written: tuple[int, ...] = ()

    @property
    def prefix(self) -> tuple[int, ...]:
        return self.given + self.written

    def __len__(self) -> int:
        return len(self.prompt) + len(self.prefix)


Continued = Mapping[str, tuple[float | None, ...]]
"""Metric → one value a slice."""


def measure_forced(
    plan: Plan,
    lm: PersonalLM,
    predictions: Sequence[Prediction],
    metrics: Mapping[str, HasInterval],
    bars: Bars,
) -> tuple[Forced, dict[str, Continued]]:
    """Write the windows, score them by the run's metrics; `metrics`: its scores of the whole texts.

    Returns what the record says of them, and each example's values.

    The first window is the beginning of the run's own first sample, for nothing is given there.
    Where an example failed, its windows are empty.
    """
    test, starts = plan.test, plan.settings.eval.slices
    texts, first = forced_texts(plan, lm, predictions, bars), samples_of(predictions)[:1]
    (whole,) = pairs_of(test, first)
    windows = [
        [
            window_pair(texts[pair.example.id, start], pair, start, length) if length else None
            for start, length in zip(starts, window_lengths(pair.reference, starts), strict=True)
        ]
        for pair in whole
    ]
    found: dict[str, ForcedMetric] = {}
    examples: dict[str, dict[str, tuple[float | None, ...]]] = {
        pair.example.id: {} for pair in whole
    }
    for metric in metrics_of(test, plan.settings.eval):
        if metrics[metric.name].value is not None:
            panel = Panel.of(test, plan.settings.eval.resamples)
            found[metric.name], each = forced_scores(metric, windows, starts, panel)
            for pair, values in zip(whole, each, strict=True):
                examples[pair.example.id][metric.name] = tuple(values)
    made = [pair for row in windows for pair in row if pair]
    short = sum(len(slice_tokens(pair.prediction)) < _length(pair) for pair in made)
    summary = Forced(window=WINDOW, windows=len(made), ended=short, metrics=found)
    return summary, {**examples}


def _length(pair: Pair) -> int:
    return pair.part.end - pair.part.start if pair.part else 0


@torch.inference_mode()
def forced_texts(
    plan: Plan, lm: PersonalLM, predictions: Sequence[Prediction], bars: Bars
) -> dict[tuple[str, int], str]:
    """(id, start) → what was given and what was written after it, in one text."""
    first = {text.id: text for text in predictions if text.sample == 0}
    found = {(key, 0): text.output for key, text in first.items()}
    tokenizer, update, done = plan.backbones.tokenizer, bars.track("forced"), 0
    rules = replace(plan.rules, opened=None)  # the text given shows that no block is open
    waiting = []
    for window in _windows(plan, first):
        if first[window.reading.example.id].error is None:
            waiting.append(window)
        else:
            found[window.reading.example.id, window.start] = ""
    planned, room = len(waiting), most_positions(lm)
    longest = most_written(window.needed for window in waiting) + lm.hidden_per_example
    for number in range(ROUNDS):
        unfilled = []
        for batch in _batches(waiting, plan.settings.decode.batch_size):
            most = most_written(window.needed for window in batch)
            for window, ids in zip(batch, _write(plan, lm, batch, most, number), strict=True):
                place = window.reading.example.id, window.start
                if ids is None:
                    found[place] = ""
                    continue
                after = replace(window, written=window.written + tuple(ids))
                seen = rules.read(after.written)
                text = found[place] = decode(tokenizer, after.given + seen.kept)
                filled = len(slice_tokens(text)) > window.start + window.length
                fits = room is None or len(after) + longest <= room
                if len(ids) == most and not (filled or seen.stopped) and fits:
                    unfilled.append(after)
            done += len(batch) if not number else 0
            update(done, planned, f"{len(unfilled)} go on")
        waiting = unfilled
    return found


@dataclass(frozen=True)
class Span:
    """A window's place in its reference: start and length in slice tokens; model tokens `given`
    before it, and `needed` for the reference's own text there."""

    start: int
    length: int
    given: int
    needed: int


def spans(coded: Encoded, reference: str, starts: Sequence[int]) -> list[Span]:
    """The windows to be written after a reference's beginning, the first one left out."""
    found = []
    for start, length in zip(starts, window_lengths(reference, starts), strict=True):
        if start and length:
            given, end = (_tokens(coded, reference, at) for at in (start, start + length))
            found.append(Span(start, length, given, end - given))
    return found


def most_written(needed: Iterable[int]) -> int:
    """Model tokens allowed in one round for windows that need so many."""
    return ceil(SPARE * max(needed, default=0)) + 4


def _windows(plan: Plan, first: Mapping[str, Prediction]) -> list[Window]:
    """The windows to be written of every example, but for the first: the free text has it."""
    found = []
    for reading in plan.test_readings:
        reference = plan.test.references[reading.example.id].text
        coded = encode_response(plan.backbones.tokenizer, reference)
        prompt = reading.prompt + first[reading.example.id].preface_ids
        for each in spans(coded, reference, plan.settings.eval.slices):
            given = coded.ids[: each.given]
            found.append(Window(reading, prompt, given, each.start, each.length, each.needed))
    return found


def _tokens(coded: Encoded, reference: str, word: int) -> int:
    """Model tokens that lie wholly before slice token `word`: those that end by the one before.

    One that ends in the white space between belongs to what follows, as in likelihood.
    """
    return bisect_right(coded.ends, len(up_to(reference, word)))


def _batches(windows: Sequence[Window], size: int) -> list[list[Window]]:
    """Windows of like length together, longest first; the same for every run of these prompts."""
    ordered = sorted(windows, key=lambda each: (-len(each), each.reading.example.id))
    return [ordered[at : at + size] for at in range(0, len(ordered), size)]


def _write(
    plan: Plan, lm: PersonalLM, batch: Sequence[Window], most: int, number: int
) -> Sequence[list[int] | None]:
    """New tokens of each window; None where its logits are no numbers."""
    options, seed = plan.settings.decode, plan.settings.seed
    try:
        return generate(
            lm,
            [window.prompt for window in batch],
            prefixes=[window.prefix for window in batch],
            max_new_tokens=most,
            **options.drawing,
            **plan.rules.stopping,
            seeds=[
                example_seed(seed, f"{window.reading.example.id} from {window.start}", number)
                for window in batch
            ],
            views=views_of([window.reading for window in batch]),
        )
    except NotANumberError as error:
        return [None if row in error.tokens_before else ids for row, ids in enumerate(error.texts)]
