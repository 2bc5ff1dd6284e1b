"""harness run with a bad input: one clear message, exit code 2, and no run."""

import json

import pytest
import torch

from tests.support.command_line import SMALL
from tests.support.reviews import made_up_rows, write_rows
from tests.support.saved_backbones import save_backbone


@pytest.mark.parametrize(
    ("below", "messages"),
    [
        ("", ["file is a file; expected a folder, new or existing"]),
        (
            "results",
            ["NotADirectoryError: ", "expected a file or folder that can be read and written"],
        ),
    ],
)
def test_a_results_folder_that_cannot_be_made_is_named(
    call, tmp_path, reviews, backbone, below, messages
):
    (tmp_path / "file").write_text("")
    options = ["--data", reviews, "--backbone", backbone, "--out", tmp_path / "file" / below]
    code, out, err = call("run", "--method", "rag", *options, *SMALL)
    assert code == 2
    assert all(each in err for each in messages)
    assert "Traceback" not in out + err


def test_score_of_a_method_that_is_not_there(run):
    code, _, err = run("flythinkr")
    assert code == 2
    assert "no method 'flythinkr'. Did you mean 'flythinker'?" in err


@pytest.mark.parametrize(
    ("method", "words", "message"),
    [
        ("sftt", (), "no method 'sftt'. Did you mean 'sft'?"),
        ("sft", ("--plugin", "nosuch.py"), "--plugin nosuch.py: no such file"),
    ],
)
def test_a_run_that_cannot_exist_is_not_announced(run, method, words, message):
    code, out, err = run(method, *words)
    assert (code, out) == (2, "")
    assert message in err


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


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--lam", "nan"], "lam"),
        (["--set", "budget.profil=3"], "Did you mean 'budget.profile'"),
        (["--set", "nonsense"], "expected section.key=value"),
        (["--task", "product_reviews"], "Did you mean 'product_review'"),
        (["--preset", "minni"], "Did you mean 'mini'"),
        (["--until", "train"], "--until train; expected trained or generated. Did you mean"),
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
