"""The bench: every method's generation in every case, then its training step, round by round."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count, product, starmap
from pathlib import Path
from statistics import fmean, median
from typing import Any, TypeVar

from harness.bench.memory import Request, peak_memory
from harness.bench.ratios import BASELINE, timing
from harness.bench.subject import (
    STEPS,
    Case,
    Generation,
    Subject,
    for_generation,
    for_training,
    generate_batch,
    planned,
    step_seconds,
    training_rows,
)
from harness.bench.tables import load, surroundings
from harness.engine.clock import Phases, interleaved
from harness.method import Factory
from harness.pipeline.plan import Plan
from harness.progress import Bars, Update
from harness.settings import RunSettings

WARM_UP = 1
T = TypeVar("T")


@dataclass(frozen=True)
class Bench:
    """What is timed.

    chosen: method → (factory, settings); it includes sft.
    batches: batch sizes.
    tokens: tokens per text.
    repeats: timed rounds.
    plugin_files: of methods.
    """

    chosen: Mapping[str, tuple[Factory, RunSettings]]
    batches: Sequence[int]
    tokens: Sequence[int]
    repeats: int
    plugin_files: tuple[Path, ...] = ()


def bench(
    asked: Bench, bars: Bars, memory: Callable[[Request], dict[str, Any]] = peak_memory
) -> dict[str, Any]:
    """Times, ratios to sft, and memory of methods. memory: measures peak memory."""
    largest = Case(max(asked.batches), max(asked.tokens))
    load_before, phases = load(), Phases()
    with phases("data"):
        plans = {
            name: planned(settings, name, factory, largest.batch)
            for name, (factory, settings) in asked.chosen.items()
        }
    with bars:
        with phases("memory"):
            update, peaks = bars.track("memory"), []
            for index, (name, (_, settings)) in enumerate(asked.chosen.items()):
                peaks.append(memory(Request(name, asked.plugin_files, settings, largest)))
                update(index + 1, len(asked.chosen), name)
        with phases("loading"):
            subjects = {name: for_generation(plan) for name, plan in plans.items()}
            about = _about(subjects[BASELINE])
            parameters = {name: subject.parameters for name, subject in subjects.items()}
        with phases("writing"):
            generated = [
                row
                for case in starmap(Case, product(asked.batches, asked.tokens))
                for row in time_generation(subjects, case, asked.repeats, bars)
            ]
            del subjects
            gc.collect()
        with phases("training"):
            training = time_training(plans, asked.repeats, bars)
    return {
        **about,
        "load": {"before": load_before, "after": load()},
        "repeats": asked.repeats,
        "warm_up": WARM_UP,
        "steps_timed": STEPS - 1,
        "parameters": parameters,
        "writing": generated,
        "training": training,
        "memory": {"batch": largest.batch, "tokens": largest.tokens, "methods": peaks},
        "phases": phases.seconds,
        "wall_s": phases.wall_s,
    }


def _about(subject: Subject) -> dict[str, Any]:
    """Machine, code and settings shared by all methods."""
    settings = subject.plan.settings
    return {
        **surroundings(str(subject.device), str(subject.types)),
        "preset": settings.preset,
        "task": settings.task,
        "backbone": settings.model.backbone,
        "baseline": BASELINE,
    }


def rounds(
    work: Mapping[str, Callable[[], T]], repeats: int, warm_up: int, update: Update
) -> dict[str, list[T]]:
    """`interleaved` with a progress bar.

    work: pieces of work by name.
    repeats, warm_up: rounds that count, and rounds before them.
    update: of the bar.
    """
    done, total = count(1), len(work) * (warm_up + repeats)
    return interleaved(
        work,
        times=repeats,
        warmup=warm_up,
        after=lambda name: update(next(done), total, name),
    )


def time_generation(
    subjects: Mapping[str, Subject], case: Case, repeats: int, bars: Bars
) -> list[dict[str, Any]]:
    """One row per method."""
    work = {name: partial(generate_batch, subject, case) for name, subject in subjects.items()}
    bar = bars.track(f"generation {case.batch} × {case.tokens}")
    found = rounds(work, repeats, WARM_UP, bar)
    prompts = {name: subject.plan.test_prompts[: case.batch] for name, subject in subjects.items()}
    return [
        {
            "method": name,
            "prompt_tokens": fmean(len(each.prompt) for each in prompts[name]),
            **generation_row(case, each, found),
        }
        for name, each in found.items()
    ]


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


def time_training(plans: Mapping[str, Plan], repeats: int, bars: Bars) -> list[dict[str, Any]]:
    """One row per method that trains: an optimizer step on the same examples."""
    subjects = {name: for_training(plan) for name, plan in plans.items() if plan.method.trains}
    rows = {name: training_rows(subject) for name, subject in subjects.items()}
    work = {
        name: partial(step_seconds, subject, rows[name][0]) for name, subject in subjects.items()
    }
    found = rounds(work, repeats, 0, bars.track("training"))  # `step_seconds` warms up itself
    return [
        {
            "method": name,
            "examples": len(rows[name][0]),
            "tokens": (tokens := sum(map(len, rows[name][0]))),
            **timing("step", seconds, found[BASELINE]),
            "tokens_per_s": tokens / median(seconds),
            "targets_s": rows[name][1],
        }
        for name, seconds in found.items()
    ]
