"""What a reader is warned of before the numbers: counts, machines, seeds, unequal settings."""

import dataclasses

import pytest

from harness.record import Counts
from harness.reports.compare_runs import Options, compare
from harness.reports.runs.boards import load_boards
from harness.reports.runs.comparable import checked
from harness.reports.sections.settings_and_runs import warnings
from tests.support.synthetic import METHODS, write_runs

TASK = ["product_review"]


def warned(tmp_path, **changes):
    write_runs(tmp_path, ["sft"], TASK, seeds=(0, 1, 2))
    write_runs(tmp_path, ["rag"], TASK, seeds=(0, 1, 2), changes=changes)
    boards, _ = load_boards([tmp_path])
    return "\n".join(warnings([checked(board, allow_different=False) for board in boards], []))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ""),
        ({"n": Counts(planned=40, scored=40, failed=2)},
         "examples with a failed text, scored as empty: rag 2 (of 40 examples a seed; the"),
        ({"n": Counts(planned=40, scored=40, empty=3)},
         "examples with an empty text: rag 3 (of 40 examples a seed; the seed with most)"),
        ({"n": Counts(planned=40, scored=40, capped=5)},
         "examples with a text that reached the cap on new tokens: rag 5 (of 40 examples a"),
        ({"n": Counts(planned=40, scored=40, input_cut=7)},
         "prompts cut to their budget: rag 7 (of 40 examples a seed; the"),
        ({"n": Counts(planned=40, scored=40, target_cut=9)}, "training targets cut: rag 9"),
        ({"n": Counts(planned=39, scored=39)}, "unequal test examples: rag 39, sft 40"),
        ({"code": {"version": "0", "commit": "c", "clean": False}},
         "uncommitted changes in the code of 3 runs: rag (s0-"),
        ({"device": {"device": "cuda:0", "dtype": "float32", "threads": 2}},
         "times are not comparable because machines differ: device  cuda:0: rag; cpu: sft"),
    ],
)  # fmt: skip
def test_warnings_are_at_the_top(tmp_path, changes, expected):
    shown_text = warned(tmp_path, **changes)
    assert expected in shown_text
    assert "fewer than 3" not in shown_text
    assert bool(shown_text) == bool(expected)


def test_test_targets_that_are_training_targets_are_counted(tmp_path):
    write_runs(tmp_path, ["sft"], TASK, seeds=(0, 1, 2))
    (board,), _ = load_boards([tmp_path])
    data = dataclasses.replace(
        board.systems[0].record.data, in_train={"val": (), "test": ("t-1", "t-2")}
    )
    assert "test targets that are training targets too: rag 2 (of 40" in warned(tmp_path, data=data)


def test_targets_in_other_users_profiles_are_counted_by_view(tmp_path):
    write_runs(tmp_path, ["rag"], TASK, full=True)
    (board,), _ = load_boards([tmp_path])
    (run,) = board.systems[0].runs
    lift = dataclasses.replace(run.record.lift, shared=7)
    record = dataclasses.replace(run.record, lift=lift)
    system = dataclasses.replace(board.systems[0], runs=(dataclasses.replace(run, record=record),))
    (line,) = [
        one
        for one in warnings([dataclasses.replace(board, systems=(system,))], [])
        if "were passed over" in one
    ]
    assert "profile swap: targets in other users' profiles" in line
    assert line.endswith("rag 7 (of 40 examples)")


def test_one_seed_unequal_seeds_and_few_users_give_warnings(tmp_path):
    write_runs(tmp_path, ["sft"], TASK, seeds=(0, 1), examples=12)
    write_runs(tmp_path, ["rag"], TASK, examples=12)
    document = compare([tmp_path])
    shown_text = "\n".join(document.warnings)
    assert "fewer than 3 training seeds describe checkpoints, not methods: sft" in shown_text
    assert "unequal training seeds: rag 1, sft 2" in shown_text
    assert "12 users: intervals but no verdicts, which need 20 users" in shown_text
    assert "No verdict: 12 users: a verdict needs 20." in document.sections[0].text[0]


def test_one_user_has_no_intervals(tmp_path):
    write_runs(tmp_path, ["rag"], TASK, examples=1)
    shown = warnings(load_boards([tmp_path])[0], [])
    need = "1 user: no intervals and no verdicts; verdicts need 20 users"
    assert f"product_review: {need}" in shown


def test_many_systems_are_counted_together(tmp_path):
    counts = Counts(planned=40, scored=40, capped=5)
    write_runs(tmp_path, METHODS, TASK, examples=12, changes={"n": counts})
    write_runs(tmp_path, ["sft"], TASK, (1,), 12, changes={"n": Counts(planned=40, scored=40)})
    more = {"n": dataclasses.replace(counts, capped=7)}
    for lam in ("1.0", "2.0", "3.0"):
        write_runs(tmp_path, ["flythinker"], TASK, examples=12, changes=more,
                   assignments={"flythinker": [f"method.lam={lam}"]})  # fmt: skip
    document = compare([tmp_path], Options(texts=False))
    assert document.title == (
        "Comparison of 9 systems: nonpers, rag, sft, cot, coconut and flythinker"
    )
    shown_text = "\n".join(document.warnings)
    assert (
        "examples with a text that reached the cap on new tokens: 5 to 7 in all"
        " (of 12 examples a seed; the seed with most)" in shown_text
    )
    assert "unequal training seeds: 2 for sft; 1 for all but sft" in shown_text
    assert "describe checkpoints, not methods: all" in shown_text


def test_the_first_part_names_what_systems_were_not_given_alike(tmp_path):
    write_runs(tmp_path, ["sft"], TASK, examples=12)
    other = ["train.epochs=9", "budget.profile=99", "retrieval.k=2"]
    write_runs(tmp_path, ["cot"], TASK, examples=12, assignments={"cot": other})
    first = compare([tmp_path], Options(texts=False)).sections[0].text
    assert first[-1].startswith(
        "product_review: not given the same: budget.profile  512: sft; 99: cot; "
    )
    for what in ("retrieval.k  as many as fit: sft; 2: cot", "train.epochs  4: sft; 9: cot"):
        assert what in first[-1]
