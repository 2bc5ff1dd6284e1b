"""The conformance kit: every check on one method, each with its outcome."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from harness.conformance import model, reading, training, writing
from harness.conformance.finding import Broken
from harness.conformance.world import World
from harness.errors import HarnessError
from harness.registry import explain, home_of


@dataclass(frozen=True)
class Check:
    """A contract with a name; `trained` ones hold for methods that train."""

    function: Callable[[World], None]
    trained: bool = False

    @property
    def name(self) -> str:
        return self.function.__name__.replace("_", " ")


CHECKS = (
    Check(reading.it_has_the_parts_of_a_method),
    Check(reading.a_prompt_has_a_main_view),
    Check(reading.a_prompt_is_the_same_every_time),
    Check(reading.targets_are_one_a_pair_in_order),
    Check(reading.a_preface_is_one_list_a_prompt),
    Check(model.logprobs_are_numbers_and_zero_at_padding),
    Check(model.a_distribution_sums_to_one),
    Check(model.a_row_alone_and_in_a_batch),
    Check(model.id_0_is_a_token_like_others),
    Check(model.left_and_right_padding),
    Check(model.prefill_and_step),
    Check(model.text_already_written),
    Check(model.the_loss_is_one_number),
    Check(writing.writing_twice_gives_the_same_text),
    Check(writing.neighbours_and_order_change_no_text),
    Check(writing.references_change_nothing_at_test_time),
    Check(training.gradients_reach_every_trained_parameter, trained=True),
    Check(training.training_lowers_the_loss, trained=True),
    Check(training.saving_and_loading_keeps_everything, trained=True),
)


@dataclass(frozen=True)
class Outcome:
    """What came of one check: passed, failed, or skipped (an untrained method's training)."""

    name: str
    status: str
    seconds: float
    got: str = ""
    expected: str = ""
    look: str = ""

    def __str__(self) -> str:
        return _told(self.name, self.got, self.expected, self.look)


def check_method(
    factory: Any,
    options: Mapping[str, Any] | None = None,
    only: Collection[str] | None = None,
) -> list[Outcome]:
    """Try a method on a tiny random model and made-up data: no network, a few seconds.

    `options` are the method's own settings; `only` names some of the checks. A check that fails
    does not stop the others.
    """
    chosen = [check for check in CHECKS if only is None or check.name in only]
    with tempfile.TemporaryDirectory(prefix="harness-check-") as folder, _one_thread():
        world = World(factory, Path(folder), options)
        return [_outcome(check, world, home_of(factory)) for check in chosen]


@contextmanager
def _one_thread() -> Iterator[None]:
    """Models this small only lose time by sharing a step among threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def failures(outcomes: list[Outcome]) -> str:
    """The failed checks as text, those of one cause together; empty where there are none."""
    causes: dict[tuple[str, str, str], list[str]] = {}
    for each in outcomes:
        if each.status == "failed":
            causes.setdefault((each.got, each.expected, each.look), []).append(each.name)
    return "\n".join(_told(", ".join(names), *cause) for cause, names in causes.items())


def _told(name: str, got: str, expected: str, look: str) -> str:
    return f"{name}\n  got       {got}\n  expected  {expected}\n  look at   {look}"


def _outcome(check: Check, world: World, home: Path | None) -> Outcome:
    begin = time.perf_counter()
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
        status, got, expected, look = "failed", str(error), "no error", "the message names it"
    except Exception as error:  # whatever a method under test may raise is a finding
        said, _, at = explain(error, home).rpartition(" (at ")
        status, got, expected, look = "failed", said, "no error", at.removesuffix(")")
    return Outcome(check.name, status, time.perf_counter() - begin, got, expected, look)
