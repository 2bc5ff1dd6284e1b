"""Floors on a board's page, and texts made elsewhere: grey, or ranked apart."""

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from harness.data import load_split
from harness.errors import UsageError
from harness.leaderboard.board import BOARD
from harness.leaderboard.board import boards as all_boards
from harness.leaderboard.build import build
from harness.leaderboard.floors_of_boards import floors_of
from harness.leaderboard.pack import submit
from harness.leaderboard.rerun import rerun_settings
from harness.leaderboard.row import Words
from harness.leaderboard.untrusted import read_submission
from harness.leaderboard.verification import Rerun
from harness.leaderboard.verify_rows import verify_all
from harness.metrics.rouge import RougeL
from harness.pipeline.scored import Source, record_texts
from harness.record import read_record
from harness.settings import RunSettings, validate
from tests.support import boards as made_boards
from tests.support.boards import add_row, edit, make_board, rows_of, rules, submission
from tests.support.command_line import harness

BY = Words(by="Someone")


def shown(out: Path) -> dict:
    page = (out / "index.html").read_text(encoding="utf-8")
    return json.loads(re.search(r'<script id="data"[^>]*>(.*?)</script>', page, re.DOTALL)[1])


def rows_of_csv(out: Path) -> list[dict]:
    return list(csv.DictReader((out / "boards" / "0.csv").open(encoding="utf-8")))


@pytest.fixture
def scored_with(runs, tmp_path):
    """Records texts made elsewhere on the data of the run on mini; they may be changed first."""
    settings = validate(RunSettings, read_record(runs["mini"]).settings, "settings")
    test = load_split(settings, "test")

    def record(changed) -> Path:
        texts = {
            one.id: changed(at, f"I like it, {one.id}.") for at, one in enumerate(test.examples)
        }
        source = Source("mine", "scored", "", "score")
        return record_texts(source, texts, settings, test, tmp_path).folder

    return record


@pytest.fixture
def scored(scored_with) -> Path:
    return scored_with(lambda number, text: text)


def edit_board(folder: Path, change) -> None:
    fields = json.loads((folder / BOARD).read_text("utf-8"))
    change(fields)
    (folder / BOARD).write_text(json.dumps(fields), "utf-8")


def test_floors_are_on_the_page_and_in_the_csv_without_a_rank(boards, tmp_path):
    out = tmp_path / "page"
    assert build(boards / "mini", out).rows == 1
    (place,) = all_boards(boards / "mini")
    floors = {floor.name: floor for floor in floors_of(place.board)}
    assert {"floor-longest", "floor-first", "floor-words"} <= set(floors)
    data = shown(out)
    assert data["rows"]["id"] == [row["id"] for row in rows_of_csv(out) if row["kind"] == "run"]
    for one in data["floors"]:
        bleu = floors[one["name"]].values["bleu"].value
        assert one["values"]["bleu"]["v"] == [round(bleu, 2)]
    grey = {row["id"]: row for row in rows_of_csv(out) if row["kind"] == "floor"}
    assert set(grey) == set(floors) == {one["name"] for one in data["floors"]}
    for name, row in grey.items():
        assert float(row["BLEU, 0–100"]) == floors[name].values["bleu"].value
        assert row["best rank"] == row["status"] == ""


def test_floors_are_computed_once_for_the_same_data(boards, monkeypatch):
    (place,) = all_boards(boards / "mini")
    first = floors_of(place.board)
    monkeypatch.setattr("harness.pipeline.scored.evaluate_texts", None)
    assert floors_of(place.board) == first


def test_no_floors_where_the_data_cannot_be_rebuilt(boards):
    (folder,) = all_boards(boards / "folder")
    assert floors_of(folder.board) == []
    (place,) = all_boards(boards / "mini")
    other = place.board.test.model_copy(update={"fingerprint": "ab" * 32})
    assert floors_of(place.board.model_copy(update={"test": other})) == []


@pytest.mark.parametrize(("signature", "found"), [("other", False), ("{}|samples:3", True)])
def test_floors_have_a_value_where_each_text_is_scored_alike(boards, signature, found):
    (place,) = all_boards(boards / "mini")
    bleu = signature.format(place.board.metrics["bleu"])
    changed = place.board.model_copy(update={"metrics": {**place.board.metrics, "bleu": bleu}})
    assert {"bleu" in floor.values for floor in floors_of(changed)} == {found}


def test_floors_are_grey_rows_below_the_others(browser, boards, tmp_path):
    build(boards / "mini", tmp_path / "page")
    browser.open(tmp_path / "page" / "index.html")
    names = browser.texts("#table tbody tr.floor td.name")
    assert any(name.startswith("floor-longest") for name in names)
    assert set(browser.texts("#table tbody tr.floor td:first-child")) == {"–"}
    assert "Grey rows are floors" in browser.find("#board").text
    assert browser.find(".files a").get_attribute("href").endswith("boards/0.csv")
    assert browser.requests() == []


def test_a_board_without_rows_has_a_csv_of_heads(tmp_path):
    make_board(tmp_path / "made", rules())
    assert build(tmp_path / "made", tmp_path / "page").rows == 0
    assert rows_of_csv(tmp_path / "page") == []
    assert "best rank" in (tmp_path / "page" / "boards" / "0.csv").read_text(encoding="utf-8")


def test_scored_rows_are_ranked_among_themselves(tmp_path):
    board = make_board(tmp_path / "made", rules())
    for number in range(6):
        kind = {} if number < 4 else {"kind": "scored"}
        add_row(board, submission(rules(), number, **kind), status="verified")
    assert build(tmp_path / "made", tmp_path / "page").left_out == ()
    data = shown(tmp_path / "page")
    first = data["boards"][0]["rankedBy"]
    worst = dict(zip(data["rows"]["id"], data["rows"]["values"][first]["worst"], strict=True))
    scored = [
        key for key, is_scored in zip(worst, data["rows"]["scored"], strict=True) if is_scored
    ]
    assert len(scored) == 2
    assert max(worst[key] for key in scored) == 2
    assert max(rank for key, rank in worst.items() if key not in scored) == 4


def test_texts_made_elsewhere_can_be_submitted_and_verified(boards, scored):
    row = submit(scored, boards / "mini", BY)
    found = read_submission(row)
    assert (found.kind, found.method, found.backbone.parameters) == ("scored", "mine", None)
    assert not [key for key in found.run.settings if key.startswith("decode.")]
    assert (found.costs.training_s, found.costs.hidden_tokens) == (None, None)
    (place,) = all_boards(boards / "mini")
    verdicts = dict(verify_all([(place, [row])], None))
    assert verdicts[row].status == "verified"
    with pytest.raises(UsageError, match="were made elsewhere, by no method here"):
        rerun_settings(place.board, found, 7)


def test_a_rerun_of_texts_made_elsewhere_asks_for_no_method(boards, scored, monkeypatch, capsys):
    row = submit(scored, boards / "mini", BY)
    words = ("leaderboard", "verify", row, "--rerun", 7, "--check")
    code, _, err = harness(monkeypatch, capsys, *words)
    assert (code, "were made elsewhere, by no method here" in err) == (2, True)


def test_they_open_no_board_and_no_run_passes_for_them(boards, scored, tmp_path):
    with pytest.raises(UsageError, match="kind 'scored'; a board is opened by a run"):
        submit(scored, tmp_path / "none", BY, open_board="texts")
    row = rows_of(boards / "mini", "nonpers")
    edit(row, lambda fields: fields["backbone"].update(parameters=None))
    (place,) = all_boards(boards / "mini")
    (verdict,) = dict(verify_all([(place, [row])], None)).values()
    assert "backbone.parameters is missing" in str(verdict)


def test_texts_made_elsewhere_go_to_the_board_of_their_data_whatever_its_tier(
    boards, scored, tmp_path
):
    mini = boards / "mini/product_review/user/mini"
    other = shutil.copytree(mini, mini.with_name("smollm2"))
    edit_board(other, lambda fields: fields["test"].update(tier="smollm2"))
    with pytest.raises(UsageError, match="boards of its data are mini, smollm2; name one with --"):
        submit(scored, boards / "mini", BY)
    row = submit(scored, boards / "mini", BY, tier="smollm2")
    assert row.parent == other
    shutil.rmtree(row)
    shutil.rmtree(mini)
    assert submit(scored, boards / "mini", BY) == row
    with pytest.raises(UsageError, match="no board of its data and tier mini in"):
        submit(scored, boards / "mini", BY, tier="mini")
    with pytest.raises(UsageError, match="no board of its data in"):
        submit(scored, boards / "folder", BY)


def test_the_tier_of_a_run_is_its_preset(boards, runs):
    with pytest.raises(UsageError, match="--tier smollm2: a run's tier is its preset, mini"):
        submit(runs["mini"], boards / "mini", BY, tier="smollm2")


def test_a_text_that_shows_nothing_is_empty_in_record_and_row(boards, scored_with):
    made = scored_with(lambda number, text: "\u200b \u2800" if number == 1 else text)
    assert read_record(made).n.empty == 1
    row = submit(made, boards / "mini", BY)
    (place,) = all_boards(boards / "mini")
    assert dict(verify_all([(place, [row])], None))[row].status == "verified"
    edit(row, lambda fields: fields["n"].update(empty=0))
    (refused,) = dict(verify_all([(place, [row])], None)).values()
    assert "n.empty is 0; predictions.jsonl has 1 such examples" in str(refused)


def rerun_of(metric, level):
    draw = np.random.default_rng(0)
    return Rerun(
        seed=9, seeds=(9, 10, 11), metric=metric, claimed=50, found=level, low=level - 2,
        high=level + 2, tolerance=50, each=(level - 1, level, level + 1),
        without=tuple(level + draw.normal(0, 0.1, 40)),
    )  # fmt: skip


def test_a_board_with_reruns_is_ranked_by_their_means(tmp_path):
    """The claims say the reverse: they are of one training each."""
    board = make_board(tmp_path / "boards", rules(), data="mini")
    again = [rerun_of("following", level) for level in (40.0, 60.0)]
    folders = [
        add_row(board, submission(rules(), 1), status="rerun", rerun=again[0]),
        add_row(board, submission(rules(), 2), status="rerun", rerun=again[1]),
        add_row(board, submission(rules(), 3), status="verified"),
    ]
    build(tmp_path / "boards", tmp_path / "page")
    data, (first, second, third) = shown(tmp_path / "page"), (folder.name for folder in folders)
    assert [each["rankedBy"] for each in data["boards"]] == ["rerun"]
    place = {name: index for index, name in enumerate(data["rows"]["id"])}
    ranks = data["rows"]["values"]["rerun"]
    ends = [(ranks["best"][place[name]], ranks["worst"][place[name]]) for name in (first, second)]
    assert ends == [(2, 2), (1, 1)]
    assert ranks["v"][place[third]] is ranks["best"][place[third]] is None
    table = {row["id"]: row for row in rows_of_csv(tmp_path / "page")}
    assert [table[name]["best rank"] for name in (first, second, third)] == ["2", "1", ""]
    assert table[second]["Rerun"].startswith("60")


@pytest.mark.parametrize(
    ("name", "better", "again"),
    [
        ("rougeL", "lower", True),  # a rerun asks whether a claim is too high
        ("not_installed", None, True),
        ("not_installed", None, False),
    ],
)
def test_no_rank_takes_a_higher_value_as_better_unless_it_is(
    name, better, again, tmp_path, monkeypatch
):
    monkeypatch.setattr(RougeL, "better", "lower")
    monkeypatch.setattr(made_boards, "METRICS", {name: f"{name}|made up", "bleu": "bleu|made up"})
    board = make_board(tmp_path / "boards", rules(), texts=False)
    for number, level in enumerate((40.0, 60.0)):
        status, rerun = "self-reported", {}
        if again:
            status, rerun = "rerun", {"rerun": rerun_of(name, level)}
        add_row(board, submission(rules(), number), texts=[], status=status, **rerun)
    assert build(tmp_path / "boards", tmp_path / "page").left_out == ()
    data = shown(tmp_path / "page")
    (by,) = [one["rankedBy"] for one in data["boards"]]
    directions = {one["key"]: one["better"] for one in data["columns"]}
    assert directions[name] == directions[by] == better
    assert set(data["rows"]["values"][by]["best"]) == {None}
    assert {row["best rank"] for row in rows_of_csv(tmp_path / "page")} == {""}
    assert set(data["rows"]["values"]["bleu"]["best"]) != {None}


def test_the_lowest_is_first_where_lower_is_better(tmp_path, monkeypatch):
    monkeypatch.setattr(RougeL, "better", "lower")
    signed = {name: f"{name}|made up" for name in ("rougeL", "bleu")}
    monkeypatch.setattr(made_boards, "METRICS", signed)
    board = make_board(tmp_path / "boards", rules(), texts=False)
    for number in range(3):
        add_row(board, submission(rules(), number), texts=[], status="self-reported")
    assert build(tmp_path / "boards", tmp_path / "page").left_out == ()
    values = shown(tmp_path / "page")["rows"]["values"]["rougeL"]
    ranks = dict(zip(values["v"], zip(values["best"], values["worst"], strict=True), strict=True))
    assert [ranks[value] for value in sorted(ranks)] == [(1, 1), (2, 2), (3, 3)]
    assert {row["best rank"] for row in rows_of_csv(tmp_path / "page")} == {"1", "2", "3"}


def test_a_metric_that_is_not_installed_is_named_and_not_sorted_best_first(
    browser, tmp_path, monkeypatch
):
    monkeypatch.setattr(made_boards, "METRICS", {"errors": "errors|x", "bleu": "bleu|made up"})
    board = make_board(tmp_path / "boards", rules(), texts=False)
    for number in range(2):
        add_row(board, submission(rules(), number), texts=[], status="self-reported")
    assert build(tmp_path / "boards", tmp_path / "page").left_out == ()
    browser.open(tmp_path / "page" / "index.html")
    assert "errors is not installed where this page was made" in browser.find("#board").text
    assert "sorted by errors, first on top" in browser.find("#summary").text
    assert browser.texts("tbody td:first-child") == ["–", "–"]  # ranks
