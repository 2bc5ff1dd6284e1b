"""Numbers of pages that the program or arithmetic gives."""

import re

import pytest

from harness.data import checks, row_models
from harness.leaderboard import verify_rows
from harness.record.strict_json import BIGGEST
from harness.settings.run_file import MOST_VALUES
from tests.support.pages import ROOT

LIMITS = {
    "a text in a row of data": f"{row_models.TEXT_CHARACTERS:,} characters",
    "an id or a user": f"{row_models.ID_CHARACTERS} characters",
    "a text to be scored": f"{row_models.OUTPUT_CHARACTERS:,} characters",
    "a text of a submission": f"{verify_rows.CHARACTERS_PER_TOKEN} characters for each token",
    "all texts of a submission together":
        f"on average {verify_rows.MEAN_CHARACTERS_PER_TOKEN} characters for each token",
    "a number in a record": f"±{BIGGEST:g}".replace("+", ""),
    "values in a YAML run file, aliases expanded": f"{MOST_VALUES:,}",
}  # fmt: skip


def page(name):
    return (ROOT / "docs" / name).read_text("utf-8")


@pytest.mark.parametrize("rule", LIMITS)
def test_a_limit_is_that_of_the_program(rule):
    assert f"| {rule} | {LIMITS[rule]}" in page("reliability.md")


def test_runs_of_combining_marks_are_broken_where_the_page_says():
    (most,) = map(int, re.findall(r"compared \| broken after (\d+)", page("reliability.md")))
    mark, joiner = "\u0301", "\u034f"
    assert checks.fold(f"x{(most + 1) * mark}") == f"x{most * mark}{joiner}{mark}"
    assert joiner not in checks.fold(f"x{(most - 1) * mark}")


def test_memory_of_training_is_16_bytes_a_parameter():
    rows = re.findall(r"^\| ([\d.]+) billion \| (\d+) GiB \| (\d+) GiB", page("gpus.md"), re.M)
    assert len(rows) == 4
    for billions, one, two in rows:
        whole = 16 * float(billions) * 1e9 / 2**30
        assert (int(one), int(two)) == (round(whole), round(2 * whole)), billions
