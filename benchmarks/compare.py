"""A comparison of 6 methods × 3 tasks × 5 seeds: seconds to build it, and the page's size.

    python -m benchmarks.compare

Records are made up by tests/support/synthetic.py: 100 examples each, texts of 250 words. Prints
one JSON object.
"""

from __future__ import annotations

import json
import os
import platform
import tempfile
import time
from pathlib import Path

from harness.reports.compare_runs import compare
from harness.reports.render.report_files import write_report
from tests.support.synthetic import write_runs


def main() -> None:
    """Build the report once; print wall-clock and processor seconds."""
    with tempfile.TemporaryDirectory() as folder:
        runs, out = Path(folder, "runs"), Path(folder, "out")
        write_runs(runs, seeds=range(5), examples=100, words=250)
        wall, spent = time.perf_counter(), time.process_time()
        write_report(compare([runs]), out)
        print(
            json.dumps(
                {
                    "wall_s": round(time.perf_counter() - wall, 1),
                    "processor_s": round(time.process_time() - spent, 1),
                    "page_bytes": (out / "index.html").stat().st_size,
                    "processor": platform.machine(),
                    "cores": os.cpu_count(),
                }
            )
        )


if __name__ == "__main__":
    main()
