"""The harness from Python: `from harness import run, load_runs, compare`. Errors are exceptions."""

from harness.api.comparison import Comparison, compare
from harness.api.running import run
from harness.api.runs import Run, Runs, load_runs

__all__ = ["Comparison", "Run", "Runs", "compare", "load_runs", "run"]
