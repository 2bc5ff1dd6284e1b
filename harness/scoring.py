"""Predictions against references: metrics with intervals, slices, preference following."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from harness.following import mini_following
from harness.metrics import score
from harness.metrics.slices import cut, slice_names
from harness.metrics.summary import with_interval
from harness.record import ExampleValues, Following, SliceEstimate, ends_of
from harness.settings import DataSettings, EvalSettings
from harness.statistics import Array, Panel, Statistic, interval
from harness.types import Prediction, Score, SplitData


@dataclass(frozen=True)
class Scores:
    """What the record keeps: corpus values with intervals, per example values, slices."""

    metrics: Mapping[str, Score]
    examples: Mapping[str, Mapping[str, float | None]]
    slices: Mapping[str, tuple[SliceEstimate, ...]]
    following: Following | None = None


def samples_of(predictions: Sequence[Prediction]) -> list[dict[str, str]]:
    """Texts by example id, one mapping a sample."""
    samples: dict[int, dict[str, str]] = defaultdict(dict)
    for text in predictions:
        samples[text.sample][text.id] = text.output
    return list(samples.values())


def score_texts(
    test: SplitData,
    samples: Sequence[Mapping[str, str]],
    settings: EvalSettings,
    data: DataSettings,
) -> Scores:
    """Texts by example id, one mapping a sample, against the references of `test`.

    Every example of `test` is scored, a missing text as empty. On the built-in benchmark
    preference following is measured too.
    """
    ids = [example.id for example in test.examples]
    panel = Panel.of(test, settings.resamples)
    references = [test.references[key].text for key in ids]
    texts = [[sample.get(key, "") for key in ids] for sample in samples]
    metrics = {
        name: averaged(name, texts, references, panel, settings) for name in settings.metrics
    }
    examples: dict[str, dict[str, float | None]] = {
        key: {name: score.each[at] for name, score in metrics.items() if score.each}
        for at, key in enumerate(ids)
    }
    slices = {
        name: free_slices(name, texts, references, panel, settings)
        for name in settings.metrics
        if metrics[name].value is not None
    }
    following = None
    if data.source == "mini":
        following, each = mini_following(test, data, texts, settings)
        for key, value in zip(ids, each, strict=True):
            examples[key]["following"] = value
    return Scores(metrics, examples, slices, following)


def pairing(
    test: SplitData,
    samples: Sequence[Mapping[str, str]],
    bleu_tokenizer: str = EvalSettings().bleu_tokenizer,
) -> dict[str, ExampleValues]:
    """id → what comparing two records takes beyond scores: `user` and `bleu_statistics`."""
    from harness.metrics.bleu import bleu_statistics

    references = [test.references[example.id].text for example in test.examples]
    rows = np.concatenate(
        [
            bleu_statistics(texts, references, bleu_tokenizer)
            for texts in ([sample.get(one.id, "") for one in test.examples] for sample in samples)
        ],
        axis=1,
    )
    return {
        example.id: ExampleValues(
            user=hashlib.sha256(example.user_id.encode()).hexdigest()[:12],
            bleu_statistics=tuple(counts.astype(int).tolist()),
        )
        for example, counts in zip(test.examples, rows, strict=True)
    }


def averaged(
    name: str,
    samples: Sequence[Sequence[str]],
    references: Sequence[str],
    panel: Panel,
    settings: EvalSettings,
) -> Score:
    """A metric's mean over samples with its interval over users.

    settings: tokenizers and resamples. samples: one list of texts a sample, in the order of
    `references`. Without a value where a
    sample has none.
    """
    tokenizer = settings.bleu_tokenizer
    place = (samples[0], references, panel, tokenizer)
    scores = [score(name, texts, references, settings) for texts in samples]
    first = next((one for one in scores if one.value is None), scores[0])
    if len(scores) == 1 or first.value is None:
        return with_interval(name, first, *place)
    each = tuple(
        fmean(values) if None not in values else None
        for values in zip(*(one.each for one in scores), strict=True)
    )
    signature = f"{first.signature}|samples:{len(scores)}"
    value = fmean(one.value for one in scores if one.value is not None)
    together = replace(first, value=value, each=each, signature=signature)
    if name != "bleu":
        return with_interval(name, together, *place)
    from harness.metrics.bleu import bleu_of, bleu_statistics

    def mean_bleu(sums: Array) -> Array:
        parts = np.split(sums, len(scores), axis=-1)
        return np.asarray(np.mean([bleu_of(part) for part in parts], axis=0), dtype=np.float64)

    rows = np.concatenate(
        [bleu_statistics(texts, references, tokenizer) for texts in samples], axis=1
    )
    found = interval(Statistic(mean_bleu), rows, panel)
    return replace(together, low=found.low, high=found.high)


def free_slices(
    name: str,
    samples: Sequence[Sequence[str]],
    references: Sequence[str],
    panel: Panel,
    settings: EvalSettings,
) -> tuple[SliceEstimate, ...]:
    """The metric of every slice of the text against the same slice of the reference.

    Over the slice's members: examples whose reference has a token there. A text that has ended
    before is empty there and scored so. Descriptive: it depends on alignment.
    samples: one list of texts a sample, in the order of `references`.
    """
    starts = settings.slices
    expected = [cut(reference, starts) for reference in references]
    written = [[cut(text, starts) for text in texts] for texts in samples]
    rows = []
    for at, (slice_name, begin) in enumerate(zip(slice_names(starts), starts, strict=True)):
        inside = [row for row, slices in enumerate(expected) if slices[at]]
        found = Score(None, (), "")
        if inside:
            found = averaged(
                name,
                [[texts[row][at] for row in inside] for texts in written],
                [expected[row][at] for row in inside],
                panel.only(inside),
                settings,
            )
        rows.append(
            SliceEstimate(slice=slice_name, start=begin, examples=len(inside), **ends_of(found))
        )
    return tuple(rows)
