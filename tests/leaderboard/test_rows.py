"""From a run to a row to its verification: verify reproduces what submit wrote, or refuses it."""

import dataclasses
import json
import shutil

import pytest

from harness.errors import DataError, UsageError
from harness.leaderboard.board import boards as all_boards
from harness.leaderboard.board import read_board
from harness.leaderboard.pack import submit
from harness.leaderboard.plausible import TOLERANCE
from harness.leaderboard.row import Words, costs_of
from harness.leaderboard.untrusted import read_submission, read_texts
from harness.leaderboard.verification import Verification, read_verification, write_verification
from harness.leaderboard.verify_rows import verify_all
from harness.record import read_record, write_json
from harness.settings import RunSettings
from tests.support.boards import edit, make_board, rows_of, rules
from tests.support.synthetic import made_up

BY = Words(by="Someone")
FOLDER = "folder/product_review/user/mini"


def verdicts(root, source=None):
    places = [(place, place.rows()) for place in all_boards(root)]
    return dict(verify_all(places, source))


def test_a_row_has_no_time_and_memory_of_a_training_on_another_machine():
    record = made_up("product_review", "sft")
    assert (costs_of(record).training_s, costs_of(record).peak_memory_mib) == (105.1, 900)
    training = dataclasses.replace(record.training, machine=record.device)
    here = costs_of(dataclasses.replace(record, training=training))
    assert (here.training_s, here.peak_memory_mib) == (None, 800)


def test_a_row_says_what_its_run_measured(packed, runs, reviews):
    record = read_record(runs["rag"])
    row = read_submission(rows_of(packed / "folder", "rag"))
    for name, score in record.metrics.items():
        assert row.metrics[name].value == pytest.approx(score.value)
        assert row.metrics[name].signature == score.signature
        each = [record.examples[key].scores[name] for key in row.examples.ids]
        assert row.examples.scores[name] == pytest.approx(each, abs=1e-4)
    assert row.examples.users == (0, 0, 1, 1, 2, 2, 3, 3)  # two examples each of four users
    assert (row.n.planned, row.test.examples, row.test.users) == (8, 8, 4)
    assert row.run.settings["decode.max_new_tokens"] == 24
    assert str(reviews.parent) not in row.model_dump_json()


def test_bleu_without_a_user_is_sacrebleus_corpus_of_the_others(packed, runs, reviews):
    import sacrebleu

    folder = rows_of(packed / "folder", "rag")
    row, texts = read_submission(folder), read_texts(folder)[0]
    data = [json.loads(each) for each in (reviews / "product_review/test.jsonl").open()]
    kept = [at for at, user in enumerate(row.examples.users) if user != 1]
    corpus = sacrebleu.corpus_bleu(
        [texts[row.examples.ids[at]] for at in kept], [[data[at]["output"] for at in kept]]
    )
    assert row.examples.without["bleu"][1] == pytest.approx(corpus.score, abs=1e-4)


def test_rows_are_verified_if_their_data_is_available(boards, reviews):
    found = verdicts(boards / "folder", str(reviews))
    assert [verification.status for verification in found.values()] == ["verified", "verified"]
    assert all(max(verification.largest.values()) < 1e-3 for verification in found.values())
    found = verdicts(boards / "folder")
    assert {(verification.status, verification.notes) for verification in found.values()} == {
        ("self-reported", ("no data here",))
    }


def test_the_built_in_data_is_always_available(boards):
    (verification,) = verdicts(boards / "mini").values()
    assert verification.status == "verified"
    assert set(verification.largest) == {"following", "bleu", "rouge1"}


def test_a_metric_that_this_version_computes_in_another_way_is_named(boards):
    row = rows_of(boards / "mini", "nonpers")
    path = row.parent / "board.json"
    rules = json.loads(path.read_text())
    rules["metrics"]["following"] = "following|as once"
    path.write_text(json.dumps(rules))
    edit(row, lambda fields: fields["metrics"]["following"].update(signature="following|as once"))
    message = str(verdicts(boards / "mini")[row])
    assert "following is 'following|calls" in message
    assert "here; the board's is 'following|as once': verify with the version" in message
    assert "differ" not in message


def test_a_claim_beyond_the_tolerance_is_refused(boards, reviews):
    row = rows_of(boards / "folder", "rag")

    def more(fields):
        column = fields["examples"]["scores"]["rouge1"]
        column[:] = [value + 0.02 for value in column]
        for end in ("value", "low", "high"):
            if fields["metrics"]["rouge1"][end] is not None:
                fields["metrics"]["rouge1"][end] += 0.02

    edit(row, more)
    error = verdicts(boards / "folder", str(reviews))[row]
    assert isinstance(error, DataError)
    assert f"rouge1: claimed and recomputed differ by 0.0200; at most {TOLERANCE}" in str(error)


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (["examples", "scores", "bleu"], "bleu: claimed and recomputed differ"),
        (["examples", "without", "bleu"], "bleu: claimed and recomputed differ"),
    ],
)
def test_a_changed_example_is_found(boards, reviews, field, message):
    row = rows_of(boards / "folder", "rag")

    def change(fields):
        for key in field:
            fields = fields[key]
        fields[0] += 1

    edit(row, change)
    assert message in str(verdicts(boards / "folder", str(reviews))[row])


def test_changed_slices_and_users_and_texts_are_found(boards, reviews):
    row = rows_of(boards / "folder", "rag")
    original = (row / "submission.json").read_text()
    shifted = {"value": 77.0, "low": 76.0, "high": 78.0}
    edit(row, lambda fields: fields["slices"]["rouge1"][0].update(shifted))
    assert "rouge1: claimed" in str(verdicts(boards / "folder", str(reviews))[row])
    (row / "submission.json").write_text(original)
    edit(row, lambda fields: fields["examples"].update(users=[0, 1, 1, 0, 2, 2, 3, 3]))
    assert "does not group the examples by user" in str(
        verdicts(boards / "folder", str(reviews))[row]
    )
    (row / "submission.json").write_text(original)
    texts = [json.loads(line) for line in (row / "predictions.jsonl").read_text().splitlines()]
    texts[0]["output"] = "Other words than those that were scored, this lamp is good."
    (row / "predictions.jsonl").write_text("".join(json.dumps(text) + "\n" for text in texts))
    assert "claimed and recomputed differ" in str(verdicts(boards / "folder", str(reviews))[row])
    texts[0]["id"] = "product_review-ffffffffffff"
    (row / "predictions.jsonl").write_text("".join(json.dumps(text) + "\n" for text in texts))
    assert "2 ids are missing or not the data's" in str(
        verdicts(boards / "folder", str(reviews))[row]
    )


def test_ids_that_are_not_in_the_data_are_found(boards, reviews):
    row = rows_of(boards / "folder", "rag")
    edit(row, lambda fields: fields["examples"]["ids"].__setitem__(0, "product_review-0"))
    error = str(verdicts(boards / "folder", str(reviews))[row])
    assert "2 example ids are missing or not the data's, e.g. 'product_review-0'" in error


def test_texts_that_are_the_references_are_noted(boards, reviews):
    """The score stands because the texts give it; the verification has a note."""
    row = rows_of(boards / "folder", "rag")
    data = [json.loads(line) for line in (reviews / "product_review/test.jsonl").open()]
    from harness.data import load_split
    from harness.leaderboard.recomputed import numbers

    board = read_board(row.parent).board
    source = board.data_settings(str(reviews))
    test = load_split(RunSettings(task="product_review", data=source), "test")
    ids = [example.id for example in test.examples]
    texts = dict(zip(ids, (each["output"].upper() for each in data), strict=True))
    again = numbers(test, [texts], board.scoring())

    def claim(fields):
        dumped = {name: metric.model_dump() for name, metric in again.metrics.items()}
        slices = {name: [one.model_dump() for one in curve] for name, curve in again.slices.items()}
        fields.update(metrics=dumped, slices=slices)
        fields["examples"].update(scores=again.examples.scores, without=again.examples.without)

    edit(row, claim)
    (row / "predictions.jsonl").write_text(
        "".join(json.dumps({"id": key, "output": text}) + "\n" for key, text in texts.items())
    )
    verification = verdicts(boards / "folder", str(reviews))[row]
    assert (verification.status, verification.notes) == (
        "verified",
        ("8 of 8 texts equal their reference",),
    )


def test_a_row_counts_the_empty_texts_that_it_has(boards):
    row = rows_of(boards / "mini", "nonpers")
    edit(row, lambda fields: fields["n"].update(empty=4))
    message = str(verdicts(boards / "mini")[row])
    assert "n.empty is 4; predictions.jsonl has 0 such examples" in message


def test_a_verification_does_not_outlive_a_change_of_the_row(boards, reviews):
    row = rows_of(boards / "folder", "rag")
    write_verification(row, verdicts(boards / "folder", str(reviews))[row])
    assert read_verification(row).status == "verified"
    edit(row, lambda fields: fields.update(name="Another name"))
    assert read_verification(row) is None


def test_other_data_is_not_the_boards(boards, tmp_path, reviews):
    other = shutil.copytree(reviews, tmp_path / "other")
    path = other / "product_review" / "test.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(DataError, match=r"test data here is .* with 7 examples; the board's is"):
        verdicts(boards / "folder", str(other))


def test_a_board_of_numbers_stays_self_reported(runs, tmp_path, reviews):
    row = submit(runs["rag"], tmp_path, BY, open_board="numbers")
    assert sorted(path.name for path in row.iterdir()) == ["submission.json"]
    verification = verdicts(tmp_path, str(reviews))[row]
    assert verification.status == "self-reported"
    assert verification.notes == ("numbers only: the texts may not be published",)
    edit(row, lambda fields: fields["examples"]["ids"].__setitem__(0, "nobody"))
    assert "not the data's" in str(verdicts(tmp_path, str(reviews))[row])


def test_no_board_and_a_board_in_the_wrong_place(tmp_path):
    with pytest.raises(UsageError, match=r"no board; expected TASK/SETTING/TIER/board.json"):
        all_boards(tmp_path)
    board = make_board(tmp_path, rules())
    moved = board.rename(board.with_name("paper"))
    with pytest.raises(DataError, match="rules of product_review/user/mini; expected those of"):
        read_board(moved)
    (moved / "board.json").unlink()
    moved.rename(board)
    make_board(tmp_path, rules())
    (board / "stray.txt").write_text("")
    with pytest.raises(DataError, match=r"stray.txt: not a folder"):
        read_board(board).rows()


def test_a_verification_has_a_schema_too(boards):
    row = rows_of(boards / "mini", "nonpers")
    write_json(row / "verification.json", {"status": "excellent"})
    with pytest.raises(DataError, match="'status': found 'excellent'"):
        read_verification(row)
    assert set(Verification.model_fields) >= {"status", "files", "tolerance"}
