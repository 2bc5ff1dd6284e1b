"""A row's method run again on another draw of the built-in benchmark."""

import json
from math import hypot

import pytest

from harness.errors import DataError, HarnessError, UsageError
from harness.leaderboard.board import read_board
from harness.leaderboard.rerun import NORMAL, TRAINING, rerun, rerun_settings, tolerance_of
from harness.leaderboard.submission import Value
from harness.leaderboard.untrusted import read_submission
from harness.leaderboard.verification import Verification
from harness.registry import find
from harness.settings.flat import flat
from tests.support.boards import DECODING, add_row, edit, make_board, rows_of, rules, submission

VERIFIED = Verification(status="verified", files="0" * 64, harness="0", tolerance=0.01, largest={})


@pytest.fixture
def row(boards):
    return rows_of(boards / "mini", "nonpers")


def again(row, results, seed=5):
    board, found = read_board(row.parent).board, read_submission(row)
    return VERIFIED.after(rerun(board, found, seed, results, find("method", found.method)))


def claim(row, level):
    def raise_it(fields):
        fields["metrics"]["following"].update(value=level, low=level - 2, high=level + 2)

    edit(row, raise_it)


def test_an_honest_row_is_reproduced(row, tmp_path):
    verification = again(row, tmp_path)
    assert (verification.status, verification.rerun.seed, verification.rerun.metric) == (
        "rerun",
        5,
        "following",
    )
    assert verification.rerun.claimed == read_submission(row).metrics["following"].value
    record = json.loads(next(tmp_path.rglob("nonpers/*/record.json")).read_text())
    assert record["settings"]["data"]["mini_seed"] == 5
    assert record["settings"]["decode"]["max_new_tokens"] == 24
    assert verification.rerun.found == record["metrics"]["following"]["value"]
    assert (verification.rerun.seeds, verification.rerun.trains) == ((5,), False)  # no training
    assert len(verification.rerun.without) == len(
        {each["user"] for each in record["examples"].values()}
    )


@pytest.mark.slow
def test_a_method_that_trains_runs_with_three_seeds_and_their_mean_counts(boards, tmp_path):
    row = rows_of(boards / "mini", "nonpers")
    edit(row, lambda fields: fields["run"]["settings"].update({"train.epochs": 0.05}))
    board, found = read_board(row.parent).board, read_submission(row)
    turned = dict(reversed(board.metrics.items()))  # preferences followed are all 0 in short texts
    one = rerun(
        board.model_copy(update={"metrics": turned}), found, 5, tmp_path, find("method", "sft")
    )
    assert one.metric == "rouge1"
    records = [json.loads(path.read_text()) for path in sorted(tmp_path.rglob("sft/*/record.json"))]
    assert one.seeds == (5, 6, 7) == tuple(record["seed"] for record in records)
    assert {record["settings"]["data"]["mini_seed"] for record in records} == {5}
    values = [record["metrics"]["rouge1"]["value"] for record in records]
    assert one.each == pytest.approx(values, abs=1e-4)
    assert one.found == pytest.approx(sum(values) / 3, abs=1e-4)
    assert one.low < one.found < one.high
    # the mean without a user, by hand
    examples = [list(record["examples"].values()) for record in records]
    kept = [i for i, each in enumerate(examples[0]) if each["user"] != examples[0][0]["user"]]
    left = [sum(own[i]["scores"]["rouge1"] for i in kept) / len(kept) for own in examples]
    assert one.without[0] == pytest.approx(sum(left) / 3, abs=1e-3)


def test_a_claim_that_the_method_does_not_reach_is_not_reproduced(row, tmp_path):
    """As of texts copied from the public references: they score, the method does not."""
    claim(row, 98.0)
    verification = again(row, tmp_path)
    assert verification.status == "not reproduced"
    assert verification.rerun.claimed == 98.0
    assert verification.rerun.claimed - verification.rerun.found > verification.rerun.tolerance


def test_a_better_rerun_is_accepted(row, tmp_path):
    claim(row, -50.0)
    assert again(row, tmp_path).status == "rerun"


def test_the_tolerance_by_hand():
    # half widths 3 and 4 → the difference's is 5; training adds errors of one seed and of a mean
    claimed, found = Value(value=50, low=47, high=53), Value(value=40, low=36, high=44)
    assert tolerance_of(claimed, found, None) == pytest.approx(hypot(3, 4))
    assert tolerance_of(claimed, found, 4) == pytest.approx(
        hypot(3, 4, NORMAL * TRAINING, NORMAL * TRAINING / 2)
    )
    with pytest.raises(DataError, match="with one user there is none"):
        tolerance_of(claimed, Value(value=40), None)


def test_nothing_of_a_row_reaches_beyond_the_package(row):
    board = read_board(row.parent).board

    def settings_with(**changes):
        edit(row, lambda fields: fields["run"]["settings"].update(changes))
        return rerun_settings(board, read_submission(row), 5)

    found = settings_with(**{
        "data.source": "/etc", "eval.metrics": ["evaluate:/tmp/evil.py"], "task": "topic_writing",
    })  # fmt: skip
    assert (found.data.source, found.task) == ("mini", "product_review")
    assert found.eval.metrics == ("following", "bleu", "rouge1")
    for key in ("model.backbone", "model.reasoner", "model.base", "retrieval.dense_model"):
        with pytest.raises(DataError, match=r"run.settings name 'evil/model'; a rerun loads mini"):
            settings_with(**{key: "evil/model"})
        settings_with(**{key: None if key != "model.backbone" else "mini"})
    for path in ("/etc/passwd", ["x", "../up"]):
        with pytest.raises(DataError, match=r"run.settings method.file is the path '"):
            settings_with(**{"method.file": path})
    settings_with(**{"method.file": "name"})
    tracked = settings_with(**{"track.to": ["wandb"], "api.key": "SECRET"})
    assert (tracked.track.to, tracked.api.key) == ((), "OPENAI_API_KEY")
    with pytest.raises(DataError, match=r"unknown key 'data.code'"):
        settings_with(**{"data.code": "x"})


def test_a_rerun_keeps_to_the_boards_cap_and_sampling(tmp_path):
    board = make_board(tmp_path, rules(), data="mini")
    fields = submission(rules(), 1)
    fields["run"]["settings"] |= {
        "decode.max_new_tokens": 2000, "decode.temperature": 0.8, "decode.top_p": 0.5,
        "decode.samples": 4, "decode.batch_size": 8, "decode.top_k": 5,
        "decode.repetition_penalty": 1.5,
    }  # fmt: skip
    row = read_submission(add_row(board, fields))
    found = rerun_settings(read_board(board).board, row, 5).decode
    assert (found.max_new_tokens, found.temperature, found.top_p, found.samples) == (448, 0, 1, 1)
    assert (found.top_k, found.repetition_penalty) == (None, 1.0)
    assert found.batch_size == 8


def test_a_rerun_has_every_setting_of_the_row_that_the_board_does_not_rule(tmp_path):
    board = make_board(tmp_path, rules(), data="mini")
    fields = submission(rules(), 1)
    own = {
        "seed": 3, "data.on_leak": "drop", "data.train_limit": 24, "data.val_limit": 8,
        "retrieval.ranking": "recency", "retrieval.k": 2, "budget.profile": 80, "budget.target": 60,
        "model.backbone": "mini-half", "model.adapter": "lora", "model.lora_rank": 4,
        "train.epochs": 0.5, "train.lr": 0.01, "train.profile_dropout": 0.3,
        "decode.step": "lean", "decode.batch_size": 8, "method.lam": 2, "method.kind.name": "x",
    }  # fmt: skip
    fields["run"]["settings"] = {
        **own,
        **{f"decode.{key}": fields["test"][key] for key in DECODING},
    }
    row = read_submission(add_row(board, fields))
    found = dict(flat(rerun_settings(read_board(board).board, row, 5).model_dump()))
    assert {key: found[key] for key in own} == own
    assert (found["data.mini_seed"], found["data.source"]) == (5, "mini")


def test_a_rerun_has_the_boards_number_of_test_examples(row):
    board = read_board(row.parent).board
    edit(row, lambda fields: fields["run"]["settings"].update({"data.limit": 50}))
    assert rerun_settings(board, read_submission(row), 5).data.limit == board.limit == 4


def test_a_rerun_chooses_the_rate_that_the_rows_training_took_from_another_seed(row):
    """The first training seed of the rerun tries the rates, and the others take its choice."""
    edit(row, lambda fields: fields["run"]["settings"].update({"train.lr_trial_seed": 0}))
    found = rerun_settings(read_board(row.parent).board, read_submission(row), 5)
    assert found.train.lr_trial_seed == 5


def test_where_a_rerun_makes_no_sense(row, boards):
    found = read_submission(row)
    with pytest.raises(UsageError, match="--rerun 0: that is the board's own seed"):
        rerun_settings(read_board(row.parent).board, found, 0)
    other = read_board(rows_of(boards / "folder", "rag").parent).board
    with pytest.raises(UsageError, match="is on folder data, which cannot be drawn"):
        rerun_settings(other, found, 5)
    errors = read_board(row.parent).board.model_copy(update={"metrics": {"errors": "made up"}})
    with pytest.raises(UsageError, match="ranked by errors, of which a higher value is not known"):
        rerun_settings(errors, found, 5)


def test_a_method_that_is_not_installed_is_named(row):
    edit(row, lambda fields: fields.update(method="mine"))
    with pytest.raises(HarnessError, match="no method 'mine'"):
        find("method", read_submission(row).method)
