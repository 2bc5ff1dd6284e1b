"""harness run: what it prints, what it records, and its exit codes."""

import re
from shutil import copytree

import pytest

from harness.record import read_predictions, read_record
from tests.support.command_line import SMALL
from tests.support.hub_cache import COMMIT, put_commit, use_cache
from tests.support.reviews import made_up_rows


def test_a_run_ends_with_its_table_and_a_repeat_says_so(run):
    code, out, _ = run("sft")
    assert code == 0
    for shown in ("bleu", "rouge1", "NLL of references", "training", "generation", "examples 8"):
        assert shown in out
    code, out, _ = run("sft")
    assert code == 0
    assert "already complete; --fresh redoes it" in out


def test_a_reasoner_that_the_method_lacks_gives_a_notice(run, backbone, tmp_path):
    other = copytree(backbone, tmp_path / "reasoner")
    less = ("--reasoner", other, "--limit", "1", "--train-limit", "2")
    _, _, notice = run("rag", *less)
    assert f"model.reasoner={other}: rag takes no reasoner, so it changes nothing" in notice
    _, out, _ = run("rag", "--reasoner", "mini-half", "--dry-run")
    assert "model.reasoner=mini-half: rag takes no reasoner, so it changes nothing\n" in out
    for words in (less, (*less, "--dry-run")):
        for asked in ("flythinker", *words), ("sft", "--set", "method.flops_of=flythinker", *words):
            assert "takes no reasoner" not in "".join(map(str, run(*asked)))


def test_all_is_every_built_in_method_with_one_table_at_the_end(run, tmp_path):
    code, out, _ = run("all", "--limit", "2", "--train-limit", "2", "--lam", "0.2")
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
            raise RuntimeError("shapes do not match")

    pretend(breaks)
    code, out, err = run("all")
    assert code == 1
    assert re.search(r"^RuntimeError: shapes do not match$", err, re.MULTILINE)
    assert 'raise RuntimeError("shapes do not match")' in err  # its traceback
    assert out.count("record: ") == 5
    assert "all runs" in out
    with pytest.raises(RuntimeError, match="shapes"):
        run("rag")


def test_serial_and_concurrent_steps_write_the_same(run, tmp_path):
    for concurrent in ("true", "false"):
        code, _, _ = run("flythinker", "--limit", "3", "--set", f"method.concurrent={concurrent}")
        assert code == 0
    one, other = (read_predictions(path.parent) for path in (tmp_path / "out").rglob("record.json"))
    assert [text.output for text in one] == [text.output for text in other]


def test_lr_auto_chooses_on_val_from_the_presets_grid(run, tmp_path):
    code, _, err = run("sft", "--set", "train.lr=auto", "--limit", "1", "--train-limit", "4")
    assert code == 0, err
    training = read_record(next((tmp_path / "out").rglob("record.json"))).training
    search = training.lr_search
    assert [trial.lr for trial in search.trials] == [3e-4, 1e-3, 2e-3]
    best = min(search.trials, key=lambda trial: trial.val_loss)
    assert training.lr == search.chosen == best.lr


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
    rows = {"test": made_up_rows("test", 2)}
    put_commit(tmp_path / "datasets", "product_review_user", rows)
    use_cache(monkeypatch, tmp_path / "datasets", main=COMMIT)
    options = ["--data", "hub", "--backbone", backbone, "--out", tmp_path / "out", *SMALL]
    code, _, _ = call("run", "--method", "rag", *options)
    assert code == 0
    record = read_record(next((tmp_path / "out").rglob("record.json")))
    assert record.settings["data"]["revision"] == "main"
    assert record.data.revision == COMMIT


def test_several_seeds_are_a_run_each_and_one_for_a_method_that_does_not_train(run, tmp_path):
    less = ("--seeds", "0,2", "--limit", "2", "--train-limit", "2")
    code, out, _ = run("sft", *less)
    assert code == 0
    assert "sft on product_review · mini · seed 2" in out
    assert "all runs" in out
    code, _, _ = run("rag", *less)
    assert code == 0
    records = [read_record(path) for path in (tmp_path / "out").rglob("record.json")]
    assert sorted((one.method, one.seed) for one in records) == [("rag", 0), ("sft", 0), ("sft", 2)]
    _, out, _ = run("sft", *less)
    assert out.count("already complete") == 2
    _, out, _ = run("rag", *less)
    assert out.count("already complete") == 1


def test_a_seed_beside_seeds_is_refused(run):
    code, out, err = run("sft", "--seed", "7", "--seeds", "0,1")
    assert (code, out) == (2, "")
    assert "--seed 7 and --seeds 0,1; expected one of them" in err


@pytest.mark.parametrize("seeds", ["0,0", "-1", "a", "1.5"])
def test_seeds_that_are_no_seeds(run, seeds):
    code, _, err = run("sft", "--seeds", seeds)
    assert (code, "expected different whole numbers from 0, e.g. 0,1,2" in err) == (2, True)
