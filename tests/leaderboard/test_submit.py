"""What submit refuses, and what a submission that fails leaves."""

import errno
import json
import shutil

import pytest

from harness.errors import DataError, HarnessError, UsageError
from harness.leaderboard.board import boards as all_boards
from harness.leaderboard.board import read_board
from harness.leaderboard.pack import submit
from harness.leaderboard.row import Words
from harness.leaderboard.untrusted import read_submission
from harness.record import PREDICTIONS, read_record, write_json, write_lines
from tests.support.boards import rows_of

BY = Words(by="Someone")
FOLDER = "folder/product_review/user/mini"


def test_submit_refuses(runs, packed, tmp_path, reviews):
    root = tmp_path / "boards"
    with pytest.raises(UsageError, match=r"no board .*; its maintainer opens it with --open-board"):
        submit(runs["rag"], root, BY)
    with pytest.raises(UsageError, match="--open-board 'text'; expected texts or numbers"):
        submit(runs["rag"], root, BY, open_board="text")
    shutil.copytree(packed / "folder", root)
    with pytest.raises(UsageError, match=r"board.json already exists; omit the option"):
        submit(runs["rag"], root, BY, open_board="texts")
    with pytest.raises(UsageError, match="already exists; remove it, or name the row with --id"):
        submit(runs["rag"], root, BY)
    mini = shutil.copytree(packed / "mini", tmp_path / "mini")
    with pytest.raises(DataError, match=r"duplicates the texts of nonpers-s0-.*: 4 of 4 examples"):
        submit(runs["mini"], mini, Words(by="Someone", id="mine"))
    with pytest.raises(UsageError, match=r"'id': found '../up'"):
        submit(runs["rag"], root, Words(by="Someone", id="../up"))
    with pytest.raises(UsageError, match="'link': found 'http://x'"):
        submit(runs["rag"], root, Words(by="Someone", link="http://x"))
    with pytest.raises(DataError, match="does not fit board product_review/user/mini"):
        submit(runs["mini"], root, BY)
    assert len(list(root.rglob("submission.json"))) == 2


def test_submit_refuses_what_verification_would_refuse(runs, packed, tmp_path, monkeypatch):
    root = shutil.copytree(packed / "folder", tmp_path / "boards")
    shutil.rmtree(rows_of(root, "rag"))
    other = read_submission(rows_of(root, "nonpers"))
    like = Words(by="Another", name=other.name.replace("o", "0"))
    with pytest.raises(DataError, match=r"name: '\S+' looks like '\S+' of nonpers-s0-"):
        submit(runs["rag"], root, like)
    with monkeypatch.context() as patch:
        patch.setattr("harness.leaderboard.verify_rows.CHARACTERS_PER_TOKEN", 0)
        with pytest.raises(DataError, match=r"of sample 0 has [\d,]+ characters; at most 0"):
            submit(runs["rag"], root, BY)
    with monkeypatch.context() as patch:
        patch.setattr("harness.leaderboard.plausible.TOLERANCE", -1)
        with pytest.raises(DataError, match=r"rouge1 is \S+, its examples' mean"):
            submit(runs["rag"], root, BY)
    assert [row.name[:7] for row in read_board(root / "product_review/user/mini").rows()] == [
        "nonpers"
    ]
    submit(runs["rag"], root, BY)


def test_submit_refuses_a_run_that_disagrees_with_itself(runs, tmp_path):
    run = shutil.copytree(runs["rag"], tmp_path / "run")
    fields = json.loads((run / "record.json").read_text())
    del fields["checksum"]
    fields["metrics"]["rouge1"]["value"] += 0.5
    write_json(run / "record.json", fields)
    with pytest.raises(DataError, match=r"its record says rouge1 .* its texts score"):
        submit(run, tmp_path, BY, open_board="texts")
    write_json(run / "record.json", {**fields, "status": "failed"})
    with pytest.raises(DataError, match="status 'failed'; expected a complete run"):
        submit(run, tmp_path, BY, open_board="texts")


def test_submit_refuses_other_texts_than_those_of_the_record(runs, tmp_path):
    run = shutil.copytree(runs["rag"], tmp_path / "run")
    lines = (run / PREDICTIONS).read_text().splitlines(keepends=True)
    text = json.loads(lines[0])
    text["output"] += " And more."
    del text["check"]
    (run / PREDICTIONS).write_text(json.dumps(text) + "\n" + "".join(lines[1:]))
    with pytest.raises(DataError, match="other texts than the record's"):
        submit(run, tmp_path, BY, open_board="texts")


def test_a_run_scored_with_another_tokenizer_than_the_boards_is_scored_by_the_boards(
    runs, packed, tmp_path
):
    root = shutil.copytree(packed / "folder", tmp_path / "boards")
    for row in ("rag", "nonpers"):
        shutil.rmtree(rows_of(root, row))
    path = root / "product_review/user/mini/board.json"
    fields = json.loads(path.read_text())
    signature = fields["metrics"]["bleu"].replace("tok:13a", "tok:char")
    fields |= {"bleu_tokenizer": "char", "metrics": {**fields["metrics"], "bleu": signature}}
    write_json(path, fields)
    row = read_submission(submit(runs["rag"], root, BY))
    own = read_record(runs["rag"]).metrics["bleu"]
    assert row.metrics["bleu"].signature == signature != own.signature
    assert row.metrics["bleu"].value != own.value


FAILURES = {
    "full disk": ("harness.record.durable.sync", OSError(errno.ENOSPC, "No space left"), OSError),
    "a row over a limit": ("harness.leaderboard.pack.read_texts", DataError("long"), DataError),
    "Ctrl-C": ("harness.leaderboard.pack.read_submission", KeyboardInterrupt(), KeyboardInterrupt),
}


@pytest.mark.parametrize("case", FAILURES)
@pytest.mark.parametrize("opens", [True, False], ids=["a new board", "a known board"])
def test_a_submission_that_fails_leaves_nothing_and_can_be_repeated(
    runs, packed, tmp_path, monkeypatch, case, opens
):
    root, board = tmp_path / "boards", "texts" if opens else None
    place, failing, error, kind = root / "product_review/user/mini", *FAILURES[case]
    if not opens:
        shutil.copytree(packed / "folder", root)
        shutil.rmtree(rows_of(root, "rag"))
    before = sorted(root.rglob("*.json*"))

    def fail(*_):
        if len(sorted(root.rglob("board.json"))) > 0:  # while the row is written
            raise error

    with monkeypatch.context() as patch:
        patch.setattr(failing, fail)
        with pytest.raises(kind) as raised:
            submit(runs["rag"], root, BY, open_board=board)
    assert sorted(root.rglob("*.json*")) == before
    assert [path.name for path in place.iterdir() if path.name.startswith(".")] == []
    if kind is OSError:
        assert raised.value.filename.endswith("submission.json")
    row = submit(runs["rag"], root, BY, open_board=board)
    assert row in read_board(place).rows()


def test_what_a_killed_submission_leaves_is_no_row(boards):
    (place,) = all_boards(boards / "mini")
    rows = place.rows()
    (place.folder / ".draft-x1" / "sft").mkdir(parents=True)
    assert place.rows() == rows


def test_submit_refuses_missing_texts_and_moved_data(runs, tmp_path, reviews):
    from harness.record import read_predictions

    run = shutil.copytree(runs["rag"], tmp_path / "run")
    write_lines(run / PREDICTIONS, read_predictions(run)[1:])
    with pytest.raises(DataError, match="other texts than the record's"):
        submit(run, tmp_path, BY, open_board="texts")
    (run / "predictions.jsonl").unlink()
    with pytest.raises(DataError, match=r"no predictions.jsonl; a submission is scored from"):
        submit(run, tmp_path, BY, open_board="texts")
    with pytest.raises(HarnessError, match="give the run's data with --data"):
        submit(runs["rag"], tmp_path, BY, open_board="texts", data="mini")
