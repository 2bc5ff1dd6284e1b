"""harness ablate from its command line: what runs, what is shared, what fails, what is refused."""

import json
import re
import shutil

import pytest
from typer.testing import CliRunner

from harness.cli import app
from harness.pipeline import generate as generate_module
from harness.record import Counts, read_record
from tests.support.command_line import SMALL
from tests.support.saved_backbones import save_backbone

PLUGIN = """
from harness.method import Method

class Mine(Method):
    name = "mine"

    def prompt(self, example):
        return 1 / 0
"""


def words(folder, reviews, backbone):
    """The options of a small ablation that keeps everything in one folder."""
    return [
        "ablate", "--data", reviews, "--backbone", backbone, "--results", folder / "runs",
        "--out", folder / "report", "--train-limit", "4", *SMALL,
    ]  # fmt: skip


@pytest.fixture
def ablate(call, tmp_path, reviews, backbone):
    return lambda *more: call(*words(tmp_path, reviews, backbone), *more)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, reviews, backbone):
    """Folder, exit code and output of an ablation of two values with two seeds."""
    folder = tmp_path_factory.mktemp("ablation")
    given = [*words(folder, reviews, backbone), "--over", "lam=0,0.5", "--seeds", "0,1"]
    done = CliRunner().invoke(app, list(map(str, given)), env={"COLUMNS": "200"})
    return folder, done.exit_code, done.stdout


@pytest.fixture
def again(call, finished, reviews, backbone, tmp_path):
    """Another ablation with the runs of `finished`."""
    shutil.copytree(finished[0] / "runs", tmp_path / "runs")
    return lambda *more: call(*words(tmp_path, reviews, backbone), *more)


@pytest.fixture
def asked(pretend):
    """Pretends all runs; lists method and settings of each that is asked for."""
    found = []
    pretend(lambda settings, factory: found.append((factory.name, settings)))
    return found


def runs(folder, method):
    """Seed and λ of every run of a method."""
    found = [read_record(path) for path in (folder / "runs").rglob(f"{method}/*/record.json")]
    return sorted((one.seed, str(one.settings["method"].get("lam"))) for one in found)


def test_one_run_a_value_and_seed_and_one_reference_a_seed(finished):
    folder, code, out = finished
    assert code == 0
    # 0.5 is the default: its run is the one that `harness run` makes, without the setting
    assert runs(folder, "flythinker") == [(0, "0"), (0, "None"), (1, "0"), (1, "None")]
    assert runs(folder, "sft") == [(0, "None"), (1, "None")]
    assert "1/4 lam=0, seed 0: " in out
    assert "4/4 lam=0.5, seed 1: " in out
    assert "already complete" not in out
    report = json.loads((folder / "report" / "comparisons.json").read_text())
    assert [one["values"] for one in report["values"]] == [["0"], ["0.5"]]
    assert [one["seeds"] for one in report["values"]] == [[0, 1], [0, 1]]
    assert (folder / "report" / "figures" / "ablation_lam.svg").is_file()


def test_the_screen_shows_the_verdict_and_leaves_the_rest_to_the_report(finished):
    folder, _, out = finished
    head = next(line for line in out.splitlines() if "minus sft" in line)
    assert re.split(" {2,}", head.strip()) == [
        "lam", "BLEU, 0–100", "minus sft", "p (Holm)", "verdict", "about"
    ]  # fmt: skip
    assert "ROUGE-1" in (folder / "report" / "report.md").read_text()
    report = json.loads((folder / "report" / "comparisons.json").read_text())
    claim = next(one for one in report["claims"] if one["statement"] == "λ = 0 equals SFT")
    assert claim["verdict"] == "HOLDS"
    assert claim["parts"][0]["why"] == "the same in every example and seed"


def test_repeating_reads_what_is_there_and_other_ablations_share_it(again):
    _, out, _ = again("--over", "lam=0.5,1", "--seeds", "0")
    assert "1/2 lam=0.5, seed 0: already complete" in out
    assert "2/2 lam=1, seed 0: already complete" not in out


def test_an_ablation_that_was_stopped_continues_at_its_batch(ablate, tmp_path, monkeypatch):
    """In its second run, after the first of three batches: no text is generated twice."""
    real, kept = generate_module.append_lines, []
    words = ("--over", "lam=0,0.5", "--seeds", "0", "--reference", "none",
             "--set", "decode.batch_size=3")  # fmt: skip

    def append(path, lines):
        if len(kept) == stop_at:
            raise KeyboardInterrupt
        real(path, lines)
        kept.append(path)

    monkeypatch.setattr(generate_module, "append_lines", append)
    stop_at = 4
    code, _, err = ablate(*words)
    assert (code, "Stopped. Kept:" in err) == (130, True)
    before = {path: path.read_bytes() for path in dict.fromkeys(kept)}
    stop_at = None
    assert ablate(*words)[0] == 0
    assert [kept.count(path) for path in before] == [3, 3]
    for path, content in before.items():
        assert path.read_bytes().startswith(content)
        assert path.read_bytes().count(b"\n") == 8


def test_a_failing_value_is_reported_and_the_rest_continue(ablate, backbone, tmp_path):
    wide = save_backbone(tmp_path / "wide", width=64)
    given = ["--seeds", "0", "--reference", "none"]
    code, out, _ = ablate("--over", f"reasoner={wide},{backbone}", *given)
    assert code == 1
    assert "1/2 reasoner=" in out
    assert "failed: " in out
    assert "64 wide" in out
    assert f"2/2 reasoner={backbone}, seed 0: " in out
    values = json.loads((tmp_path / "report" / "comparisons.json").read_text())["values"]
    assert "64 wide" in values[0]["failed"]["0"]
    assert values[1]["failed"] == {}


def values_of(tmp_path):
    return json.loads((tmp_path / "report" / "comparisons.json").read_text())["values"]


def test_an_unexpected_error_is_reported_and_the_rest_continue(ablate, pretend, tmp_path):
    def breaks(settings, factory):
        if settings.method.get("lam") == 1:
            raise RuntimeError("shapes do not match")

    pretend(breaks)
    code, out, err = ablate("--over", "lam=1,2", "--seeds", "0")
    assert code == 1
    assert "1/2 lam=1, seed 0: failed: RuntimeError: shapes do not match" in out
    assert 'raise RuntimeError("shapes do not match")' in err  # its traceback
    assert [one["failed"] for one in values_of(tmp_path)] == [
        {"0": "RuntimeError: shapes do not match"}, {}
    ]  # fmt: skip


def test_failed_examples_of_a_value_are_an_exit_code(ablate, pretend):
    counts = {"n": Counts(planned=40, scored=40, failed=2), "status": "failed"}
    pretend(lambda settings, factory: counts if settings.method.get("lam") == 1 else None)
    code, out, _ = ablate("--over", "lam=1,2", "--seeds", "0")
    assert code == 1
    assert "examples with a failed text, scored as empty: lam=1 2 (of 40 examples)" in out
    pretend(lambda settings, factory: counts if factory.name == "sft" else None)
    assert ablate("--over", "lam=1,2", "--seeds", "0")[0] == 1
    pretend(lambda settings, factory: None)
    assert ablate("--over", "lam=1,2", "--seeds", "0")[0] == 0


@pytest.mark.parametrize(("broken", "failed"), [((1,), "seed 1"), ((0, 1), "seeds 0 and 1")])
def test_a_reference_that_breaks_leaves_the_values_their_report(
    ablate, pretend, tmp_path, broken, failed
):  # fmt: skip
    def breaks(settings, factory):
        if factory.name == "sft" and settings.seed in broken:
            raise RuntimeError("no such kernel")

    pretend(breaks)
    code, out, _ = ablate("--over", "lam=0,1", "--seeds", "0,1")
    assert code == 1
    assert out.count("sft, seed 1: failed: RuntimeError: no such kernel") == 1
    assert f"sft: failed in {failed}: RuntimeError: no such kernel" in out
    assert [one["seeds"] for one in values_of(tmp_path)] == [[0, 1], [0, 1]]
    report = json.loads((tmp_path / "report" / "comparisons.json").read_text())
    assert bool(report["claims"]) == (0 not in broken)  # nothing to compare λ = 0 with


def test_a_seed_in_which_every_value_breaks_is_the_last(ablate, pretend):
    def breaks(settings, factory):
        raise RuntimeError(f"seed {settings.seed}")

    pretend(breaks)
    code, out, err = ablate("--over", "lam=0,1", "--seeds", "0,1")
    assert code == 2
    assert "2/4 lam=1, seed 0: failed: RuntimeError: seed 0" in out
    assert "3/4" not in out
    assert "DataError: no value of the ablation has a finished run\nRuntimeError: seed 0" in err


def test_a_plugin_is_named_with_its_line(ablate, pretend, tmp_path):
    def breaks(settings, factory):
        if settings.retrieval.k == 1:
            factory(settings).prompt(None)

    pretend(breaks)
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN)
    words = ["--over", "history=1,2", "--seeds", "0", "--reference", "none", "--plugin", path]
    code, out, err = ablate(*words, "--method", "mine")
    assert code == 1
    failed = f"method 'mine' is broken: ZeroDivisionError: division by zero (at {path}:8)"
    assert failed in out.replace("\n", "")
    assert "Traceback" not in err
    _, _, err = ablate(*words, "--method", "mine", "--debug")
    assert "Traceback" in err
    path.write_text(PLUGIN.replace("prompt(self, example)", "__init__(self, settings)"))
    code, _, err = ablate(*words, "--method", "mine")
    assert code == 2
    assert f"UsageError: {failed}" in err


def test_what_both_read_varies_for_the_reference_too(ablate, asked):
    ablate("--over", "history=1,2", "--seeds", "0")
    for method in ("flythinker", "sft"):
        assert [given.retrieval.k for name, given in asked if name == method] == [1, 2]


def test_two_settings_make_a_grid(ablate, asked, tmp_path):
    code, out, _ = ablate("--over", "lam=0,1", "--over", "history=1,2", "--seeds", "0",
                          "--reference", "none")  # fmt: skip
    assert code == 0
    assert "4/4 lam=1, history=2, seed 0: " in out
    assert {name for name, _ in asked} == {"flythinker"}
    assert [(given.method["lam"], given.retrieval.k) for _, given in asked] == [
        (0, 1), (0, 2), (1, 1), (1, 2)
    ]  # fmt: skip
    assert [one["values"] for one in values_of(tmp_path)] == [
        ["0", "1"], ["0", "2"], ["1", "1"], ["1", "2"]
    ]  # fmt: skip


def test_a_dry_run_counts_runs_once_and_makes_none(ablate, tmp_path):
    code, out, _ = ablate("--over", "lam=0,0.5,2", "--dry-run")
    assert code == 0
    assert "lam (method.lam): 0, 0.5, 2" in out
    assert "3 settings of flythinker and 1 of sft, 3 seeds: 12 runs, 0 of them complete" in out
    assert not (tmp_path / "runs").exists()


def test_a_dry_run_says_how_many_runs_are_there(again):
    _, out, _ = again("--over", "lam=0.5,2", "--seeds", "0,1,2", "--dry-run")
    assert "2 settings of flythinker and 1 of sft, 3 seeds: 9 runs, 4 of them complete" in out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["lam"], "expected name=value,value,…, e.g. lam=0,0.5,1"),
        (["lam=0,,1"], "expected name=value,value,…"),
        (["lam=1,1"], "names 1 twice; expected each value once"),
        (["lam=1,1.0"], "1 and 1.0 are the same settings; expected each once"),
        (["decode.samples=1,3"], "runs that differ in decode.samples cannot be paired; give all"),
        (["eval.slices=0"], "runs that differ in eval.slices cannot be paired"),
        (["lam=0", "--set", "eval.controls=zero"], "method 'sft' has no thoughts to replace"),
        (["lan=0,1"], "no setting 'lan' of method 'flythinker'. Did you mean 'lam'?"),
        (["seed=0,1"], "a seed is not a setting to compare; use --seeds 0,1,2"),
        (["lam=0,nan"], "lam"),
        (["lam=0", "--over", "method.lam=1"], "twice; put all its values in one --over"),
        (["lam=0", "--over", "history=1", "--over", "train.lr=1"], "once, or twice for a grid"),
        (["lam=0", "--seeds", "0,0"], "expected different whole numbers from 0"),
        (["lam=0", "--seeds", "one"], "--seeds one; expected different whole numbers"),
        (["lam=0", "--method", "all"], "--method all; expected one method"),
        (["lam=0", "--reference", "all"], "--reference all; expected one method"),
        (["reasoner=a,b", "--method", "sft"], "'sft' takes no reasoner, so model.reasoner ch"),
        (["reasoner=a,b", "--method", "flythinker-shared"], "'flythinker-shared' takes no reason"),
        (["train.epochs=1,2", "--method", "rag"], "'rag' is not trained, so train.epochs chang"),
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
    assert "is a file; expected a folder, new or existing" in err
    assert not (tmp_path / "runs").exists()
