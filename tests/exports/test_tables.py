"""harness export --to csv and parquet."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from harness import load_runs
from harness.exports import export
from harness.record import PREDICTIONS, read_predictions, read_record, write_record
from tests.support.exported import sources
from tests.support.synthetic import write_runs


@pytest.mark.parametrize(("to", "read"), [("csv", pd.read_csv), ("parquet", pd.read_parquet)])
def test_tables_are_those_of_the_data_frames(results, tmp_path, to, read):
    runs = load_runs(results)
    finished = [run for run in runs if run.status == "complete"]
    files = export(to, sources(runs), tmp_path / "out")
    assert [file.name for file in files] == [f"runs.{to}", f"examples.{to}"]
    frame = read(files[0])
    assert list(frame.method) == [run.method for run in finished] == ["rag", "sft"]
    assert list(frame.bleu) == pytest.approx([run.scores["bleu"] for run in finished])
    assert list(frame.bleu_low) == pytest.approx(
        [run.record.metrics["bleu"].low for run in finished]
    )
    examples = read(files[1])
    assert len(examples) == 60
    assert examples.output[0] == read_predictions(finished[0].path)[0].output
    (one,) = export(to, sources(runs), tmp_path / f"new/one.{to}")
    assert len(read(one)) == 2
    assert load_runs(results).export(to, tmp_path / "api")[0].read_bytes() == files[0].read_bytes()
    export(to, sources(runs, texts=False), tmp_path / "bare")
    assert not {"output", "user_id"} & set(read(tmp_path / "bare" / f"examples.{to}"))


def test_counts_beside_unknown_ones_stay_whole_numbers(tmp_path):
    for method, of in (("rag", "f"), ("mine", "")):
        (folder,) = write_runs(tmp_path / "runs", [method], ["product_review"], examples=3)
        rows = [json.loads(line) for line in (folder / PREDICTIONS).read_text().splitlines()]
        rows = [{**row, "tokens": 7 if of else 0, "fingerprint": of} for row in rows]
        (folder / PREDICTIONS).write_text("".join(json.dumps(row) + "\n" for row in rows))
    export("csv", sources(load_runs(tmp_path / "runs")), tmp_path / "out")
    rows = pd.read_csv(tmp_path / "out" / "examples.csv", dtype=str, keep_default_na=False)
    assert set(zip(rows.method, rows.tokens, strict=True)) == {("rag", "7"), ("mine", "")}


def test_more_flops_than_an_integer_column_holds(tmp_path):
    (folder,) = write_runs(tmp_path / "runs", ["sft"], ["product_review"], examples=3)
    record = read_record(folder)
    spent = replace(record.training, flops_total=3 * 10**19)
    write_record(replace(record, training=spent), folder)
    export("parquet", sources(load_runs(folder)), tmp_path / "out")
    assert pd.read_parquet(tmp_path / "out" / "runs.parquet")["training_flops"].item() == 3e19


def test_csv_holds_no_formula_and_no_hidden_character(tmp_path):
    (folder,) = write_runs(tmp_path / "runs", ["rag"], ["product_review"], examples=3)
    path = folder / PREDICTIONS
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows = [{**row, "output": f"=1+1 {chr(27)}[2J{chr(0x202E)}"} for row in rows]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    runs = sources(load_runs(tmp_path / "runs"))
    export("csv", runs, tmp_path / "out")
    text = (tmp_path / "out" / "examples.csv").read_text("utf-8")
    assert text.count("'=1+1 ⟨U+001B control⟩[2J⟨U+202E right-to-left override⟩") == 3
    assert not {chr(27), chr(0x202E)} & set(text)
    export("parquet", runs, tmp_path / "out")
    kept = pd.read_parquet(tmp_path / "out" / "examples.parquet")
    assert set(kept.output) == {rows[0]["output"]}


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (("3", "all", ""), ["3", None, "all"]),
        (("true", "2"), ["2", "True"]),
        (("1", "0.5"), [0.5, 1.0]),
    ],
)
def test_an_option_that_is_a_number_in_one_run_and_a_word_in_another_is_text(
    given, shown, tmp_path
):
    for value in given:
        own = {"mine": [f"method.k={value}"] if value else []}
        write_runs(tmp_path / "runs", ["mine"], ["product_review"], examples=3, assignments=own)
    export("parquet", sources(load_runs(tmp_path / "runs")), tmp_path / "out")
    frame = pd.read_parquet(tmp_path / "out" / "runs.parquet")
    found = [None if pd.isna(each) else each for each in frame["method.k"]]
    assert sorted(found, key=str) == shown
    assert pd.api.types.is_float_dtype(frame["bleu"])
