"""How the first process of a run and the others work together; real ones are in tests/cli."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from harness.engine.ranks import Ranks
from harness.errors import DivergedError
from harness.interruption import SIGNALS, Stopped, StoppedTogether
from harness.pipeline.evaluate.kept_values import KeptValues
from harness.pipeline.generation_costs import Costs
from harness.pipeline.job import Job
from harness.pipeline.team import Team, follow


class Wire(Ranks):
    """The processes of a run without connections: notes what is sent, gives what was sent."""

    def __init__(self, index: int, messages: Any = ()) -> None:
        super().__init__(index, 2)
        self.sent: list[Any] = []
        self.coming = iter(messages)

    def share(self, value: Any) -> Any:
        self.sent.append(value)
        return value if self.first else next(self.coming)

    def gather(self, value: Any) -> list[Any]:
        return [value, ["from the other process"]] if self.first else []

    def leave(self) -> None:
        self.sent.append("left")


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def job_of(ranks: Ranks) -> Job:
    none: Any = None
    return Job(none, none, none, Team(ranks))


def work(job: Job, seen: list[Any], value: Any, here: str = "") -> Any:
    seen.append((value, here))
    if isinstance(value, BaseException):
        raise value
    return value


def test_the_first_process_asks_then_works_then_lets_the_others_go():
    ranks, seen = Wire(0), list[Any]()
    job = job_of(ranks)
    assert job.everywhere(work, seen, 3, here="only here") == 3
    assert seen == [(3, "only here")]
    job.team.end()
    assert ranks.sent == [(work, (seen, 3)), None]


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (DivergedError(), None), (StoppedTogether(signal.SIGTERM), None),
        (Stopped(signal.SIGTERM), "left"), (ValueError(), "left"),
    ],
)  # fmt: skip
def test_an_error_of_one_process_ends_the_others(error: BaseException, end: object):
    ranks = Wire(0)
    job = job_of(ranks)
    with pytest.raises(type(error)):
        job.everywhere(work, [], error)
    job.team.end()
    assert ranks.sent[-1] == end


def test_the_others_follow_until_the_end():
    seen, made = list[Any](), list[Job]()

    def make_job() -> Job:
        made.append(job_of(ranks))
        return made[-1]

    asked = [(work, (seen, 1)), (work, (seen, DivergedError())), (work, (seen, 2)), None]
    ranks = Wire(1, asked)
    follow(ranks, make_job)
    assert [value for value, _ in seen if isinstance(value, int)] == [1, 2]
    assert len(made) == 1
    follow(Wire(1, [None]), lambda: pytest.fail("no work, no job"))


def of_part(job: Job, lm: Any, part: int) -> str:
    return f"{lm} {part}"


def test_each_process_has_a_part_of_a_round():
    lm: Any = "here"
    alone = job_of(Ranks())
    assert list(alone.rounds(of_part, [5, 6], "main", lm)) == [["here 5"], ["here 6"]]
    first = job_of(Wire(0))
    rounds = list(first.rounds(of_part, [5, 6, 7], "main", lm))
    assert rounds[0] == ["here 5", "from the other process"]
    assert [args[1] for _, args in first.team.ranks.sent] == [[5, 6], [7]]  # type: ignore[attr-defined]


def test_kept_batches_are_not_computed_again():
    kept, asked = KeptValues(), list[list[int]]()

    def compute(missing: Any) -> list[list[int]]:
        asked.append(list(missing))
        return [[10 * at] for at in missing]

    assert list(kept.batches(["a", "b"], compute)) == [[0], [10]]
    assert list(kept.batches(["b", "c", "a"], compute)) == [[10], [10], [0]]
    assert list(kept.batches(["a"], compute)) == [[0]]
    assert asked == [[0, 1], [1]]


def test_batches_of_several_processes_take_the_time_of_the_longest():
    costs = Costs()
    costs.add_round({"a": Costs(batches=[3.0], examples=2), "b": Costs(batches=[4.0], examples=2)})
    assert (costs.seconds, costs.batches, costs.examples) == (4.0, [3.0, 4.0], 4)
    costs.add_round({"c": Costs(batches=[1.0])})
    assert costs.seconds == 5.0
