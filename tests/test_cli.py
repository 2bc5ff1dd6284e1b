"""The command line: what it prints, its exit codes, and one clear message for each bad input."""

import json

import pytest
import torch

from harness import cli
from harness.record import read_record
from tests.conftest import made_up_rows, save_backbone, write_rows

SMALL = [
    "--set", "train.lr=1e-3", "--set", "train.epochs=1", "--set", "decode.max_new_tokens=8",
    "--set", "budget.profile=80", "--set", "eval.resamples=100",
    "--set", 'eval.metrics=["bleu","rouge1"]',
]  # fmt: skip


def harness(monkeypatch, capsys, *words):
    """Exit code, standard output and standard error of `harness WORDS`."""
    monkeypatch.setattr("sys.argv", ["harness", *map(str, words)])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    printed = capsys.readouterr()
    return stopped.value.code or 0, printed.out, printed.err


@pytest.fixture
def call(monkeypatch, capsys):
    return lambda *words: harness(monkeypatch, capsys, *words)


@pytest.fixture
def run(call, tmp_path, reviews, backbone):
    def go(method="rag", *words):
        options = ["--data", reviews, "--backbone", backbone, "--out", tmp_path / "out", *SMALL]
        return call("run", "--method", method, *options, *words)

    return go


def test_a_run_ends_with_its_table_and_a_repeat_says_so(run):
    code, out, _ = run("sft")
    assert code == 0
    for shown in ("bleu", "rouge1", "NLL of references", "training", "writing", "examples 8"):
        assert shown in out
    code, out, _ = run("sft")
    assert code == 0
    assert "complete before; --fresh redoes it" in out


def test_all_is_every_built_in_method_with_one_table_at_the_end(run, tmp_path):
    code, out, _ = run("all", "--limit", "2", "--lam", "0.2", "--set", "decode.max_new_tokens=4")
    assert code == 0
    assert "all runs" in out
    records = [read_record(path) for path in (tmp_path / "out").rglob("record.json")]
    assert {record.method for record in records} == {
        "nonpers", "rag", "sft", "cot", "coconut", "flythinker",
    }  # fmt: skip
    assert {record.n.planned for record in records} == {2}
    lams = {record.method: record.settings["method"].get("lam") for record in records}
    assert lams["flythinker"] == 0.2
    assert lams["sft"] is None


def test_a_dry_run_says_what_would_run_and_writes_nothing(run, tmp_path):
    code, out, _ = run("flythinker", "--dry-run")
    assert code == 0
    for shown in ("6 examples, 6 users", "cut to budget", "parameters", "GiB", "steps of 8"):
        assert shown in out
    assert "Generate the review text written by a reviewer" in out
    assert not (tmp_path / "out").exists()


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


@pytest.mark.parametrize("layout", ["lines", "longlamp"])
def test_predictions_made_elsewhere_are_scored(call, tmp_path, reviews, layout):
    code, out, _ = call("list", "examples", "--data", reviews, "--json")
    assert code == 0
    examples = json.loads(out)
    assert list(examples[0]) == ["id", "user_id", "input"]
    rows = [{"id": each["id"], "output": f"text {at}"} for at, each in enumerate(examples)]
    path = tmp_path / "predictions.json"
    if layout == "lines":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        path.write_text(json.dumps({"task": "product_review", "golds": rows}))
    options = ["--data", reviews, "--task", "product_review", "--json"]
    code, out, _ = call("score", path, *options)
    assert code == 0
    found = json.loads(out)
    assert set(found["metrics"]) == {"bleu", "rouge1", "rouge2", "rougeL", "rougeLsum", "meteor"}
    assert set(found["metrics"]["bleu"]) >= {"value", "low", "high", "signature"}
    assert found["n"] == {"planned": 8, "scored": 8, "empty": 0, "failed": 0}


def test_perfect_predictions_score_a_hundred(call, tmp_path, reviews):
    _, out, _ = call("list", "examples", "--data", reviews, "--json")
    ids = [each["id"] for each in json.loads(out)]
    rows = (reviews / "product_review" / "test.jsonl").read_text().splitlines()
    outputs = [json.loads(row)["output"] for row in rows]
    path = tmp_path / "p.jsonl"
    path.write_text(
        "".join(
            json.dumps({"id": key, "output": text}) + "\n"
            for key, text in zip(ids, outputs, strict=True)
        )
    )
    options = ["--data", reviews, "--task", "product_review", "--metrics", "bleu,rougeL", "--json"]
    _, out, _ = call("score", path, *options)
    values = {name: score["value"] for name, score in json.loads(out)["metrics"].items()}
    assert values == {"bleu": pytest.approx(100), "rougeL": pytest.approx(100)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"id": "a"}\n', "line 1, field output: missing; expected text"),
        ('{"id": "a", "output": 3}\n', "field output: found 3; expected text"),
        ('{"id": "a", "output": "x"}\n{"id": "a", "output"', "line 2: not JSON"),
        ('{"id": "a", "output": "x"}\n{"id": "a", "output": "y"}\n', "id 'a' stands at"),
        ('{"id": "a", "output": "x"}\n', "1 ids are not in the test split, e.g. 'a'"),
        ('{"task": "topic_writing", "golds": []}', "predictions of task 'topic_writing'"),
        ("[1]\n", "found list; expected an object"),
        ("", "8 of 8 examples have no prediction"),
    ],
)
def test_bad_predictions_are_named(call, tmp_path, reviews, content, message):
    path = tmp_path / "p.jsonl"
    path.write_text(content)
    code, out, err = call("score", path, "--data", reviews, "--task", "product_review")
    assert code == 2
    assert message in err
    assert "Traceback" not in err + out


@pytest.mark.parametrize("kind", ["methods", "tasks", "metrics", "presets"])
def test_list_is_json_on_request(call, kind):
    code, out, _ = call("list", kind, "--json")
    assert code == 0
    assert json.loads(out)
    code, out, _ = call("list", kind)
    assert code == 0


def test_every_setting_has_its_meaning(call):
    _, out, _ = call("list", "presets", "--json")
    assert all(row["meaning"] for row in json.loads(out))


def test_doctor_says_what_is_here(call):
    code, out, _ = call("doctor", "--json")
    found = {each["name"]: each for each in json.loads(out)}
    assert found["torch"]["ok"]
    assert all(each["ok"] or each["remedy"] for each in found.values())
    assert code == 0


def test_score_of_a_method_that_is_not_there(run):
    code, _, err = run("flythinkr")
    assert code == 2
    assert "no method 'flythinkr'. Did you mean 'flythinker'?" in err


BAD_ROWS = {
    "truncated line": ('{"reviewerId": "u", "inp', "test.jsonl line 1"),
    "missing field": ({"output": None}, "output"),
    "wrong type": ({"profile": "text"}, "profile"),
    "empty reference": ({"output": "   "}, "output"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_a_bad_line_stops_with_file_line_and_field(call, tmp_path, reviews, backbone, case):
    change, message = BAD_ROWS[case]
    row = made_up_rows("test", 1)[0]
    line = change if isinstance(change, str) else json.dumps(row | change)
    folder = write_rows(tmp_path / "data", {"test": []})
    (folder / "test.jsonl").write_text(line + "\n")
    options = ["--data", folder, "--backbone", backbone, "--out", tmp_path / "out", *SMALL]
    code, out, err = call("run", "--method", "rag", *options)
    assert code == 2
    assert "DataError" in err
    assert "test.jsonl line 1" in err
    assert message in err
    assert "Traceback" not in err + out
    assert not (tmp_path / "out").exists()


def test_strange_but_right_input_runs(call, tmp_path, backbone):
    rows = made_up_rows("test", 4)
    rows[0]["profile"] = []
    rows[1]["profile"][0]["reviewText"] = "word " * 20_000
    rows[2]["output"] = "🙂 שלום עולם 👩‍👩‍👧 مرحبا"
    rows[3]["output"] = "long text " * 3_000
    folder = write_rows(tmp_path / "data", {"test": rows})
    options = ["--data", folder, "--backbone", backbone, "--out", tmp_path / "out", *SMALL]
    likely = ["--set", "eval.likelihood=false"]
    code, out, _ = call("run", "--method", "rag", *options, *likely)
    assert code == 0
    assert "examples 4, scored 4" in out
    assert "prompts cut to their budget" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--lam", "nan"], "lam"),
        (["--set", "budget.profil=3"], "Did you mean 'budget.profile'"),
        (["--set", "nonsense"], "expected section.key=value"),
        (["--task", "product_reviews"], "Did you mean 'product_review'"),
        (["--preset", "minni"], "Did you mean 'mini'"),
        (["--limit", "0"], "data.limit = 0"),
        (["--plugin", "nowhere.py"], "no such file"),
    ],
)
def test_wrong_options_are_named(run, tmp_path, words, message):
    code, _, err = run("flythinker", *words)
    assert code == 2
    assert message in err
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_a_folder_without_the_split_says_which_are_there(call, tmp_path, backbone):
    folder = write_rows(tmp_path / "data", {"train": made_up_rows("train", 2)})
    code, _, err = call("run", "--method", "rag", "--data", folder, "--backbone", backbone)
    assert code == 2
    assert "test.jsonl" in err
    assert "train" in err


def test_smollm2_needs_data(call):
    code, _, err = call("run", "--method", "rag", "--preset", "smollm2")
    assert code == 2
    assert "preset smollm2 needs --data" in err


def test_a_pickle_backbone_is_refused(call, tmp_path, reviews):
    folder = tmp_path / "pickled"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    torch.save({}, folder / "pytorch_model.bin")
    code, _, err = call("run", "--method", "rag", "--data", reviews, "--backbone", folder)
    assert code == 2
    assert "found pytorch_model.bin, which may run code when read" in err


def test_a_wider_reasoner_is_refused(run, tmp_path):
    wide = save_backbone(tmp_path / "wide", width=64)
    code, _, err = run("flythinker", "--reasoner", wide)
    assert code == 2
    assert "the reasoner is 64 wide, 32 more than its generator's 32" in err
    assert not (tmp_path / "out").exists()


def test_a_reasoner_with_other_tokens_is_refused(run, tmp_path):
    other = save_backbone(tmp_path / "other", words=280)
    code, _, err = run("flythinker", "--reasoner", other)
    assert code == 2
    assert "have different tokenizers" in err
    assert "tokens differ, e.g." in err


def test_debug_shows_the_traceback(monkeypatch, capsys):
    from harness.errors import UsageError

    monkeypatch.setattr("sys.argv", ["harness", "list", "nothing", "--debug"])
    with pytest.raises(UsageError, match="list got 'nothing'"):
        cli.main()
