"""Loss on val for each method, passes and rate: python -m benchmarks.mini_choices FOLDER"""

import sys
from pathlib import Path

from harness.record import find_runs, read_record
from harness.registry import METHODS


def table(folder: Path) -> list[str]:
    """A Markdown table of the trained runs in `folder`."""
    found: dict[tuple[str, float], dict[float, float | None]] = {}
    for run in find_runs([folder]):
        record = read_record(run)
        if record.training:
            key = record.method, record.training.epochs
            found.setdefault(key, {})[record.training.lr] = record.training.val_loss
    rates = sorted({rate for losses in found.values() for rate in losses})
    lines = [
        f"| method | passes | {' | '.join(f'{rate:g}' for rate in rates)} |",
        "|---" * (len(rates) + 2) + "|",
    ]
    for method, passes in sorted(found, key=lambda key: (METHODS.index(key[0]), key[1])):
        losses = found[method, passes]
        cells = [f"{loss:.4f}" if (loss := losses.get(rate)) else "–" for rate in rates]
        lines.append(f"| {method} | {passes:g} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    print("\n".join(table(Path(sys.argv[1]))))
