"""The conformance kit: run every check on a method and report each outcome."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from harness.conformance import (
    generation_checks,
    logprob_checks,
    prompt_checks,
    training_checks,
)
from harness.conformance.finding import Broken
from harness.conformance.world import World
from harness.errors import HarnessError
from harness.registry import explain, home_of


@dataclass(frozen=True)
class Check:
    """A contract, named after its function; `trained` ones apply only to methods that train."""

    function: Callable[[World], None]
    trained: bool = False

    @property
    def name(self) -> str:
        return self.function.__name__.replace("_", " ")


CHECKS = (
    Check(prompt_checks.a_method_has_all_its_parts),
    Check(prompt_checks.a_prompt_has_a_main_view),
    Check(prompt_checks.a_prompt_is_deterministic),
    Check(prompt_checks.each_pair_has_one_target_in_order),
    Check(prompt_checks.each_prompt_has_one_preface),
    Check(logprob_checks.logprobs_are_finite_and_zero_at_padding),
    Check(logprob_checks.probabilities_sum_to_one),
    Check(logprob_checks.batching_changes_no_logprobs),
    Check(logprob_checks.token_id_0_is_not_padding),
    Check(logprob_checks.the_padding_side_changes_no_logprobs),
    Check(logprob_checks.prefill_and_step_match_logprobs),
    Check(logprob_checks.prefixes_match_logprobs),
    Check(logprob_checks.the_loss_is_a_finite_scalar),
    Check(generation_checks.generation_is_repeatable),
    Check(generation_checks.batch_and_order_change_no_text),
    Check(generation_checks.references_have_no_effect_at_test_time),
    Check(training_checks.gradients_reach_every_trained_parameter, trained=True),
    Check(training_checks.training_lowers_the_loss, trained=True),
    Check(training_checks.saving_and_loading_preserve_logprobs, trained=True),
)


@dataclass(frozen=True)
class Outcome:
    """The outcome of a check: passed, failed, or skipped (training checks of untrained methods)."""

    name: str
    status: str
    seconds: float
    got: str = ""
    expected: str = ""
    look: str = ""

    def __str__(self) -> str:
        return _report(self.name, self.got, self.expected, self.look)


def check_method(
    factory: Any,
    options: Mapping[str, Any] | None = None,
    only: Collection[str] | None = None,
) -> list[Outcome]:
    """Check a method on a tiny random model and synthetic data: no network, a few seconds.

    `options` are the method's own settings; `only` selects checks by name. A check that fails does
    not stop the others.
    """
    chosen = [check for check in CHECKS if only is None or check.name in only]
    with tempfile.TemporaryDirectory(prefix="harness-check-") as folder, _one_thread():
        world = World(factory, Path(folder), options)
        return [_outcome(check, world, home_of(factory)) for check in chosen]


@contextmanager
def _one_thread() -> Iterator[None]:
    """Use one thread: models this small only lose time by splitting a step."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def failures(outcomes: list[Outcome]) -> str:
    """The failed checks as text, grouped by cause; empty if all passed."""
    causes: dict[tuple[str, str, str], list[str]] = {}
    for outcome in outcomes:
        if outcome.status == "failed":
            cause = (outcome.got, outcome.expected, outcome.look)
            causes.setdefault(cause, []).append(outcome.name)
    return "\n".join(_report(", ".join(names), *cause) for cause, names in causes.items())


def _report(name: str, got: str, expected: str, look: str) -> str:
    return f"{name}\n  got       {got}\n  expected  {expected}\n  look at   {look}"


def _outcome(check: Check, world: World, home: Path | None) -> Outcome:
    start = time.perf_counter()
    got = expected = look = ""
    status = "passed"
    try:
        if check.trained and not world.method.trains:
            status = "skipped"
        else:
            check.function(world)
    except Broken as broken:
        status, got, expected, look = "failed", broken.got, broken.expected, broken.look
    except HarnessError as error:
        status, got, expected, look = "failed", str(error), "no error", "see the message"
    except Exception as error:  # any error of the method under test is a finding
        got, _, line = explain(error, home).rpartition(" (at ")
        status, expected, look = "failed", "no error", line.removesuffix(")")
    return Outcome(check.name, status, time.perf_counter() - start, got, expected, look)
