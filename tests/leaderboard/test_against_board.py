"""Rows that contradict their board, their settings, their texts or each other are refused."""

import json

import pytest

from harness.errors import DataError
from harness.leaderboard.board import against_rules, read_board
from harness.leaderboard.build import build
from harness.leaderboard.duplicates import Originals
from harness.leaderboard.plausible import TOLERANCE, off_scale
from harness.leaderboard.recomputed import Numbers
from harness.leaderboard.untrusted import read_submission
from harness.leaderboard.verify_rows import differences, verify_row
from tests.support.boards import add_row, make_board, rules, submission, texts_for, with_value


def verdict(board, folder):
    place = read_board(board)
    with pytest.raises(DataError) as error:
        verify_row(place, folder, None, Originals(place))
    return str(error.value)


RULES = {
    "other data": ("test.fingerprint", "cd" * 32, "test.fingerprint is 'cd"),
    "longer texts": ("test.max_new_tokens", 4096, "is 4096; the board's is 448"),
    "warmer": ("test.temperature", 0.8, "test.temperature is 0.8"),
    "other tool": ("metrics.bleu.signature", "mine", "bleu is signed 'mine'; the board's is"),
    "no value": ("metrics.bleu.value", None, "bleu has no value"),
}  # fmt: skip


@pytest.mark.parametrize("case", RULES)
def test_a_row_under_other_rules_is_refused(board, case):
    path, value, message = RULES[case]
    folder = add_row(board, with_value(submission(rules(), 1), path, value))
    assert message in verdict(board, folder)


def test_metrics_are_exactly_the_boards(board):
    row = submission(rules(), 1)
    row["metrics"]["own"] = {"value": 100.0, "signature": "mine"}
    row["slices"]["nice"] = [{"start": 0, "value": 100.0}]
    row["examples"]["scores"]["fine"] = [100.0] * 40
    del row["metrics"]["meteor"]
    folder = add_row(board, row)
    message = verdict(board, folder)
    assert "no meteor; the board shows following, bleu, rouge1, rougeL, meteor" in message
    assert "metrics own are not the board's" in message
    assert "slices nice are not the board's" in message
    assert "examples.scores fine are not the board's" in message


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_new_tokens", 2000), ("temperature", 0.8), ("top_p", 0.5), ("samples", 4),
     ("max_new_tokens", None), ("top_k", 20), ("repetition_penalty", 1.2), ("stop", ["\n\n", 13]),
     ("strip", []), ("strip", ["think", "plan"])],
)  # fmt: skip
def test_a_run_whose_settings_are_not_the_rules_is_refused(board, name, value):
    row = submission(rules(), 1)
    row["run"]["settings"][f"decode.{name}"] = value
    message = verdict(board, add_row(board, row))
    later = {"top_k": None, "repetition_penalty": 1.0, "stop": (), "strip": ("think",)}
    allowed = {**later, **rules()}  # rows from before lack these
    found = tuple(value) if isinstance(value, list) else value
    assert f"run.settings decode.{name} is {found!r}; the board's is {allowed[name]!r}" in message


@pytest.mark.parametrize(
    ("name", "value", "usual"), [("stop", ["###"], ()), ("strip", [], ("think",))]
)
def test_rules_of_ends_and_hidden_blocks_apply_to_test_and_settings(tmp_path, name, value, usual):
    """A row that ends its texts as the board says is read; one with the usual ends is refused."""
    board = make_board(tmp_path, {**rules(), name: value})
    row = submission({**rules(), name: value}, 1)
    row["run"]["settings"][f"decode.{name}"] = value
    place, folder = read_board(board), add_row(board, row)
    assert verify_row(place, folder, None, Originals(place)).status == "self-reported"
    message = verdict(board, add_row(board, submission(rules(), 2)))
    assert f"test.{name} is {usual!r}; the board's is" in message


def with_settings(row, changes):
    """The row with changed settings of its run; None removes one."""
    row = json.loads(json.dumps(row))
    settings = {**row["run"]["settings"], **changes}
    row["run"]["settings"] = {key: value for key, value in settings.items() if value is not None}
    return row


CONTRADICTIONS = {
    "task": ({"task": "topic_writing"}, "settings task is 'topic_writing'; the board's is"),
    "tier": ({"preset": "paper"}, "settings preset is 'paper'; the board's is 'mini'"),
    "setting": ({"data.setting": "temporal"}, "data.setting is 'temporal'; the board's is 'user'"),
    "limit": ({"data.limit": 7}, "data.limit is 7; the board's is None"),
    "draw": ({"data.mini_seed": 5}, "data.mini_seed is 5; the board's is 0"),
    "source": ({"data.source": "hub"}, "data.source is 'hub'; the board's is 'mini'"),
    "no task": ({"task": None}, "settings task is None; the board's is 'product_review'"),
    "seed": ({"seed": 7}, "run.seed is 1; run.settings seed is 7"),
    "backbone": ({"model.backbone": "mini-large"},
                 "backbone.name is 'mini'; run.settings model.backbone is 'mini-large'"),
}  # fmt: skip


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_a_run_whose_settings_contradict_the_board_or_the_row_is_refused(tmp_path, case):
    changes, message = CONTRADICTIONS[case]
    board = make_board(tmp_path / "boards", rules(), data="mini")
    folder = add_row(board, with_settings(submission(rules(), 1), changes))
    assert message in verdict(board, folder)
    assert message in build(tmp_path / "boards", tmp_path / "page").left_out[0]


@pytest.mark.parametrize(
    ("setting", "shown", "refused"),
    [(None, "mini", False), (None, None, False), (None, "mini-large", True),
     ("mini-half", "mini-half", False), ("mini-half", None, False), ("mini-half", "mini", True)],
)  # fmt: skip
def test_the_reasoner_of_a_row_is_that_of_its_settings(board, setting, shown, refused):
    """Without a setting it is a copy of the backbone; a method without a reasoner has none."""
    row = with_settings(submission(rules(), 1), {"model.reasoner": setting})
    row["backbone"]["reasoner"] = shown
    found = list(against_rules(read_board(board).board, read_submission(add_row(board, row))))
    message = f"backbone.reasoner is {shown!r}; by run.settings model.reasoner it is"
    assert [each.startswith(message) for each in found] == [True] * refused


def test_a_folder_of_any_name_and_any_name_of_a_revision_keep_to_the_rules(board):
    changes = {"data.source": "my reviews", "data.revision": "v2"}
    folder, place = (
        add_row(board, with_settings(submission(rules(), 1), changes)),
        read_board(board),
    )
    assert verify_row(place, folder, None, Originals(place)).status == "self-reported"


SCALES = {
    "a value": ("metrics.bleu.value", 5000.0, "bleu: found 5000.0; expected 0 to 100"),
    "an interval's end": ("metrics.rouge1.high", 100.1, "rouge1: found 100.1; expected 0 to 100"),
    "an example": ("examples.scores.rouge1.0", -0.1, "rouge1: found -0.1; expected 0 to 100"),
    "BLEU without a user": ("examples.without.bleu.3", 1e12, "bleu: found 1000000000000.0;"),
    "a slice": ("slices.meteor.0.value", 101.0, "meteor: found 101.0; expected 0 to 100"),
    "a likelihood": ("likelihood.low", -1.0, "likelihood: found -1.0; expected 0 to 1000"),
    "its slice": ("likelihood_slices.1.high", 1e9, "likelihood: found 1000000000.0;"),
}


@pytest.mark.parametrize("case", SCALES)
def test_numbers_off_their_scale_are_refused_and_not_shown(board, tmp_path, case):
    path, value, message = SCALES[case]
    folder = add_row(board, with_value(submission(rules(), 1), path, value))
    assert message in verdict(board, folder)
    built = build(board.parents[2], tmp_path / "page")
    assert message in built.left_out[0]


def test_of_a_metric_of_all_texts_only_these_are_on_its_scale(board):
    """One text may be beyond it, as in scoring; each text of a mean counts."""
    row = with_value(submission(rules(), 1), "examples.scores.bleu.0", 300.0)
    assert list(off_scale(read_submission(add_row(board, row)))) == []


def test_a_metric_that_is_not_built_in_has_its_own_scale(board):
    row = submission(rules(), 1)
    for part in (row["metrics"], row["slices"], row["examples"]["scores"]):
        part["perplexity"] = part.pop("meteor")
    row["metrics"]["perplexity"].update(value=5000.0, low=-3.0)
    assert list(off_scale(read_submission(add_row(board, row)))) == []


@pytest.mark.parametrize(
    ("field", "value"), [("low", 10.0), ("high", 90.0), ("start", 1), ("examples", 3)]
)
def test_all_of_a_slice_is_compared(board, field, value):
    row = read_submission(add_row(board, submission(rules(), 1)))
    again = Numbers(row.metrics, row.slices, row.examples, missing={})
    assert set(dict(differences(row, again)).values()) == {0}
    first, *rest = row.slices["rouge1"]
    curve = (first.model_copy(update={field: value}), *rest)
    invented = row.model_copy(update={"slices": {**row.slices, "rouge1": curve}})
    gaps = dict(differences(invented, again))
    assert gaps.pop("rouge1") > TOLERANCE
    assert set(gaps.values()) == {0}


def test_impossible_numbers_are_refused(board):
    row = submission(rules(), 1)
    row["metrics"]["rouge1"]["value"] = 99.0
    assert "rouge1 is 99.0000, its examples' mean" in verdict(board, add_row(board, row))
    row = submission(rules(), 2)
    row["metrics"]["bleu"]["low"] = 80.0
    assert "bleu: 80.0 ≤" in verdict(board, add_row(board, row))


IMPOSSIBLE = {
    "a likelihood": ("likelihood.value", 0.1, "likelihood: "),
    "a likelihood's slice": ("likelihood_slices.2.low", 9.0, "likelihood from 200 on: 9.0 ≤"),
    "a slice": ("slices.bleu.1", {"start": 100, "value": 40.0, "low": 41.0, "high": 42.0},
                "bleu from 100 on: 41.0 ≤ 40.0 ≤ 42.0 does not hold"),
    "failed": ("n.failed", 3, "n.failed is 3; expected a complete run without failures"),
    "empty": ("n.empty", 41, "n.empty is 41; at most n.planned, 40, is possible"),
    "capped": ("n.capped", 41, "n.capped is 41; at most"),
    "cut": ("n.input_cut", 41, "n.input_cut is 41; at most"),
}  # fmt: skip


@pytest.mark.parametrize("texts", [True, False], ids=["texts", "numbers"])
@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_what_no_run_can_have_is_refused_on_every_board(tmp_path, case, texts):
    path, value, message = IMPOSSIBLE[case]
    board = make_board(tmp_path, rules(), texts=texts)
    row = with_value(submission(rules(), 1), path, value)
    assert message in verdict(board, add_row(board, row, texts=None if texts else []))


def test_a_board_of_numbers_takes_no_texts_and_one_of_texts_no_row_without(tmp_path, board):
    numbers = make_board(tmp_path, rules(tier="paper"), texts=False)
    row = submission(rules(tier="paper"), 1)
    assert "this board's texts may not be published" in verdict(numbers, add_row(numbers, row))
    folder = add_row(board, submission(rules(), 1), texts=[])
    assert "no predictions.jsonl; this board scores every row again" in verdict(board, folder)


def test_the_same_texts_under_two_names_are_refused(board):
    first = submission(rules(), 1)
    add_row(board, first, status="verified")
    copy = json.loads(json.dumps({**first, "id": "mine", "name": "All my own work"}))
    for name in copy["examples"]["scores"]:
        copy["examples"]["scores"][name][:3] = [1.0, 2.0, 3.0]  # three texts changed of 40
    for name, column in copy["examples"]["scores"].items():
        if name != "bleu":
            copy["metrics"][name].update(value=sum(column) / 40, low=0.0, high=100.0)
    folder = add_row(board, copy, texts=texts_for(copy))
    assert "duplicates the texts of rag-s1: 37 of 40 examples" in verdict(board, folder)
    place = read_board(board)
    original = board / "rag-s1"  # which was there before, and stays
    assert verify_row(place, original, None, Originals(place)).status == "self-reported"


def test_of_two_unverified_duplicates_the_later_gives_way(board):
    first = submission(rules(), 1)
    rows = [add_row(board, {**first, "id": name, "name": name}) for name in ("mine", "yours")]
    for row in rows:
        assert "(neither is verified: the later one gives way)" in verdict(board, row)


def test_rows_that_agree_in_part_are_not_duplicates(board):
    first = submission(rules(), 1)
    add_row(board, first)
    other = submission(rules(), 7)
    other["examples"]["scores"]["bleu"] = first["examples"]["scores"]["bleu"]
    folder = add_row(board, other)
    place = read_board(board)
    assert verify_row(place, folder, None, Originals(place)).status == "self-reported"
