"""The summary's notes say what its intervals and letters are about."""

import pytest

from harness.reports.compared.verdicts import compare_boards
from harness.reports.sections.summary_table import summary_table
from tests.support.synthetic import board_of, write_runs

TASK = ["product_review"]
CHECKPOINTS = "users, for these checkpoints (fewer than three training seeds)"


@pytest.mark.parametrize(
    ("seeds", "examples", "interval", "letters"),
    [
        ({"nonpers": 1, "rag": 1}, 40, "[95 % interval over users]", "methods"),
        ({"nonpers": 1, "rag": 1}, 1, "without an interval", "checkpoints"),
        ({"rag": 1, "sft": 1}, 40, f"[95 % interval over users, or {CHECKPOINTS}]", "checkpoints"),
        (
            {"sft": 3, "cot": 1},
            40,
            f"[95 % interval over users and training seeds, or {CHECKPOINTS}]",
            "checkpoints",
        ),
        (
            {"nonpers": 1, "sft": 3, "cot": 1},
            40,
            f"[95 % interval over users, or users and training seeds, or {CHECKPOINTS}]",
            "methods or checkpoints",
        ),
    ],
)
def test_the_note_names_what_the_intervals_of_these_systems_are_over(
    tmp_path, seeds, examples, interval, letters
):
    for method, count in seeds.items():
        write_runs(tmp_path, [method], TASK, tuple(range(count)), examples=examples)
    compared = compare_boards([board_of(tmp_path)])
    note = summary_table(compared).notes[0]
    assert f"value {interval}. Superscripts" in note
    assert f"within a task, {letters} that share a letter" in note
    assert {one.about for one in compared[0].main.pairs.values()} == set(letters.split(" or "))
