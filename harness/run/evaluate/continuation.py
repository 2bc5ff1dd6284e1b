"""Continuation: the reference is given up to each slice, and the next tokens are generated."""

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
from harness.run.plan import EncodedPrompt, Plan
from harness.statistics import Panel
from harness.types import Prediction

SPARE = 1.2
"""Model tokens generated for a window in one round, relative to the reference's."""
ROUNDS = 4
"""Most rounds of generation; a window not full by then is scored as it is."""


@dataclass(frozen=True)
class Window:
    """One window to generate.

    encoded: the example's prompt.
    prompt: token ids of prompt and preface.
    given: token ids of the reference before the window.
    start, length: the window in slice tokens.
    needed: model tokens of the reference in the window.
    generated: token ids generated so far.
    """

    encoded: EncodedPrompt
    prompt: tuple[int, ...]
    given: tuple[int, ...]
    start: int
    length: int
    needed: int
    generated: tuple[int, ...] = ()

    @property
    def key(self) -> tuple[str, int]:
        return self.encoded.example.id, self.start

    @property
    def prefix(self) -> tuple[int, ...]:
        return self.given + self.generated

    def __len__(self) -> int:
        return len(self.prompt) + len(self.prefix)


Continued = Mapping[str, tuple[float | None, ...]]
"""Metric → one value a slice."""
WindowRows = Mapping[str, tuple[tuple[float, ...] | None, ...]]
"""Metric that is not a mean over examples → its row in each slice."""


def evaluate_continuation(
    plan: Plan,
    lm: PersonalLM,
    predictions: Sequence[Prediction],
    metrics: Mapping[str, HasInterval],
    bars: Bars,
) -> tuple[Forced, dict[str, Continued], dict[str, WindowRows]]:
    """The record's entry on continuations, and each example's values and rows.

    plan: the run.
    lm: the trained model.
    predictions: the run's texts.
    metrics: the run's scores of whole texts; metrics without a value are left out.
    bars: progress.

    In the first slice nothing is given: its window is the beginning of the run's first sample.
    The windows of a failed example are empty.
    """
    # 1. generate, and cut windows out of the texts and references
    test, starts = plan.test, plan.settings.eval.slices
    texts, first = continuation_texts(plan, lm, predictions, bars), samples_of(predictions)[:1]
    (whole,) = pairs_of(test, first)
    windows = [
        [
            window_pair(texts[pair.example.id, start], pair, start, length) if length else None
            for start, length in zip(starts, window_lengths(pair.reference, starts), strict=True)
        ]
        for pair in whole
    ]
    # 2. score the windows by every metric
    scores: dict[str, ForcedMetric] = {}
    examples: dict[str, dict[str, tuple[float | None, ...]]] = {
        pair.example.id: {} for pair in whole
    }
    rows: dict[str, dict[str, tuple[tuple[float, ...] | None, ...]]] = {
        pair.example.id: {} for pair in whole
    }
    for metric in metrics_of(test, plan.settings.eval):
        if metrics[metric.name].value is not None:
            panel = Panel.of(test, plan.settings.eval.resamples)
            found = forced_scores(metric, windows, starts, panel)
            scores[metric.name] = found.entry
            for pair, values in zip(whole, found.each, strict=True):
                examples[pair.example.id][metric.name] = tuple(values)
            for pair, kept in zip(whole, found.rows, strict=bool(found.rows)):
                rows[pair.example.id][metric.name] = tuple(kept)
    all_pairs = [pair for row in windows for pair in row if pair]
    short = sum(len(slice_tokens(pair.prediction)) < _length(pair) for pair in all_pairs)
    summary = Forced(window=WINDOW, windows=len(all_pairs), ended=short, metrics=scores)
    return summary, {**examples}, {**rows}


def _length(pair: Pair) -> int:
    return pair.part.end - pair.part.start if pair.part else 0


@torch.inference_mode()
def continuation_texts(
    plan: Plan, lm: PersonalLM, predictions: Sequence[Prediction], bars: Bars
) -> dict[tuple[str, int], str]:
    """(id, start of the slice) → the given text and its continuation, joined.

    plan: the run.
    lm: the trained model.
    predictions: the run's texts; the first sample is the continuation of nothing.
    bars: progress.
    """
    first = {text.id: text for text in predictions if text.sample == 0}
    texts = {(key, 0): text.output for key, text in first.items()}
    rules = replace(plan.rules, opened=None)  # the given text shows that no block is open
    # 1. the windows to generate; those of failed examples are empty
    open_windows = []
    for window in _windows(plan, first):
        if first[window.encoded.example.id].error is None:
            open_windows.append(window)
        else:
            texts[window.key] = ""
    # 2. rounds of generation, until every window is full or its text has ended
    update, done, planned = bars.track("continuation"), 0, len(open_windows)
    room = most_positions(lm)
    longest = most_tokens(window.needed for window in open_windows) + lm.hidden_per_example
    for number in range(ROUNDS):
        unfilled = []
        for batch in _batches(open_windows, plan.settings.decode.batch_size):
            most = most_tokens(window.needed for window in batch)
            for window, ids in zip(batch, _generate(plan, lm, batch, most, number), strict=True):
                if ids is None:
                    texts[window.key] = ""
                    continue
                longer = replace(window, generated=window.generated + tuple(ids))
                visible = rules.read(longer.generated)
                text = decode(plan.backbones.tokenizer, longer.given + visible.kept)
                texts[window.key] = text
                full = len(slice_tokens(text)) > window.start + window.length
                fits = room is None or len(longer) + longest <= room
                if len(ids) == most and not (full or visible.stopped) and fits:
                    unfilled.append(longer)
            done += len(batch) if not number else 0
            update(done, planned, f"{len(unfilled)} to continue")
        open_windows = unfilled
    return texts


@dataclass(frozen=True)
class Span:
    """A window's place in its reference.

    start, length: in slice tokens.
    given: model tokens before it.
    needed: model tokens of the reference in it.
    """

    start: int
    length: int
    given: int
    needed: int


def spans(coded: Encoded, reference: str, starts: Sequence[int]) -> list[Span]:
    """The windows of a reference but for the first, where nothing is given."""
    found = []
    for start, length in zip(starts, window_lengths(reference, starts), strict=True):
        if start and length:
            given, end = (_tokens(coded, reference, at) for at in (start, start + length))
            found.append(Span(start, length, given, end - given))
    return found


def most_tokens(needed: Iterable[int]) -> int:
    """Model tokens to generate in one round for windows that need so many."""
    return ceil(SPARE * max(needed, default=0)) + 4


def _windows(plan: Plan, first: Mapping[str, Prediction]) -> list[Window]:
    """The windows of all examples but for the first slice, which the run's own text covers."""
    found = []
    for encoded in plan.test_prompts:
        reference = plan.test.references[encoded.example.id].text
        coded = encode_response(plan.backbones.tokenizer, reference)
        prompt = encoded.prompt + first[encoded.example.id].preface_ids
        for each in spans(coded, reference, plan.settings.eval.slices):
            given = coded.ids[: each.given]
            found.append(Window(encoded, prompt, given, each.start, each.length, each.needed))
    return found


def _tokens(coded: Encoded, reference: str, word: int) -> int:
    """Number of model tokens before slice token `word`.

    A token that ends in the white space before `word` belongs to `word`, as in likelihood.
    """
    return bisect_right(coded.ends, len(up_to(reference, word)))


def _batches(windows: Sequence[Window], size: int) -> list[list[Window]]:
    """Batches by length, longest first; the same for every run of these prompts."""
    ordered = sorted(windows, key=lambda each: (-len(each), each.encoded.example.id))
    return [ordered[at : at + size] for at in range(0, len(ordered), size)]


def _generate(
    plan: Plan, lm: PersonalLM, batch: Sequence[Window], most: int, number: int
) -> Sequence[list[int] | None]:
    """New tokens of each window; None where its logits are not numbers.

    plan, lm: the run and its model.
    batch: the windows.
    most: tokens to generate.
    number: of the round, for the seeds.
    """
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
                example_seed(seed, f"{window.encoded.example.id} from {window.start}", number)
                for window in batch
            ],
            views=views_of([window.encoded for window in batch]),
        )
    except NotANumberError as error:
        return [None if row in error.tokens_before else ids for row, ids in enumerate(error.texts)]
