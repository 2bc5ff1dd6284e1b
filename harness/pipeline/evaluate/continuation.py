"""Continuation: the reference is given up to each slice, and the next tokens are generated."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from operator import attrgetter

import torch

from harness.engine.decode import NotANumberError, generate
from harness.engine.fits import most_positions
from harness.engine.lm import PersonalLM
from harness.engine.micro_batches import release_memory
from harness.engine.text import Encoded, decode, encode_response
from harness.engine.token_bound import batches_of
from harness.errors import is_out_of_memory
from harness.metrics.base import Pair
from harness.metrics.forced import WINDOW, forced_scores, window_lengths, window_pair
from harness.metrics.slices import slice_tokens, up_to
from harness.pipeline.encoded_prompt import EncodedPrompt
from harness.pipeline.evaluate.texts import metrics_of, pairs_of, samples_of
from harness.pipeline.generator import example_seed, views_of
from harness.pipeline.job import Job, Trained
from harness.pipeline.plan import Plan
from harness.pipeline.team import bare
from harness.record import Forced, Record
from harness.statistics import Panel
from harness.types import Prediction

SPARE = 1.2
"""Model tokens generated for a window in one round, relative to the reference's."""
Key = tuple[str, int]
"""Id of an example, and where a slice starts."""
ROUNDS = 4
"""Most rounds of generation; a window not full by then is scored as it is."""


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


@dataclass(frozen=True)
class Window:
    """One window to generate.

    encoded: the example's prompt.
    prompt: token ids of prompt and preface.
    given: token ids of the reference before the window.
    span: its place in the reference.
    generated: token ids generated so far.
    """

    encoded: EncodedPrompt
    prompt: tuple[int, ...]
    given: tuple[int, ...]
    span: Span
    generated: tuple[int, ...] = ()

    @property
    def key(self) -> Key:
        return self.encoded.example.id, self.span.start

    @property
    def bare(self) -> Window:
        """The window without the user's profile, to be sent to another process."""
        return replace(self, encoded=bare([self.encoded])[0])

    @property
    def prefix(self) -> tuple[int, ...]:
        return self.given + self.generated

    def __len__(self) -> int:
        return len(self.prompt) + len(self.prefix)


def evaluate_continuation(trained: Trained, record: Record) -> Record:
    """The view: continuations, and each example's values and rows.

    record: with the scores of whole texts; metrics without a value are left out.

    In the first slice nothing is given: its window is the beginning of the run's first sample.
    The windows of a failed example are empty.
    """
    # 1. generate, and cut windows out of the texts and references
    plan = trained.plan
    test, starts = plan.test, plan.settings.eval.slices
    texts, failed = continuation_texts(trained)
    (whole,) = pairs_of(test, samples_of(trained.predictions)[:1])
    windows = [
        [
            window_pair(texts[pair.example.id, start], pair, start, length) if length else None
            for start, length in zip(starts, window_lengths(pair.reference, starts), strict=True)
        ]
        for pair in whole
    ]
    # 2. score the windows by every metric
    panel = Panel.of(test, plan.settings.eval.resamples)
    scores = {
        metric.name: forced_scores(metric, windows, starts, panel)
        for metric in metrics_of(test, plan.settings.eval)
        if record.metrics[metric.name].value is not None
    }
    # 3. the record's entry, and the values of each example
    all_pairs = [pair for row in windows for pair in row if pair]
    short = sum(len(slice_tokens(pair.prediction)) < _length(pair) for pair in all_pairs)
    entries = {name: found.entry for name, found in scores.items()}
    summary = Forced(
        window=WINDOW, windows=len(all_pairs), ended=short, failed=len(failed), metrics=entries
    )
    each, rows = (
        {
            pair.example.id: {
                name: tuple(table[at]) for name, found in scores.items() if (table := of(found))
            }
            for at, pair in enumerate(whole)
        }
        for of in (attrgetter("each"), attrgetter("rows"))
    )
    return replace(record, forced=summary).with_values(forced=each, forced_rows=rows)


def _length(pair: Pair) -> int:
    return pair.part.end - pair.part.start if pair.part else 0


def continuation_texts(trained: Trained) -> tuple[dict[Key, str], set[Key]]:
    """(id, start of the slice) → the given text and its continuation, joined; and those that
    failed, which are empty.

    The first sample of the run's texts is the continuation of nothing.
    """
    plan, first = trained.plan, trained.first
    texts = {(key, 0): text.output for key, text in first.items()}
    failed = {(key, 0) for key, text in first.items() if text.error is not None}
    rules = replace(plan.rules, opened=None)  # the given text shows that no block is open
    # 1. the windows to generate; those of failed examples are empty
    open_windows = []
    for window in _windows(plan, first):
        if first[window.encoded.example.id].error is None:
            open_windows.append(window)
        else:
            failed.add(window.key)
    # 2. rounds of generation, until every window is full or its text has ended
    done, planned = 0, len(open_windows)
    update = trained.job.bars.track("continuation", planned)
    room = most_positions(trained.lm)
    longest = most_tokens(each.span.needed for each in open_windows)
    longest += trained.lm.hidden_per_example
    for number in range(ROUNDS):
        unfilled = []
        batches = _batches(open_windows, plan)
        for batch, new in zip(batches, _generate(trained, batches, number), strict=True):
            most = _most_tokens(batch)
            for window, ids in zip(batch, new, strict=True):
                if ids is None:
                    failed.add(window.key)
                    continue
                longer = replace(window, generated=window.generated + tuple(ids))
                visible = rules.read(longer.generated)
                text = decode(plan.backbones.tokenizer, longer.given + visible.kept)
                texts[window.key] = text
                full = len(slice_tokens(text)) > window.span.start + window.span.length
                fits = room is None or len(longer) + longest <= room
                if len(ids) == most and not (full or visible.stopped) and fits:
                    unfilled.append(longer)
            done += len(batch) if not number else 0
            update(done, planned, f"{len(unfilled)} to continue")
        open_windows = unfilled
    return texts | dict.fromkeys(failed, ""), failed


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
            found.append(Window(encoded, prompt, coded.ids[: each.given], each))
    return found


def _tokens(coded: Encoded, reference: str, word: int) -> int:
    """Number of model tokens before slice token `word`.

    A token that ends in the white space before `word` belongs to `word`, as in likelihood.
    """
    return bisect_right(coded.ends, len(up_to(reference, word)))


def _batches(windows: Sequence[Window], plan: Plan) -> list[list[Window]]:
    """Batches by length, longest first; the same for every run of these prompts."""
    ordered = sorted(windows, key=lambda each: (-len(each), each.encoded.example.id))
    most, size = _most_tokens(windows), plan.settings.decode.batch_size
    return batches_of(ordered, lambda each: len(each) + most, size, plan.tokens_at_once)


@dataclass(frozen=True)
class Asked:
    """A batch of windows to generate. most: tokens of each. number: of the round, for the seeds."""

    windows: Sequence[Window]
    most: int
    number: int


def _most_tokens(batch: Sequence[Window]) -> int:
    return most_tokens(each.span.needed for each in batch)


def _generate(
    trained: Trained, batches: Sequence[Sequence[Window]], number: int
) -> Iterator[Sequence[list[int] | None]]:
    """New tokens of each window of each batch; None where its logits are not numbers.

    trained: the run and its model.
    batches: of windows.
    number: of the round, for the seeds.
    """
    asked = [Asked([each.bare for each in batch], _most_tokens(batch), number) for batch in batches]
    items = [
        [
            "continuation",
            number,
            each.most,
            [(one.key, one.prompt, one.prefix, one.encoded.views) for one in each.windows],
        ]
        for each in asked
    ]
    return trained.kept.batches(
        items, lambda missing: trained.divided(new_tokens, [asked[at] for at in missing])
    )


@torch.inference_mode()
def new_tokens(job: Job, lm: PersonalLM, asked: Asked) -> list[list[int] | None]:
    """As `_generate`, of one batch; one that memory does not hold is generated in halves."""
    plan, batch = job.plan, asked.windows
    try:
        return generate(  # type: ignore[return-value]  # no window without tokens
            lm,
            [window.prompt for window in batch],
            prefixes=[window.prefix for window in batch],
            max_new_tokens=asked.most,
            **plan.settings.decode.drawing,
            **plan.rules.stopping,
            seeds=[
                example_seed(plan.settings.seed, f"{name} from {start}", asked.number)
                for name, start in (window.key for window in batch)
            ],
            views=views_of([window.encoded for window in batch]),
        )
    except NotANumberError as error:
        return [None if row in error.tokens_before else ids for row, ids in enumerate(error.texts)]
    except (RuntimeError, MemoryError) as error:
        if len(batch) == 1 or not is_out_of_memory(error):
            raise
    release_memory()
    middle = len(batch) // 2
    halves = (replace(asked, windows=part) for part in (batch[:middle], batch[middle:]))
    return [ids for half in halves for ids in new_tokens(job, lm, half)]
