"""The gaps of each system with latent thoughts, from records, and what the rule says of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.errors import counted
from harness.metrics.base import OF_A_HUNDRED
from harness.record import ExampleValues
from harness.reports.certificate.arms import Arm, of_equal_flops, of_equal_parameters, plain
from harness.reports.certificate.rule import Carries, Explains, Gap, carries, explains
from harness.reports.claims.parts import compared as compared_pair
from harness.reports.compared.measures import Measure, mean_of, rows_of
from harness.reports.compared.verdicts import Compared
from harness.reports.runs.systems import Board, System, having
from harness.statistics import (
    METHOD_SEEDS,
    VERDICT_USERS,
    Comparison,
    Interval,
    interval,
)

MARGINS = {"following": 2.0, "nll": 0.01}
"""Measure → the largest difference that counts as none, in its unit."""
MARGIN = 1.0
"""The same for all other measures on 0–100; none is fixed on other scales, so it is 0 there."""
OWN, OTHER, NONE = "own", "other-profile", "zero"
NOT_RUN = "not run"
"""How `Gap.why` begins where an arm is absent; in brackets, what the nearest run has instead."""


@dataclass(frozen=True)
class Certificate:
    """The two answers for one system, and the gaps behind them.

    measure: what gaps are about. margin: in its unit.
    own_other, own_none: own thoughts − another user's, − none, with the same weights.
    gain, flops, parameters: the system − sft, − sft with its arithmetic, − sft with its parameters.
    """

    system: str
    measure: Measure
    margin: float
    own_other: Gap
    own_none: Gap
    gain: Gap
    flops: Gap
    parameters: Gap

    @property
    def carries(self) -> Carries:
        """Do thoughts carry the user?"""
        return carries(self.own_other, self.margin)

    @property
    def explains(self) -> Explains:
        """What explains the gain over sft?"""
        return explains(self.gain, [self.flops, self.parameters], self.margin)

    @property
    def gaps(self) -> list[Gap]:
        """All of them, in the order of the page."""
        return [self.own_other, self.own_none, self.gain, self.flops, self.parameters]


def certificates(compared: Compared) -> list[Certificate]:
    """One for each system whose thoughts were replaced in some run, on the main measure."""
    board, measure = compared.board, compared.main.measure
    margin = MARGINS.get(measure.name, MARGIN if measure.unit in OF_A_HUNDRED else 0.0)
    return [
        Certificate(
            system.name, measure, margin,
            _own_minus(board, system, measure, OTHER, "own − another user's thoughts"),
            _own_minus(board, system, measure, NONE, "own − no thoughts"),
            _minus(compared, system, plain, "minus sft"),
            _minus(compared, system, of_equal_flops, "minus sft of equal FLOPs"),
            _minus(compared, system, of_equal_parameters, "minus sft of equal parameters"),
        )
        for system in having(board, lambda record: record.controls).systems
    ]  # fmt: skip


def _own_minus(board: Board, system: System, measure: Measure, thoughts: str, name: str) -> Gap:
    """Mean over texts of what one example scores with its own thoughts minus with others."""
    sign = -1.0 if measure.lower_is_better else 1.0

    def gap(values: ExampleValues) -> float | None:
        own, other = (values.thoughts.get(one, {}).get(measure.name) for one in (OWN, thoughts))
        return None if own is None or other is None else sign * (own - other)

    rows = mean_of(gap)
    part = having(
        board, lambda record: any(gap(values) is not None for values in record.examples.values())
    )
    found = next((one for one in part.systems if one.name == system.name), None)
    if found is None:
        return Gap(name, why=NOT_RUN)
    over = interval(rows.statistic, rows_of(rows, part, found), part.panel, found.trained)
    return _gap(name, over.value, over, found.about_method)


def _minus(
    compared: Compared, system: System, chosen: Callable[[Board, System], Arm], name: str
) -> Gap:
    """The system − the sft that `chosen` finds, on the main measure."""
    board, measure = compared.board, compared.main.measure
    whole = next(one for one in board.systems if one.name == system.name)
    arm = chosen(board, whole)
    if arm.system is None:
        return Gap(name, why=f"{NOT_RUN} ({arm.why})" if arm.why else NOT_RUN)
    found = compared_pair(measure, board, (whole, arm.system), family=1)
    turned = found.turned() if measure.lower_is_better else found
    return _gap(name, turned.difference, turned, whole.about_method and arm.system.about_method)


def _gap(name: str, value: float | None, found: Interval | Comparison, about: bool) -> Gap:
    # a difference of 0 in every user and seed needs no test
    identical = value == found.low == found.high == 0
    why = "" if identical else found.reason or ""
    if not about:
        why = f"fewer than {METHOD_SEEDS} training seeds"
    elif found.users < VERDICT_USERS:
        why = f"{counted(found.users, 'user')}; expected {VERDICT_USERS}"
    return Gap(name, value, found.low, found.high, why)
