"""Loss on val by passes and rate, as a Markdown table: python -m benchmarks.mini_choices"""

from collections.abc import Sequence
from pathlib import Path

from harness.record import Record, find_runs, read_record
from harness.registry import METHODS

PUBLISHED = Path(__file__).parents[1] / "results" / "published"
CELLS = ((4, 5e-4), (4, 1e-3), (4, 2e-3), (2, 1e-3), (6, 1e-3))
"""Passes and rate. The second is the preset's."""


def plain(record: Record) -> bool:
    """Whether a run is of a method as the preset has it, with seed 0."""
    return (
        record.training is not None
        and record.seed == 0
        and record.method in METHODS
        and not record.settings["method"]
        and record.setting("model.backbone") == "mini"
    )


def losses(folder: Path = PUBLISHED) -> dict[str, dict[tuple[float, float], float | None]]:
    """Method → passes and rate → loss on val, from the records of the choices and of mini."""
    found: dict[str, dict[tuple[float, float], float | None]] = {}
    for run in find_runs([folder / "mini-choices", folder / "mini"]):
        record = read_record(run)
        if plain(record) and record.training is not None:
            cell = record.training.epochs, record.training.lr
            found.setdefault(record.method, {})[cell] = record.training.val_loss
    return {method: found[method] for method in METHODS if method in found}


def table(
    found: dict[str, dict[tuple[float, float], float | None]],
    tried: Sequence[tuple[float, float]] = CELLS,
) -> list[str]:
    """A Markdown table of the cells in `tried`; each method's lowest loss is bold."""
    heads = " | ".join(f"{passes:g} passes, {rate:g}" for passes, rate in tried)
    lines = [f"| method | {heads} |", "|---" * (len(tried) + 1) + "|"]
    for method, by_cell in found.items():
        lowest = min(loss for loss in by_cell.values() if loss is not None)
        cells = [by_cell.get(cell) for cell in tried]
        words = [
            "–" if loss is None else f"**{loss:.4f}**" if loss == lowest else f"{loss:.4f}"
            for loss in cells
        ]
        lines.append(f"| {method} | {' | '.join(words)} |")
    return lines


if __name__ == "__main__":
    print("\n".join(table(losses())))
