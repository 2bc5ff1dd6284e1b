"""harness show: one example of a run, with its prompt, reference and texts."""

from harness.record import PREDICTIONS, read_record
from tests.support.command_line import SMALL
from tests.support.reviews import made_up_rows, write_rows
from tests.support.synthetic import write_runs


def test_show_prints_prompt_reference_and_prediction(run, call, tmp_path):
    run("rag")
    folder = next((tmp_path / "out").rglob("record.json")).parent
    code, out, _ = call("show", folder)
    assert code == 0
    assert "reference" in out
    assert "prompt (main)" in out
    assert "rag (s0-" in out
    code, _, err = call("show", folder, "--example", "nobody")
    assert code == 2
    assert "--example 'nobody' is not in this run's test split" in err
    code, above, _ = call("show", tmp_path / "out")
    assert (code, above) == (0, out)  # the only run below
    (tmp_path / "empty").mkdir()
    code, _, err = call("show", tmp_path / "empty")
    assert code == 2
    assert "no record.json here or below" in err


def test_show_refuses_other_texts_than_those_of_the_scores(run, call, tmp_path):
    run("rag")
    folder = next((tmp_path / "out").rglob("record.json")).parent
    path = folder / PREDICTIONS
    path.write_text("".join(path.read_text("utf-8").splitlines(keepends=True)[1:]), "utf-8")
    code, _, err = call("show", folder)
    assert (code, f"{path}: other texts than the record's" in err) == (2, True)


def test_a_folder_with_several_runs_is_listed(call, tmp_path):
    write_runs(tmp_path, ["sft", "rag"], ["product_review"])
    code, out, _ = call("show", tmp_path)
    assert code == 0
    assert out.startswith(f"2 runs in {tmp_path}")
    assert out.endswith(f"several runs in {tmp_path}: name one of them\n")


def test_show_sets_two_runs_side_by_side_without_the_prompt(run, call, tmp_path):
    run("rag")
    run("nonpers")
    rag, nonpers = (next((tmp_path / "out").rglob(f"{m}/s0-*")) for m in ("rag", "nonpers"))
    example = read_record(rag).examples.keys() - {None}
    chosen = sorted(example)[3]
    words = ("show", rag, "--against", nonpers, "--example", chosen, "--no-prompt")
    code, out, _ = call(*words)
    assert code == 0
    assert chosen in out
    assert "rag (s0-" in out
    assert "nonpers (s0-" in out
    assert out.count("bleu ") == 2
    assert "prompt (main)" not in out
    above = ("--against", nonpers.parent, "--example", chosen, "--no-prompt")
    assert call("show", rag, *above)[1] == out  # the only run below
    code, shown, err = call("show", rag, "--against", tmp_path / "out")
    assert (code, shown) == (2, "")  # said before anything is printed
    assert "several runs; name one of them" in err
    code, shown, err = call("show", rag, "--against", tmp_path / "data")
    assert (code, shown) == (2, "")


def test_show_says_that_the_data_changed(call, tmp_path, backbone):
    folder = write_rows(tmp_path / "data", {"test": made_up_rows("test", 2)})
    options = ["--data", folder, "--backbone", backbone, "--out", tmp_path / "out", *SMALL]
    call("run", "--method", "nonpers", *options)
    write_rows(folder, {"test": made_up_rows("test", 3)})
    record = next((tmp_path / "out").rglob("record.json"))
    _, out, _ = call("show", record.parent)
    assert "changed since this run; prompt and reference" in out
