"""Scores of the texts: every metric with its interval, its slices and its breakdown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.metrics import metric
from harness.metrics.base import Metric, Pair, Part
from harness.metrics.scoring import Scored, broken, plain, scored
from harness.metrics.shared_rows import RowsOf, SharedRows, own_rows
from harness.metrics.slices import cut, slice_names, slice_tokens
from harness.metrics.text_quality import TEXT_QUALITY
from harness.record import (
    Breakdown,
    ExampleValues,
    MetricScore,
    QualityScore,
    SliceEstimate,
    ends_of,
)
from harness.record.examples import user_digest
from harness.settings import EvalSettings
from harness.statistics import Array, Panel
from harness.types import Prediction, Score, SplitData


@dataclass(frozen=True)
class Slice:
    """A slice of the texts.

    name: its tokens, such as "0-100".
    start: its first slice token.
    inside: places of the examples whose reference has a token there.
    samples: the pairs of these examples, for each sample.
    """

    name: str
    start: int
    inside: Sequence[int]
    samples: Sequence[Sequence[Pair]]


@dataclass(frozen=True)
class Scores:
    """The record's entries: metrics, text quality, slices, breakdowns, each example's values."""

    metrics: Mapping[str, MetricScore]
    quality: Mapping[str, QualityScore]
    slices: Mapping[str, tuple[SliceEstimate, ...]]
    breakdowns: Mapping[str, Breakdown]
    examples: Mapping[str, ExampleValues]


def samples_of(predictions: Sequence[Prediction]) -> list[dict[str, str]]:
    """For each sample, texts by example id."""
    samples: dict[int, dict[str, str]] = defaultdict(dict)
    for text in predictions:
        samples[text.sample][text.id] = text.output
    return list(samples.values())


def metrics_of(test: SplitData, settings: EvalSettings) -> list[Metric]:
    """The metrics that the data source adds, then those of the settings."""
    own = {**test.metrics, **{name: {} for name in settings.metrics if name not in test.metrics}}
    return [_with_model(metric(name, settings, options)) for name, options in own.items()]


def _with_model(found: Metric) -> Metric:
    """The metric with the model that it needs; a need imports torch, the others do not."""
    if found.needs is not None:
        from harness.pipeline.evaluate.metric_models import hand_over

        hand_over(found)
    return found


def pairs_of(test: SplitData, samples: Sequence[Mapping[str, str]]) -> list[list[Pair]]:
    """Pairs of text and reference, a list for each sample; a missing text is empty."""
    return [
        [
            Pair(sample.get(example.id, ""), test.references[example.id].text, example)
            for example in test.examples
        ]
        for sample in samples
    ]


def score_metrics(
    test: SplitData, samples: Sequence[Mapping[str, str]], settings: EvalSettings
) -> dict[str, Scored]:
    """Metric → its score of the whole texts, with rows; see `metrics_of`."""
    panel, pairs = Panel.of(test, settings.resamples), pairs_of(test, samples)
    metrics = metrics_of(test, settings)
    rows = SharedRows((each, own) for each in metrics for own in pairs)
    return {each.name: scored(each, pairs, panel, rows) for each in metrics}


def score_texts(
    test: SplitData, samples: Sequence[Mapping[str, str]], settings: EvalSettings
) -> Scores:
    """Score texts against the references of `test`.

    samples: for each sample, texts by example id. Every example is scored, a missing text as empty.
    """
    panel, pairs = Panel.of(test, settings.resamples), pairs_of(test, samples)
    metrics, slices = metrics_of(test, settings), slices_of(pairs, settings.slices)
    quality = Quality.of(pairs)
    # 1. rows of everything that is scored below
    rows = SharedRows([
        *((each, own) for each in metrics for own in pairs),
        *((each.of_slices(), own) for each in metrics for part in slices for own in part.samples),
        *((each, own) for each in quality.measures for own in (*pairs, quality.references)),
    ])  # fmt: skip
    # 2. scores
    found = {each.name: scored(each, pairs, panel, rows) for each in metrics}
    kept = [each for each in metrics if found[each.name].score.value is not None]
    breakdowns = {each.name: _breakdown(each, pairs, panel) for each in kept}
    of_quality, values = text_quality(quality, pairs, panel, rows)
    return Scores(
        metrics={name: MetricScore.of(one.score) for name, one in found.items()},
        quality=of_quality,
        slices={each.name: free_slices(each, slices, panel, rows) for each in kept},
        breakdowns={name: each for name, each in breakdowns.items() if each is not None},
        examples={
            example.id: ExampleValues(
                user=user_digest(example.user_id),
                scores={name: one.score.each[at] for name, one in found.items()},
                quality={name: own[at] for name, own in values.items()},
                rows={
                    each.name: _kept(found[each.name].rows, at) for each in kept if not each.mean
                },
            )
            for at, example in enumerate(test.examples)
        },
    )


@dataclass(frozen=True)
class Quality:
    """The measures of text quality, and the references as texts."""

    measures: Sequence[Metric]
    references: Sequence[Pair]

    @classmethod
    def of(cls, samples: Sequence[Sequence[Pair]]) -> Quality:
        """samples: the pairs of each sample."""
        own = [replace(pair, prediction=pair.reference) for pair in samples[0]]
        return cls([kind() for kind in TEXT_QUALITY], own)


def text_quality(
    quality: Quality, samples: Sequence[Sequence[Pair]], panel: Panel, rows_of: RowsOf = own_rows
) -> tuple[dict[str, QualityScore], dict[str, tuple[float | None, ...]]]:
    """Every measure of text quality, of texts and of references; and the texts' values by example.

    quality: what is measured.
    samples: the pairs of each sample.
    panel: their users.
    rows_of: gives the rows of a measure.
    """
    found, values = {}, {}
    for measure in quality.measures:
        own = scored(measure, samples, panel, rows_of).score
        of_references = scored(measure, [quality.references], panel, rows_of).score.value
        found[measure.name] = QualityScore(**vars(MetricScore.of(own)), references=of_references)
        values[measure.name] = own.each
    return found, values


def _breakdown(metric: Metric, samples: Sequence[Sequence[Pair]], panel: Panel) -> Breakdown | None:
    """A metric's breakdown; null with the reason if it raises."""
    try:
        return metric.breakdown(samples, panel)
    except (Exception, SystemExit) as error:
        why = broken(metric, error)
    return Breakdown(
        value=None, missing=why, chance=None, places=0, floor=None, ceiling=None, groups={}
    )


def free_slices(
    metric: Metric, slices: Sequence[Slice], panel: Panel, rows_of: RowsOf = own_rows
) -> tuple[SliceEstimate, ...]:
    """A metric of every slice of the text against the same slice of the reference.

    metric: any.
    slices: of all pairs (`slices_of`).
    panel: the users of all pairs.
    rows_of: gives the metric's rows.

    A slice covers the examples whose reference has a token there. A text that ends earlier counts
    as empty. Descriptive only: the result depends on how text and reference align.
    """
    metric, found = metric.of_slices(), []
    for each in slices:
        score = Score(None, (), "")
        if each.inside:
            score = scored(metric, each.samples, panel.only(each.inside), rows_of).score
        size = len(each.inside)
        found.append(
            SliceEstimate(slice=each.name, start=each.start, examples=size, **ends_of(score))
        )
    return tuple(found)


def slices_of(samples: Sequence[Sequence[Pair]], starts: Sequence[int]) -> list[Slice]:
    """Pairs of whole texts, for each sample, cut at the starts of slices."""
    parts, found = [[_parts(pair, starts) for pair in pairs] for pairs in samples], []
    for at, (name, start) in enumerate(zip(slice_names(starts), starts, strict=True)):
        inside = [row for row, slices in enumerate(parts[0]) if slices[at].reference]
        pairs = [[rows[row][at] for row in inside] for rows in parts]
        found.append(Slice(name, start, inside, pairs))
    return found


def _parts(pair: Pair, starts: Sequence[int]) -> list[Pair]:
    """A pair cut at the starts of slices; "" where a text has ended. The last one has the rest."""
    longest = max(len(slice_tokens(text)) for text in (pair.prediction, pair.reference))
    ends = [*starts[1:], max(longest, starts[-1])]
    texts = zip(cut(pair.prediction, starts), cut(pair.reference, starts), strict=True)
    return [
        Pair(*both, pair.example, Part(start, end, pair.prediction, pair.reference))
        for both, start, end in zip(texts, starts, ends, strict=True)
    ]


def _kept(rows: Array | None, at: int) -> tuple[tuple[float, ...], ...]:
    """An example's rows, one a sample."""
    if rows is None:
        return ()
    return tuple(map(plain, rows[:, at]))
