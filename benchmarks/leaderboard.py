"""A leaderboard of 10,000 rows: time to build the page, its size, time to sort it.

    python -m benchmarks.leaderboard [--rows 10000] [--out results/benchmarks/leaderboard]

Rows are made up by tests/support/boards.py: 100 test users, five metrics, texts of about
110 bytes (the build reads whole texts only to check their digest). Sorting is timed in Chromium
from the click to the end of the layout that follows it; prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from harness.leaderboard.build import build
from tests.support.boards import add_row, make_board, rules, submission, texts_for
from tests.support.browser import Browser, start_chromium

USERS = 100
SORT = """
const button = document.querySelector(`[data-sort=${arguments[0]}]`);
const begin = performance.now();
button.click();
document.body.getBoundingClientRect();
return performance.now() - begin;
"""
COLUMNS = ("bleu", "rougeL", "name", "following", "training", "rank", "nll", "meteor")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/leaderboard"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = make_rows(Path(folder), options.rows)
        shutil.rmtree(options.out, ignore_errors=True)
        begin = time.perf_counter()
        built = build(root, options.out)
        seconds = time.perf_counter() - begin
    found = {
        "rows": built.rows,
        "build_s": round(seconds, 1),
        "page_mb": round(built.page_bytes / 1e6, 2),
        "files": built.shards,
        "largest_file_mb": round(max(p.stat().st_size for p in options.out.rglob("*.js")) / 1e6, 2),
        **in_browser(options.out / "index.html"),
        "machine": f"{platform.processor() or platform.machine()}, {_cores()} cores",
    }
    print(json.dumps(found, indent=1))


def make_rows(root: Path, count: int) -> Path:
    """One board of `count` checked rows."""
    board = make_board(root, rules(users=USERS))
    for number in range(count):
        row = submission(rules(users=USERS), number)
        add_row(board, row, texts_for(row, words=4), status="verified")
    return root


def in_browser(page: Path) -> dict[str, Any]:
    """Milliseconds to load the page and to sort it by each of several columns, both ways."""
    with tempfile.TemporaryDirectory() as profile:
        driver = start_chromium(Path(profile))
        try:
            browser = Browser(driver)
            browser.resize(1280)
            browser.open(page)
            timing = "const [n] = performance.getEntriesByType('navigation'); return n.loadEventEnd"
            load = float(browser.run(timing))
            sorts = {key: [browser.run(SORT, key) for _ in range(4)] for key in COLUMNS}
        finally:
            driver.quit()
    every = [each for times in sorts.values() for each in times]
    return {
        "load_ms": round(load),
        "sort_ms_median": round(statistics.median(every)),
        "sort_ms_largest": round(max(every)),
        "sort_ms": {key: round(max(times)) for key, times in sorts.items()},
    }


def _cores() -> int:
    import os

    return os.cpu_count() or 1


if __name__ == "__main__":
    main()
