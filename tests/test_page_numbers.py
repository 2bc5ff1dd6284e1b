"""Numbers of pages that the program, published records or arithmetic give."""

import re

import pytest

from benchmarks.mini_choices import PUBLISHED
from harness.data import checks, row_models
from harness.leaderboard import verify_rows
from harness.record import find_runs, read_record
from harness.record.strict_json import BIGGEST
from harness.settings.parsed import MOST_VALUES
from tests.support.pages import ROOT

TASK = "product_review"
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


def test_floors_are_those_of_the_published_records():
    def floor(study, name):
        (record,) = map(read_record, find_runs([PUBLISHED / study / TASK / f"floor-{name}"]))
        return {key: score.value for key, score in record.metrics.items()}

    long, words, other = (
        floor("reviews", "longest"),
        floor("reviews", "words"),
        floor("mini", "other"),
    )
    said = " ".join(page("metrics.md").split())
    for sentence in (
        f"has BLEU {long['bleu']:.2f}, ROUGE-1 {long['rouge1']:.1f} and METEOR"
        f" {long['meteor']:.1f},",
        f"`floor-words` ROUGE-L {words['rougeL']:.1f}, where the longest entry has"
        f" {long['rougeL']:.1f}.",
        f"On mini `floor-other` has BLEU {other['bleu']:.1f} and ROUGE-1 {other['rouge1']:.1f} but"
        f" follows {other['following']:.1f} %",
    ):
        assert sentence in said


def test_memory_of_training_is_16_bytes_a_parameter():
    rows = re.findall(r"^\| ([\d.]+) billion \| (\d+) GiB \| (\d+) GiB", page("gpus.md"), re.M)
    assert len(rows) == 4
    for billions, one, two in rows:
        whole = 16 * float(billions) * 1e9 / 2**30
        assert (int(one), int(two)) == (round(whole), round(2 * whole)), billions
