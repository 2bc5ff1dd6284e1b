"""harness score --name: predictions made elsewhere become a system beside the runs."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from zipfile import ZipFile

import pandas as pd
import pytest

from harness.data import folder
from harness.record import read_predictions, read_record


@pytest.fixture
def scored(call, reviews: Path, tmp_path: Path):
    """Calls `harness score` on the references of the test split."""
    lines = (reviews / "product_review" / "test.jsonl").read_text("utf-8").splitlines()
    texts = [json.loads(line)["output"] for line in lines]
    code, out, _ = call("list", "examples", "--data", reviews, "--task", "product_review", "--json")
    ids = [row["id"] for row in json.loads(out)]
    assert code == 0
    path = tmp_path / "mine.jsonl"
    rows = [{"id": key, "output": text} for key, text in zip(ids, texts, strict=True)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")

    def go(*words: object):
        return call(
            "score", path, "--data", reviews, "--task", "product_review", "--metrics", "rouge1",
            "--out", tmp_path / "results", *words,
        )  # fmt: skip

    return go


def records(tmp_path: Path) -> dict[str, Path]:
    found = (tmp_path / "results").glob("product_review/*/*/record.json")
    return {path.parts[-3]: path for path in found}


def test_a_name_leaves_a_record_beside_those_of_the_floors(scored, tmp_path: Path):
    code, out, err = scored("--name", "mine", "--seed", 2)
    assert (code, err) == (0, "")
    found = records(tmp_path)
    assert set(found) == {"mine", "floor-longest", "floor-first", "floor-other", "floor-words"}
    record = read_record(found["mine"])
    assert (record.kind, record.seed, record.metrics["rouge1"].value) == ("scored", 2, 100)
    assert record.command.startswith("harness score")
    assert "floor-longest" in out
    assert str(found["mine"].parent) in out


def test_a_file_whose_name_is_not_utf8_is_scored_and_named_for_a_shell(scored, tmp_path: Path):
    folder = Path(os.fsdecode(b"jos\xe9's"))
    code, _, err = scored("--name", "mine", "--out", tmp_path / "results" / folder)
    assert (code, err) == (0, "")
    (path,) = tmp_path.glob("results/*/product_review/mine/*/record.json")
    command = read_record(path).command
    assert command.endswith(r"jos\xe9\'s'")
    words = command.removeprefix("harness ")
    printed = subprocess.run(["bash", "-c", f"printf '%s\\n' {words}"], capture_output=True).stdout
    assert printed.splitlines()[-1] == os.fsencode(tmp_path / "results" / folder)


def test_without_a_name_nothing_is_left(scored, tmp_path: Path):
    code, out, _ = scored("--json")
    found = json.loads(out)
    assert (code, found["metrics"]["rouge1"]["value"]) == (0, 100)
    assert found["quality"]["length"]["value"] == 100
    assert set(found["floors"]) == {"floor-longest", "floor-first", "floor-other", "floor-words"}
    assert not (tmp_path / "results").exists()


def test_floors_can_be_left_out(scored):
    _, out, _ = scored("--json", "--set", "eval.floors=false")
    assert json.loads(out)["floors"] == {}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--name", "../x"], "expected letters, digits, - and _ only"),
        (["--name", "sft"], "a method or floor is called so"),
        (["--name", "floor-mine"], "a method or floor is called so"),
        (["--name", "mine", "--split", "val"], "only texts of the test split are a system"),
    ],
)
def test_names_that_cannot_be_a_system(scored, tmp_path: Path, words: list[str], message: str):
    code, _, err = scored(*words)
    assert (code, message in err) == (2, True)
    assert not (tmp_path / "results").exists()


def test_a_limit_takes_the_examples_that_a_run_takes(scored, tmp_path: Path):
    code, _, err = scored("--name", "mine", "--limit", 3)
    assert (code, err) == (0, "")
    assert len(read_record(records(tmp_path)["mine"]).examples) == 3


def test_the_data_and_the_predictions_are_read_once(scored, tmp_path: Path, monkeypatch):
    read = []
    whole = folder.read_folder
    monkeypatch.setattr(
        folder, "read_folder", lambda *given: read.append(given[2]) or whole(*given)
    )
    as_bytes = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path.name) or as_bytes(path))
    code, _, err = scored("--limit", 3, "--set", "eval.floors=false")
    assert (code, err) == (0, "")
    assert [name for name in read if name in ("test", "mine.jsonl")] == ["test", "mine.jsonl"]


def test_a_limit_holds_for_the_split_that_is_scored(call, reviews: Path, tmp_path: Path):
    data = ("--data", reviews, "--task", "product_review")
    _, out, _ = call("list", "examples", *data, "--split", "val", "--json")
    path = tmp_path / "val.jsonl"
    rows = [{"id": row["id"], "output": "good"} for row in json.loads(out)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    words = ("--split", "val", "--limit", 1, "--metrics", "rouge1", "--json")
    _, out, _ = call("score", path, *data, *words)
    found = json.loads(out)
    assert found["n"]["planned"] == 1 < len(rows)
    assert {"floor-longest", "floor-words"} <= set(found["floors"])


KINDS = [("mine", "texts made elsewhere, which `harness score` recorded"),
         ("floor-words", "texts made from the data alone")]  # fmt: skip


@pytest.mark.parametrize(("name", "what"), KINDS)
def test_no_method_is_asked_for_where_none_made_the_texts(
    scored, call, tmp_path: Path, name: str, what: str
):
    scored("--name", "mine")
    place = records(tmp_path)[name].parent
    code, out, err = call("show", place)
    assert (code, err) == (0, "")
    assert f"no prompt is known: these are {what}" in " ".join(out.split())
    assert "reference" in out
    assert "--plugin" not in out
    code, _, err = call("inspect", place)
    assert (code, f"{place}: {what}; expected a run" in err) == (2, True)
    code, _, err = call("export", place, "--to", "model", "--out", tmp_path / "m", "--floors")
    assert (code, f"{place}: {what}; expected a run" in err) == (2, True)


@pytest.mark.parametrize("name", [name for name, _ in KINDS])
def test_what_nobody_counted_is_no_number(scored, call, tmp_path: Path, name: str):
    scored("--name", "mine")
    place = records(tmp_path)[name].parent
    _, out, _ = call("show", place)
    assert f"{name} ({place.name}), sample 0 ─" in out  # no number of tokens after it
    for suffix, read in (("csv", pd.read_csv), ("parquet", pd.read_parquet)):
        call("export", place, "--to", suffix, "--out", tmp_path / suffix, "--floors")
        table = read(tmp_path / suffix / f"examples.{suffix}")
        assert table[["tokens", "hidden_tokens", "capped"]].isna().all(axis=None)
        assert list(table.output) == [one.output for one in read_predictions(place)]
    call("export", place, "--to", "inspect", "--out", tmp_path / "one.eval", "--floors")
    with ZipFile(tmp_path / "one.eval") as log:
        (path, *_) = [each for each in log.namelist() if each.startswith("samples/")]
        sample = json.loads(log.read(path))
    assert "usage" not in sample["output"]
    assert sample["output"]["choices"][0]["stop_reason"] == "unknown"
    assert sample["metadata"]["hidden_tokens"] is None
    call("export", place, "--to", "eee", "--out", tmp_path / "eee", "--floors")
    (path,) = (tmp_path / "eee").rglob("*[!s].json")
    assert "inference_engine" not in json.loads(path.read_text("utf-8"))["model_info"]


@pytest.mark.parametrize("metrics", ["", " , "])
def test_metrics_without_a_name_are_refused(scored, call, reviews: Path, metrics: str):
    expected = "found no name; expected names separated by commas, e.g. bleu,rougeL, or --set"
    code, _, err = scored("--metrics", metrics)
    assert (code, f"--metrics {metrics!r}: {expected} eval.metrics=[] for none" in err) == (2, True)
    code, _, err = call("trial", "--data", reviews, "--metrics", metrics)
    assert (code, expected in err) == (2, True)


def test_without_metrics_no_empty_table_of_floors_is_printed(scored):
    code, out, err = scored("--set", "eval.metrics=[]")
    assert (code, err) == (0, "")
    assert "text quality" in out
    assert "floors" not in out
