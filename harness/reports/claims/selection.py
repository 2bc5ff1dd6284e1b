"""The systems of a board that a claim speaks of."""

from __future__ import annotations

from collections.abc import Sequence

from harness.claims import Selector
from harness.claims.papers import REASONER_SHARE
from harness.record import Json
from harness.reports.runs.choices import chosen_by, telling, usual
from harness.reports.runs.systems import Board, System


def selected(board: Board, selectors: Sequence[Selector]) -> list[System]:
    """Every system that one of the selectors covers, in the board's order."""
    found = {system.name for one in selectors for system in _covered(board, one)}
    return [system for system in board.systems if system.name in found]


def place(system: System, setting: str) -> Json:
    """The number of a system that a selector's range is about."""
    if setting == REASONER_SHARE:
        backbone = system.record.backbone
        reasoner, whole = backbone.reasoner, backbone.parameters
        return reasoner.parameters / whole if reasoner and reasoner.parameters and whole else None
    return chosen_by([system.record])[0].get(setting, _default(system, setting))


def _default(system: System, setting: str) -> Json:
    return usual(system.record.method, [setting], [{setting: None}])[setting]


def _covered(board: Board, selector: Selector) -> list[System]:
    """Systems of the method with a setting in the range and all others as usual on the board.

    Usual for the method's own options: its defaults, even if it has one system here.
    """
    same = [one for one in board.systems if one.record.method == selector.method]
    if not same:
        return []
    chosen = chosen_by([one.record for one in same])
    varied = "model.reasoner" if selector.setting == REASONER_SHARE else selector.setting
    differing = [key for key in telling(selector.method, chosen) if key != varied]
    plain = usual(selector.method, differing, chosen)
    return [
        system
        for system, own in zip(same, chosen, strict=True)
        if all(own[key] == plain[key] for key in differing)
        and (selector.setting is None or selector.covers(place(system, selector.setting)))
    ]
