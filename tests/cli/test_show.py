"""harness show: one example of a run, with its prompt, reference and texts."""

from harness.record import read_record
from tests.support.command_line import SMALL
from tests.support.reviews import made_up_rows, write_rows


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
    code, _, err = call("show", tmp_path)
    assert code == 2
    assert "no record (No such file or directory); expected a run's folder" in err


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


def test_show_says_that_the_data_changed(call, tmp_path, backbone):
    folder = write_rows(tmp_path / "data", {"test": made_up_rows("test", 2)})
    options = ["--data", folder, "--backbone", backbone, "--out", tmp_path / "out", *SMALL]
    call("run", "--method", "nonpers", *options)
    write_rows(folder, {"test": made_up_rows("test", 3)})
    record = next((tmp_path / "out").rglob("record.json"))
    _, out, _ = call("show", record.parent)
    assert "changed since this run; prompt and reference" in out
