"""Bad and strange data through the command line: one clear message, exit 2, nothing half-written –
or the right result."""

import json

import pytest

from harness.record import read_predictions, read_record
from tests.support.command_line import SMALL, harness
from tests.support.reviews import made_up_rows, write_rows
from tests.support.saved_backbones import with_context


@pytest.fixture
def go(monkeypatch, capsys, tmp_path, backbone):
    """`harness run` on a folder of data; (exit code, standard output, standard error)."""

    def call(folder, *words, method="flythinker"):
        options = ["--data", folder, "--backbone", backbone, "--out", tmp_path / "out", *SMALL]
        return harness(monkeypatch, capsys, "run", "--method", method, *options, *words)

    return call


def data(folder, split="test", change=lambda rows: None, line="", without=()):
    """A whole folder of made-up reviews with one split changed, or a line put at its end."""
    rows = {"train": made_up_rows("train", 6), "val": made_up_rows("val", 2)}
    rows["test"] = made_up_rows("test", 4)
    change(rows[split])
    write_rows(folder, {name: rows[name] for name in rows if name not in without})
    with (folder / f"{split}.jsonl").open("a", encoding="utf-8") as file:
        file.write(line)
    return folder


CUT = '{"reviewerId": "u", "inp'
BAD = {
    "a truncated line": ({"line": CUT}, "test.jsonl line 5, column", "ends inside its JSON"),
    "a truncated line of train": (
        {"line": CUT, "split": "train"}, "train.jsonl line 7, column", "ends inside its JSON",
    ),
    "a missing field": (
        {"change": lambda rows: rows[1].pop("output")}, "test.jsonl line 2, example", "'output'",
    ),
    "a missing field of an entry": (
        {"change": lambda rows: rows[1]["profile"][2].pop("reviewText")},
        "test.jsonl line 2, example", "a field 'reviewText'",
    ),
    "a wrong type": (
        {"change": lambda rows: rows[1].update(profile="text")}, "test.jsonl line 2", "a list of",
    ),
    "a wrong type in an entry": (
        {"change": lambda rows: rows[1]["profile"][0].update(summary=["a"])},
        "profile[0].summary", "found     list ['a']",
    ),
    "an empty reference": (
        {"change": lambda rows: rows[3].update(output=" \n ")}, "test.jsonl line 4", "not empty",
    ),
    "a leak": (
        {"change": lambda rows: rows[0]["profile"][1].update(reviewText=rows[0]["output"])},
        "profile[1].reviewText", "the example's own target",
    ),
    "a user of two splits": (
        {"change": lambda rows: rows[0].update(reviewerId="train-user-1")},
        "user train-user-1", "no user in two splits",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_data_stops_with_its_place_and_leaves_nothing(go, tmp_path, case):
    spoilt, place, found = BAD[case]
    code, out, err = go(data(tmp_path / "data", **spoilt))
    assert code == 2
    assert err.startswith("DataError: ")
    assert place in err
    assert found in err
    assert "mend" in err
    assert "Traceback" not in out + err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_folder_without_a_split_is_refused(go, tmp_path, split):
    other = "test" if split == "train" else "train"
    code, _, err = go(data(tmp_path / "data", split=other, without=[split]))
    assert code == 2
    assert f"no {split}.jsonl; only " in err
    assert not (tmp_path / "out").exists()


def strange(rows):
    rows[0]["profile"] = []
    rows[1]["profile"] = [{**rows[1]["profile"][0], "reviewText": "word " * 2_000}]
    rows[2]["profile"][0]["reviewText"] = "שלום עולם 👩‍👩‍👧 مرحبا بالعالم 🙂. " * 30
    rows[2]["output"] = "🙂 שלום עולם 👩‍👩‍👧 مرحبا بالعالم"
    rows[3]["input"] = "please write " * 1_000
    rows[3]["output"] = "a long text " * 500


def test_strange_data_gives_the_right_result(go, tmp_path, backbone):
    folder = data(tmp_path / "data", change=strange)
    code, out, err = go(folder, "--set", "budget.input=300")
    assert code == 2  # 3501 tokens of a reference are past the context of the likelihood
    assert "eval.likelihood of example" in err
    assert "--set eval.likelihood=false" in err
    wide = with_context(backbone, tmp_path / "wide", 4_000)
    code, out, err = go(folder, "--set", "budget.input=300", "--backbone", wide)
    assert code == 0, err
    assert "examples 4, scored 4" in out
    run = next((tmp_path / "out").rglob("record.json")).parent
    record = read_record(run)
    assert (record.status, record.n.scored, record.n.failed) == ("complete", 4, 0)
    # the empty profile lost nothing; the others lost words of an entry or of the input
    assert record.n.input_cut == 3
    # "please write" stands in no entry of the last profile: all scores are 0
    assert record.n.tied == 1
    assert "1 profiles that BM25 cannot rank" in out
    by_user = {text.user_id: text.id for text in read_predictions(run)}
    long = record.examples[by_user["test-user-3"]]
    assert sum(long.likelihood.slice_tokens) == 1_500  # no token of a reference is cut for scoring


def test_a_reference_in_other_scripts_scores_a_hundred_against_itself(
    monkeypatch, capsys, tmp_path
):
    folder = data(tmp_path / "data", change=strange)
    words = ["--data", folder, "--task", "product_review", "--json"]
    _, out, _ = harness(monkeypatch, capsys, "list", "examples", *words[:2], "--json")
    outputs = [json.loads(row)["output"] for row in (folder / "test.jsonl").open(encoding="utf-8")]
    path = tmp_path / "predictions.jsonl"
    path.write_text(
        "".join(
            json.dumps({"id": each["id"], "output": text}, ensure_ascii=False) + "\n"
            for each, text in zip(json.loads(out), outputs, strict=True)
        ),
        encoding="utf-8",
    )
    _, out, _ = harness(monkeypatch, capsys, "score", path, *words, "--metrics", "bleu")
    assert json.loads(out)["metrics"]["bleu"]["value"] == pytest.approx(100)


def test_a_training_target_of_20_000_words_is_cut_and_counted(go, tmp_path):
    def longer(rows):
        rows[0]["output"] = "word " * 20_000

    code, out, _ = go(data(tmp_path / "data", split="train", change=longer), method="sft")
    assert code == 0
    assert "1 training targets cut" in out


def test_ids_and_folders_with_brackets_are_shown_as_they_are(
    monkeypatch, capsys, tmp_path, backbone
):
    def named(rows):
        for at, row in enumerate(rows):
            row["id"] = f"{at}[/b] [red]"

    folder = data(tmp_path / "data [/x]", change=named)
    out = tmp_path / "out [/y]"
    words = ["--data", folder, "--backbone", backbone, "--out", out, *SMALL]
    code, shown, err = harness(monkeypatch, capsys, "run", "--method", "rag", *words, "--dry-run")
    assert (code, "(0[/b] [red])" in shown, str(out) in shown) == (0, True, True), err
    code, shown, err = harness(monkeypatch, capsys, "run", "--method", "rag", *words)
    assert (code, "example 0[/b] [red], as generated" in shown) == (0, True), err
    run = next(out.rglob("record.json")).parent
    assert f"record: {run}" in shown
    code, shown, err = harness(monkeypatch, capsys, "show", run)
    assert (code, "0[/b] [red] · user test-user-0" in shown) == (0, True), err
    predictions = tmp_path / "texts [red].jsonl"
    predictions.write_text(json.dumps({"id": "0[/b] [red]", "output": "good"}) + "\n")
    words = [predictions, "--data", folder, "--task", "product_review", "--allow-missing"]
    code, shown, err = harness(monkeypatch, capsys, "score", *words, "--metrics", "bleu")
    assert (code, "texts [red].jsonl on product_review" in shown) == (1, True), err
