"""The bench: every method's generation in every case, then its training step, round by round."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count, product
from pathlib import Path
from statistics import fmean, median
from typing import Any

from harness.bench.memory import Request, peak_memory
from harness.bench.ratios import BASELINE, timing
from harness.bench.subject import (
    STEPS,
    Case,
    Generation,
    Subject,
    first_pairs,
    for_generation,
    for_training,
    generate_batch,
    planned,
    step_seconds,
    training_rows,
)
from harness.bench.tables import load, surroundings
from harness.engine.clock import Phases, interleaved
from harness.progress import Bars, Update
from harness.run.plan import Plan
from harness.settings import RunSettings

WARM_UP = 1


def bench(
    chosen: Mapping[str, tuple[Any, RunSettings]],
    batches: Sequence[int],
    tokens: Sequence[int],
    repeats: int,
    bars: Bars,
    plugin_files: Sequence[Path] = (),
    memory: Callable[[Request], dict[str, Any]] = peak_memory,
) -> dict[str, Any]:
    """Times, ratios to sft, and memory of methods.

    chosen: method → (factory, settings); it includes sft.
    batches, tokens: batch sizes, and tokens per text. repeats: timed rounds.
    bars: progress. plugin_files: of methods. memory: measures peak memory.
    """
    cases = [Case(batch, count) for batch, count in product(batches, tokens)]
    largest = Case(max(batches), max(tokens))
    load_before, phases = load(), Phases()
    with phases("data"):
        plans = {
            name: planned(settings, name, factory, max(batches))
            for name, (factory, settings) in chosen.items()
        }
    with bars:
        with phases("memory"):
            update, peaks = bars.track("memory"), []
            for index, (name, (_, settings)) in enumerate(chosen.items()):
                fields = settings.model_dump(mode="json")
                peaks.append(memory(Request(name, tuple(plugin_files), fields, largest)))
                update(index + 1, len(chosen), name)
        with phases("loading"):
            subjects = {name: for_generation(plan) for name, plan in plans.items()}
            about = _about(subjects[BASELINE])
            parameters = {name: subject.parameters for name, subject in subjects.items()}
        with phases("writing"):
            generated = time_generation(subjects, cases, repeats, bars.track("generation"))
            del subjects
            gc.collect()
        with phases("training"):
            training = time_training(plans, repeats, bars.track("training"))
    return {
        **about,
        "load": {"before": load_before, "after": load()},
        "repeats": repeats,
        "warm_up": WARM_UP,
        "steps_timed": STEPS - 1,
        "parameters": parameters,
        "writing": generated,
        "training": training,
        "memory": {"batch": largest.batch, "tokens": largest.tokens, "methods": peaks},
        "phases": phases.seconds,
        "wall_s": phases.wall_s,
    }


def _about(one: Subject) -> dict[str, Any]:
    """Machine, code and settings shared by all methods."""
    settings = one.plan.settings
    return {
        **surroundings(str(one.device), str(one.dtype).removeprefix("torch.")),
        "preset": settings.preset,
        "task": settings.task,
        "backbone": settings.model.backbone,
        "baseline": BASELINE,
    }


def time_generation(
    subjects: Mapping[str, Subject], cases: Sequence[Case], repeats: int, update: Update
) -> list[dict[str, Any]]:
    """One row per case and method."""
    rows = []
    after = _counter(update, len(cases) * len(subjects) * (WARM_UP + repeats))
    for case in cases:
        work = {name: partial(generate_batch, subject, case) for name, subject in subjects.items()}
        found = interleaved(work, times=repeats, warmup=WARM_UP, after=after)
        for name, each in found.items():
            prompts = subjects[name].plan.test_prompts[: case.batch]
            length = fmean(len(prompt.prompt) for prompt in prompts)
            rows.append(
                {"method": name, "prompt_tokens": length, **generation_row(case, each, found)}
            )
    return rows


def _counter(update: Update, total: int) -> Callable[[str], None]:
    """A function that counts the pieces of work on a progress bar."""
    done = count(1)
    return lambda name: update(next(done), total, name)


def generation_row(
    case: Case, rounds: Sequence[Generation], all_rounds: Mapping[str, Sequence[Generation]]
) -> dict[str, Any]:
    """One method's times in one case; tokens_per_s: visible tokens over the total time."""
    times: dict[str, Any] = {}
    for name in ("first", "step", "total"):
        seconds = [
            [getattr(each, f"{name}_s") for each in of] for of in (rounds, all_rounds[BASELINE])
        ]
        times |= timing(name, *seconds)
    return {
        "batch": case.batch,
        "tokens": case.tokens,
        "hidden_tokens": fmean(each.hidden for each in rounds) / case.batch,
        **times,
        "preface_s": median(each.preface_s for each in rounds),
        "latent_s": median(each.latent_s for each in rounds),
        "tokens_per_s": case.batch * case.tokens / median(each.total_s for each in rounds),
    }


def time_training(plans: Mapping[str, Plan], repeats: int, update: Update) -> list[dict[str, Any]]:
    """One row per method that trains: an optimizer step on the same examples."""
    subjects = {name: for_training(plan) for name, plan in plans.items() if plan.method.trains}
    pairs = first_pairs(plans[BASELINE])
    rows = {name: training_rows(subject, pairs) for name, subject in subjects.items()}
    work = {
        name: partial(step_seconds, subject, rows[name][0]) for name, subject in subjects.items()
    }
    after = _counter(update, len(subjects) * repeats)
    found = interleaved(work, times=repeats, warmup=0, after=after)  # warm inside a measurement
    timed = []
    for name, seconds in found.items():
        tokens = sum(map(len, rows[name][0]))
        timed.append(
            {
                "method": name,
                "examples": len(pairs),
                "tokens": tokens,
                **timing("step", seconds, found[BASELINE]),
                "tokens_per_s": tokens / median(seconds),
                "targets_s": rows[name][1],
            }
        )
    return timed
