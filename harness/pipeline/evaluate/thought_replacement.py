"""Replace a trained model's thoughts and compare with the unmodified model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace

import numpy as np

from harness.data.checks import fold, holds
from harness.method import DONOR
from harness.metrics.donors import Pool, random_donors
from harness.metrics.likelihood import nll_summary, relative
from harness.metrics.scoring import Scored
from harness.pipeline.encoded_prompt import EncodedPrompt
from harness.pipeline.evaluate.regenerate import (
    Variant,
    failed_examples,
    generate_nlls,
    generate_texts,
    texts_or_empty,
)
from harness.pipeline.evaluate.texts import metrics_of
from harness.pipeline.job import Trained
from harness.pipeline.plan import Plan
from harness.pipeline.together import forget, replace_thoughts
from harness.record import (
    Controls,
    Curve,
    Difference,
    MetricScore,
    MinusOwn,
    NllDifference,
    Record,
    SliceNll,
    Thoughts,
    write_lines,
)
from harness.registry import find
from harness.statistics import (
    RATIO,
    Array,
    Comparison,
    compare,
    judge,
    resampling_rng,
)
from harness.types import Example

TEXTS = "controls.jsonl"
ALONE = "one user in the test split; thoughts of another user need at least two"
SHARED = (
    "all other users' profiles are empty or contain an example's target; thoughts of another user"
    " need one"
)
Scores = Mapping[str, Scored]


def evaluate_thought_replacement(trained: Trained, record: Record) -> Record:
    """The view: thought replacement; texts go to `controls.jsonl` in the run's folder.

    trained: the run; `eval.controls` names the thoughts. Nothing is trained again.
    record: with the NLL of the references, if evaluated.

    Texts are generated in the same batches with the same seeds as the run's first sample.
    """
    plan = trained.plan
    # 1. generate and evaluate with each kind of thoughts
    texts = {key: text.output for key, text in trained.first.items()}
    own = Variant(texts, _of_all(trained, record.nlls, "the model's own thoughts"))
    replaced, missing = _replaced(trained, with_nll=bool(own.nll))
    _write_texts(plan, replaced)
    # 2. compare each with the model's own thoughts; all comparisons are one family
    results = {"own": own, **replaced}
    scores = {name: result.scores(plan) for name, result in results.items()}
    rows = {name: _rows(plan, result, scores[name]) for name, result in results.items()}
    size = len(replaced) * len(rows["own"])
    compared = {name: _compare(plan, rows[name], rows["own"], size) for name in replaced}
    family = judge(each for found in compared.values() for each in found.values())
    # 3. the record's entry
    judged = iter(family)
    differences = {
        name: _minus_own(plan, result, own, {key: next(judged) for key in compared[name]})
        for name, result in replaced.items()
    }
    thoughts = {
        name: Thoughts(
            likelihood=_curve(plan, result.nll) if result.nll else None,
            metrics={key: MetricScore.of(each.score) for key, each in scores[name].items()},
            minus_own=differences.get(name),
            failed=result.failed,
        )
        for name, result in results.items()
    }
    summary = Controls(donors="random", family=len(family), thoughts=thoughts | missing)
    examples = {
        example.id: replace(
            record.examples[example.id],
            thoughts={
                name: _of_example(example.id, index, result, scores[name])
                for name, result in results.items()
            },
        )
        for index, example in enumerate(plan.test.examples)
    }
    return replace(record, controls=summary, examples={**record.examples, **examples})


def _replaced(trained: Trained, with_nll: bool) -> tuple[dict[str, Variant], dict[str, Thoughts]]:
    """Kind of thoughts → what the model generates with them; and kinds that the data lack.

    with_nll: evaluate the references too.
    """
    names = trained.plan.settings.eval.controls
    update = trained.job.bars.track("controls", len(names))
    found, missing = dict[str, Variant](), dict[str, Thoughts]()
    for done, name in enumerate(names, 1):
        prompts = prompts_with_thoughts(trained.plan, name)
        if prompts is None:
            alone = trained.plan.test.user_count < 2
            missing[name] = Thoughts(missing=ALONE if alone else SHARED)
        elif name != "own":
            kind = DONOR if DONOR in prompts[0].views else name
            variant = f"thoughts {name}"
            lm = trained.job.everywhere(
                replace_thoughts, variant, trained.variant, kind, lm=trained.lm
            )
            other = replace(trained, lm=lm, variant=variant)
            nlls = generate_nlls(other, prompts) if with_nll else {}
            texts = generate_texts(other, prompts)
            failed = failed_examples(texts, nlls)
            found[name] = Variant(
                texts_or_empty(texts), _of_all(trained, nlls, variant), len(failed)
            )
            trained.job.everywhere(forget, variant)
        update(done, len(names), name)
    return found, missing


def _of_all(
    trained: Trained, nlls: dict[str, SliceNll], thoughts: str
) -> dict[str, SliceNll] | None:
    """The NLL with these thoughts; None, with a message, if a reference has none: it is compared
    over the same references."""
    if all(each.known for each in nlls.values()):
        return nlls or None
    trained.job.bars.say(f"no likelihood with {thoughts}: not every reference has one")
    return None


def _write_texts(plan: Plan, replaced: Mapping[str, Variant]) -> None:
    """Write the texts; those with the model's own thoughts are in predictions.jsonl."""
    lines = (
        {"control": name, "id": key, "output": text}
        for name, result in replaced.items()
        for key, text in result.texts.items()
    )
    write_lines(plan.folder / TEXTS, lines)


def _of_example(key: str, index: int, result: Variant, scores: Scores) -> dict[str, float | None]:
    """What one example's text and reference score with these thoughts."""
    nll = {"nll": result.nll[key].mean} if result.nll else {}
    return nll | {name: one.score.each[index] for name, one in scores.items()}


def prompts_with_thoughts(plan: Plan, name: str) -> list[EncodedPrompt] | None:
    """The run's prompts, with a view "donor" where thoughts come from another prompt.

    "shuffled": the prompt of an example of another user. "other-profile": the same input with the
    profile of a random user. Draws are seeded by the data's fingerprint. None where an example has
    no other user, or none whose profile does not contain its target.
    """
    prompts, test = plan.test_prompts, plan.test
    if name not in ("shuffled", "other-profile"):
        return prompts
    if test.user_count < 2:
        return None
    if name == "shuffled":
        donors = _shuffled(plan)
    else:
        examples = _with_other_profiles(plan)
        donors = None if examples is None else plan.encode(examples)
    if donors is None:
        return None
    return [
        replace(encoded, views={**encoded.views, DONOR: donor.prompt})
        for encoded, donor in zip(prompts, donors, strict=True)
    ]


def _shuffled(plan: Plan) -> list[EncodedPrompt] | None:
    """For each example the prompt of one of another user, whose profile has not its target."""
    rng = resampling_rng(f"shuffled {plan.test.fingerprint}")
    task, examples = find("task", plan.test.task), plan.test.examples
    users = np.array([example.user_id for example in examples])
    donors = []
    for example, text in zip(examples, plan.test.targets, strict=True):
        others, target = np.flatnonzero(users != example.user_id), [fold(text)]
        place = rng.choice(others)
        if any(holds(task, examples[place].profile, target)):
            # a stream of its own, so that other examples keep their draws
            again = resampling_rng(f"shuffled {plan.test.fingerprint} {example.id}")
            order = iter(again.permutation(others))
            free = (at for at in order if not any(holds(task, examples[at].profile, target)))
            place = next(free, None)
            if place is None:
                return None
        donors.append(plan.test_prompts[place])
    return donors


def _with_other_profiles(plan: Plan) -> list[Example] | None:
    test = plan.test
    profiles = {example.user_id: example.profile for example in test.examples}
    donors = random_donors(Pool.of(test), 1).users
    if not all(donors):
        return None
    return [
        replace(example, profile=profiles[donor])
        for example, (donor,) in zip(test.examples, donors, strict=True)
    ]


def _curve(plan: Plan, nll: Mapping[str, SliceNll]) -> Curve:
    return nll_summary(list(nll.values()), plan.settings.eval.slices, plan.panel(nll))


def _rows(plan: Plan, result: Variant, scores: Scores) -> dict[str, Array]:
    """Rows of NLL per slice token, where it was evaluated, then of the metrics that have rows."""
    rows = {}
    if result.nll:
        each = [result.nll[example.id] for example in plan.test.examples]
        sums = [[sum(part.nll or ()), sum(part.slice_tokens)] for part in each]
        rows["likelihood"] = np.array(sums, np.float64)
    return rows | {name: one.rows[0] for name, one in scores.items() if one.rows is not None}


def _compare(
    plan: Plan, rows: Mapping[str, Array], own: Mapping[str, Array], family: int
) -> dict[str, Comparison]:
    """Replaced − own, for everything that has rows with both; one of `family` comparisons."""
    panel = replace(plan.panel(example.id for example in plan.test.examples), family=family)
    statistics = {each.name: each.statistic for each in metrics_of(plan.test, plan.settings.eval)}
    statistics["likelihood"] = RATIO
    return {
        name: compare(statistics[name], rows[name], own[name], panel)
        for name in rows
        if name in own
    }


def _minus_own(
    plan: Plan, result: Variant, own: Variant, judged: Mapping[str, Comparison]
) -> MinusOwn:
    found = {name: _difference(each) for name, each in judged.items()}
    likelihood = found.pop("likelihood", None)
    if likelihood is None or result.nll is None or own.nll is None:
        return MinusOwn(likelihood=None, metrics=found)
    differences = relative(list(result.nll.values()), [own.nll[key] for key in result.nll])
    slices = _curve(plan, dict(zip(result.nll, differences, strict=True))).slices
    return MinusOwn(likelihood=NllDifference(**vars(likelihood), slices=slices), metrics=found)


def _difference(each: Comparison) -> Difference:
    fields = asdict(each)
    del fields["about"], fields["at_equal_length"]  # always of one checkpoint, and not computed
    return Difference(value=fields.pop("difference"), **fields)
