"""harness ablate from its command line: what runs, what is shared, what fails, what is refused."""

import json

import pytest

from harness.record import read_record
from tests.conftest import save_backbone
from tests.test_cli import SMALL, call  # noqa: F401  (a fixture)


@pytest.fixture
def ablate(call, tmp_path, reviews, backbone):  # noqa: F811
    def go(*words):
        return call(
            "ablate", "--data", reviews, "--backbone", backbone, "--results", tmp_path / "runs",
            "--out", tmp_path / "report", *SMALL, *words,
        )  # fmt: skip

    return go


def runs(tmp_path, method):
    """Seed and λ of every run of a method."""
    found = [read_record(path) for path in (tmp_path / "runs").rglob(f"{method}/*/record.json")]
    return sorted((one.seed, str(one.settings["method"].get("lam"))) for one in found)


def test_one_run_a_value_and_seed_and_one_reference_a_seed(ablate, tmp_path):
    code, out, _ = ablate("--over", "lam=0,0.5", "--seeds", "0,1")
    assert code == 0
    # 0.5 is the default: its run is the one that `harness run` makes, without the setting
    assert runs(tmp_path, "flythinker") == [(0, "0"), (0, "None"), (1, "0"), (1, "None")]
    assert runs(tmp_path, "sft") == [(0, "None"), (1, "None")]
    assert "1/4 lam=0, seed 0: " in out
    assert "4/4 lam=0.5, seed 1: " in out
    assert "was there" not in out
    report = json.loads((tmp_path / "report" / "comparisons.json").read_text())
    assert [one["values"] for one in report["values"]] == [["0"], ["0.5"]]
    assert [one["seeds"] for one in report["values"]] == [[0, 1], [0, 1]]
    assert (tmp_path / "report" / "figures" / "ablation_lam.svg").is_file()


def test_the_screen_shows_the_verdict_and_leaves_the_rest_to_the_report(ablate, tmp_path):
    _, out, _ = ablate("--over", "lam=0,1", "--seeds", "0")
    head = next(line for line in out.splitlines() if "minus sft" in line)
    assert [part.strip() for part in head.strip("┃").split("┃")] == [
        "lam", "BLEU, 0–100", "minus sft", "p (Holm)", "verdict"
    ]  # fmt: skip
    assert "ROUGE-1" in (tmp_path / "report" / "report.md").read_text()
    assert "The paper says: λ = 0 equals SFT" in out
    assert "Here that holds exactly: lam=0 minus sft 0.00" in out


def test_repeating_reads_what_is_there_and_other_ablations_share_it(ablate):
    ablate("--over", "lam=0.5", "--seeds", "0")
    _, out, _ = ablate("--over", "lam=0.5,1", "--seeds", "0")
    assert "1/2 lam=0.5, seed 0: was there" in out
    assert "2/2 lam=1, seed 0: was there" not in out


def test_a_value_that_fails_is_told_and_the_others_go_on(ablate, backbone, tmp_path):
    wide = save_backbone(tmp_path / "wide", width=64)
    code, out, _ = ablate("--over", f"reasoner={wide},{backbone}", "--seeds", "0")
    assert code == 1
    assert "1/2 reasoner=" in out
    assert "failed: " in out
    assert "64 wide" in out
    assert f"2/2 reasoner={backbone}, seed 0: " in out
    values = json.loads((tmp_path / "report" / "comparisons.json").read_text())["values"]
    assert "64 wide" in values[0]["failed"]["0"]
    assert values[1]["failed"] == {}


def test_what_both_read_varies_for_the_reference_too(ablate, tmp_path):
    ablate("--over", "history=1,2", "--seeds", "0")
    for method in ("flythinker", "sft"):
        found = [read_record(path) for path in (tmp_path / "runs").rglob(f"{method}/*/record.json")]
        assert sorted(one.settings["retrieval"]["k"] for one in found) == [1, 2]


def test_two_settings_make_a_grid(ablate, tmp_path):
    code, out, _ = ablate("--over", "lam=0,1", "--over", "history=1,2", "--seeds", "0",
                          "--reference", "none")  # fmt: skip
    assert code == 0
    assert "4/4 lam=1, history=2, seed 0: " in out
    assert runs(tmp_path, "sft") == []
    report = json.loads((tmp_path / "report" / "comparisons.json").read_text())
    assert [one["values"] for one in report["values"]] == [
        ["0", "1"], ["0", "2"], ["1", "1"], ["1", "2"]
    ]  # fmt: skip


def test_a_dry_run_counts_runs_once_and_makes_none(ablate, tmp_path):
    code, out, _ = ablate("--over", "lam=0,0.5,2", "--dry-run")
    assert code == 0
    assert "lam (method.lam): 0, 0.5, 2" in out
    assert "3 settings of flythinker and 1 of sft, 3 seeds: 12 runs, 0 of them complete" in out
    assert not (tmp_path / "runs").exists()


def test_a_dry_run_says_how_many_runs_are_there(ablate):
    ablate("--over", "lam=0.5", "--seeds", "0")
    _, out, _ = ablate("--over", "lam=0,0.5", "--seeds", "0,1", "--dry-run")
    assert "2 settings of flythinker and 1 of sft, 2 seeds: 6 runs, 2 of them complete" in out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["lam"], "expected name=value,value,…, e.g. lam=0,0.5,1"),
        (["lam=0,,1"], "expected name=value,value,…"),
        (["lam=1,1"], "names 1 twice; expected each value once"),
        (["lan=0,1"], "no setting 'lan' of method 'flythinker'. Did you mean 'lam'?"),
        (["seed=0,1"], "seeds are no setting to compare; use --seeds 0,1,2"),
        (["lam=0,nan"], "lam"),
        (["lam=0", "--over", "method.lam=1"], "twice; put all its values in one --over"),
        (["lam=0", "--over", "history=1", "--over", "train.lr=1"], "once, or twice for a grid"),
        (["lam=0", "--seeds", "0,0"], "expected different whole numbers from 0"),
        (["lam=0", "--seeds", "one"], "--seeds one; expected different whole numbers"),
        (["lam=0", "--method", "all"], "--method all; expected one method"),
        (["lam=0", "--reference", "all"], "--reference all; expected one method"),
    ],
)  # fmt: skip
def test_a_wrong_wish_is_refused_before_anything_runs(ablate, tmp_path, words, expected):
    code, _, err = ablate("--over", *words)
    assert code == 2
    assert expected in err
    assert not (tmp_path / "runs").exists()


def test_a_report_where_a_file_is_is_refused_before_anything_runs(ablate, tmp_path):
    (tmp_path / "report").write_text("mine")
    code, _, err = ablate("--over", "lam=0")
    assert code == 2
    assert "is a file; expected a folder, new or old" in err
    assert not (tmp_path / "runs").exists()
