"""Profile swap: the same examples with other users' profiles, and with none. Gives the lift."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.metrics.base import Better
from harness.metrics.donors import Pool, random_donors, topic_donors
from harness.metrics.lift import APART, lift
from harness.metrics.lift import Lift as MetricLift
from harness.metrics.likelihood import TokenLogprobs, likelihood_scores
from harness.pipeline.encoded_prompt import EncodedPrompt
from harness.pipeline.evaluate.reference_likelihood import by_slice, own_logprobs
from harness.pipeline.evaluate.regenerate import (
    failed_examples,
    generate_logprobs,
    generate_texts,
    texts_or_empty,
)
from harness.pipeline.evaluate.texts import metrics_of, score_metrics
from harness.pipeline.evaluate.token_lift import token_values
from harness.pipeline.job import Trained
from harness.pipeline.plan import Plan
from harness.progress import Update
from harness.record import ExampleLift, Gains, Lift, LiftPair, MetricScore, Record, SliceNll
from harness.record.token_file import TokenValues, write_tokens
from harness.types import Example, Score

KINDS = ("random", "topic")
Scores = Mapping[str, Score]
"""Slice or metric → score with one kind of profile."""
Lifts = Mapping[str, Mapping[str, MetricLift]]
"""Kind of donor → slice or metric → lift."""


def evaluate_profile_swap(trained: Trained, record: Record) -> Record:
    """The view: lift, and each example's gains. `eval.lift` names likelihood, texts or both.

    With likelihood, the NLL of every token goes to `tokens.parquet` in the run's folder.

    Own − other is the mean over donors, drawn at random or nearest in topic, both seeded by the
    data's fingerprint; own − empty compares with a prompt without profile. Above 0 the user's own
    profile helps. A method that reads no profile has a lift of exactly 0.
    """
    own = {key: text.output for key, text in trained.first.items()}
    reader = _reader(trained)
    return swapped_profiles(trained.plan, record, trained.plan.settings.eval.lift, own, reader)


def swapped_tokens(trained: Trained) -> TokenValues:
    """What the view writes to `tokens.parquet`, for a run that has the rest of it."""
    plan, reader = trained.plan, _reader(trained)
    swaps = donor_examples(plan).examples
    update = reader.track("lift", len(swaps))
    logprobs = {"own": reader.own()}
    for done, (swap, examples) in enumerate(swaps.items(), 1):
        logprobs[swap] = reader.logprobs(plan.encode(examples))
        update(done, len(swaps), swap)
    return token_values(plan, logprobs)


def _reader(trained: Trained) -> Reader:
    """Reads other prompts with the run's model."""
    return Reader(
        lambda: own_logprobs(trained),
        lambda prompts: generate_logprobs(trained, prompts),
        lambda prompts: generate_texts(trained, prompts),
        trained.job.bars.track,
    )


@dataclass(frozen=True)
class Reader:
    """How a model reads other prompts.

    own: id → log-probs of the references after the run's own prompts.
    logprobs: the same after other prompts.
    texts: id → the texts for them, None where one failed.
    track: makes a progress bar.
    """

    own: Callable[[], dict[str, TokenLogprobs]]
    logprobs: Callable[[Sequence[EncodedPrompt]], dict[str, TokenLogprobs]]
    texts: Callable[[Sequence[EncodedPrompt]], Mapping[str, str | None]]
    track: Callable[[str, int], Update]


def swapped_profiles(
    plan: Plan, record: Record, asked: Sequence[str], own: Mapping[str, str], reader: Reader
) -> Record:
    """The view of `asked`, which is "likelihood", "texts" or both; see above.

    plan: the run.
    record: with the likelihood of the references, where that is asked.
    asked: what is compared.
    own: id → the text with the user's own profile.
    reader: the model.
    """
    donors = donor_examples(plan)
    swaps = donors.examples
    update = reader.track("lift", len(swaps))
    # 1. scores of the same model with each user's own profile, and with each swapped one
    scores: dict[str, dict[str, Scores]] = {view: {} for view in asked}
    logprobs: dict[str, dict[str, TokenLogprobs]] = {}
    if "likelihood" in scores:
        logprobs["own"] = reader.own()
        scores["likelihood"]["own"] = nll_scores(plan, record.nlls)
    if "texts" in scores:
        scores["texts"]["own"] = text_scores(plan, own)
    failed = set[str]()
    for done, (swap, examples) in enumerate(swaps.items(), 1):
        prompts = plan.encode(examples)
        if "likelihood" in scores:
            logprobs[swap] = reader.logprobs(prompts)
            own_nll = scores["likelihood"]["own"]
            scores["likelihood"][swap] = swapped_nlls(plan, swap, logprobs[swap], own_nll)
            failed |= failed_examples({}, logprobs[swap])
        if "texts" in scores:
            texts = reader.texts(prompts)
            scores["texts"][swap] = text_scores(plan, texts_or_empty(texts))
            failed |= failed_examples(texts, {})
        update(done, len(swaps), swap)
    # 2. what the user's profile gains over them
    lifts = {view: lifts_of(plan, found) for view, found in scores.items()}
    summary = Lift(
        donors=sum(name.startswith(KINDS[0]) for name in swaps),
        tied=donors.tied,
        shared=donors.shared,
        failed=len(failed),
        tokens=write_tokens(plan.folder, token_values(plan, logprobs)) if logprobs else None,
        **{view: _pairs(found) for view, found in lifts.items()},
    )
    return replace(record, lift=summary).with_values(
        lift={
            example.id: ExampleLift(**{view: _gains(found, at) for view, found in lifts.items()})
            for at, example in enumerate(plan.test.examples)
        }
    )


@dataclass(frozen=True)
class Swaps:
    """The test examples with each donor's profile.

    examples: "empty", "random 0", …, "topic 0", … → the examples. With a single user in the split
    there are no donors, only "empty".
    tied: examples whose topic-matched donors are random, because BM25 scores them alike.
    shared: examples for which a user was passed over whose profile contains the target.
    """

    examples: dict[str, list[Example]]
    tied: int = 0
    shared: int = 0


def donor_examples(plan: Plan) -> Swaps:
    """The test examples with each donor's profile, and without any."""
    examples, count = plan.test.examples, plan.settings.eval.donors
    profiles = {example.user_id: example.profile for example in examples}
    swaps = {"empty": [replace(example, profile=()) for example in examples]}
    if len(profiles) < 2:
        return Swaps(swaps)
    pool = Pool.of(plan.test)
    random, topic = random_donors(pool, count), topic_donors(pool, count)
    for kind, donors in zip(KINDS, (random, topic), strict=True):
        for number in range(min(len(each) for each in donors.users)):
            swaps[f"{kind} {number}"] = [
                replace(example, profile=profiles[chosen[number]])
                for example, chosen in zip(examples, donors.users, strict=True)
            ]
    return Swaps(swaps, topic.tied, len({*random.shared, *topic.shared}))


def nll_scores(plan: Plan, nll: Mapping[str, SliceNll]) -> Scores:
    """NLL per slice token, overall and by slice."""
    ordered = [nll[example.id] for example in plan.test.examples]
    return likelihood_scores(ordered, plan.settings.eval.slices, plan.panel(nll))


def swapped_nlls(
    plan: Plan, swap: str, logprobs: Mapping[str, TokenLogprobs], own: Scores
) -> Scores:
    """`nll_scores` with a swapped profile; a slice whose references all lost their preface says so.

    own: with each user's own profile, where every reference has a likelihood.
    """
    failed = "the preface of every reference with a token in slice {} failed ({})"
    return {
        name: score
        if score.missing is None or own[name].missing is not None
        else replace(score, missing=failed.format(name, swap))
        for name, score in nll_scores(plan, by_slice(plan, logprobs)).items()
    }


def text_scores(plan: Plan, texts: Mapping[str, str]) -> Scores:
    """Every metric of the texts; only the examples' values are used, so intervals are rough.

    A metric that has a value and no rows that give it is null with the reason.
    """
    options = plan.settings.eval.model_copy(update={"resamples": 100})
    found = score_metrics(plan.test, [texts], options)
    null = Score(None, (None,) * len(plan.test.examples), "", missing=APART)
    return {
        name: each.score
        if each.rows is not None or each.score.value is None
        else replace(null, signature=each.score.signature)
        for name, each in found.items()
    }


def lifts_of(plan: Plan, scores: Mapping[str, Scores]) -> Lifts:
    """Lift of every slice or metric for each kind of donor.

    scores: "own", "empty" or name of the swapped profile → its scores.
    """
    own, panel = scores["own"], plan.panel(example.id for example in plan.test.examples)
    better: dict[str, Better] = {
        metric.name: metric.better for metric in metrics_of(plan.test, plan.settings.eval)
    }
    return {
        kind: {
            name: lift(
                score,
                [other[name] for swap, other in scores.items() if swap.startswith(kind)],
                scores["empty"][name],
                panel,
                better.get(name, "lower"),  # a slice of NLL
            )
            for name, score in own.items()
        }
        for kind in KINDS
    }


def _gains(lifts: Lifts, index: int) -> Gains:
    """Gains of the example at `index`; own − empty is the same for every kind of donor."""
    over_others = {
        kind: {name: lift.own_other.each[index] for name, lift in found.items()}
        for kind, found in lifts.items()
    }
    over_empty = {name: lift.own_empty.each[index] for name, lift in lifts[KINDS[0]].items()}
    return {**over_others, "empty": over_empty}


def _pairs(lifts: Lifts) -> Mapping[str, Mapping[str, LiftPair]]:
    """For the record, without the examples' values, which are stored with the examples."""
    return {
        kind: {
            name: LiftPair(
                own_other=MetricScore.of(lift.own_other), own_empty=MetricScore.of(lift.own_empty)
            )
            for name, lift in found.items()
        }
        for kind, found in lifts.items()
    }
