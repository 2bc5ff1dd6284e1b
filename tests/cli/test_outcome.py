"""The terminal's table of a run: the rows to look at first, or all that was measured."""

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from harness.cli.outcome import notices, print_next, print_outcome
from harness.cli.record_rows import brief_rows_of, rows_of
from harness.record import ApiInfo, Counts, ModelInfo, Outcome, read_record
from tests.support.runs import go
from tests.support.synthetic import write_runs


def test_every_view_of_a_record_is_in_the_full_table(tmp_path, reviews, backbone):
    asked = ["eval.controls=zero", "eval.forced=true", "eval.slices=[0,9]", "eval.donors=2"]
    asked += ["eval.relative=true", 'eval.lift=["likelihood"]']
    outcome = go(tmp_path, reviews, backbone, "flythinker", *asked)
    shown = io.StringIO()
    print_outcome(Console(file=shown, width=200), outcome, full=True)
    for row in (
        "bleu",
        "NLL of references",
        "− base model",
        "continuation: bleu",
        "lift NLL",
        "author by characters",
        "thoughts: zero",
        "training",
        "generation",
    ):
        assert f" {row} " in shown.getvalue(), row
    assert "--full" not in shown.getvalue()
    shown = io.StringIO()
    print_outcome(Console(file=shown, width=200), outcome)
    text = shown.getvalue()
    assert " − base model " not in text
    hidden = len([*rows_of(outcome.record)]) - len([*brief_rows_of(outcome.record)])
    assert f"{hidden} further rows: --full" in text
    # the example that is printed is the one that the hint shows
    (named,) = re.findall(r"--example (\S+)`", text)
    assert text.count(f"example {named}, as generated") == 1


def test_a_run_with_the_defaults_has_eight_rows(tmp_path):
    (folder,) = write_runs(tmp_path, ["sft"], ["product_review"], [0])
    record = read_record(folder)
    labels = [label for label, _, _ in brief_rows_of(record)]
    assert labels[0] == next(iter(record.metrics))
    assert len(labels) <= 8
    assert not [label for label in labels if label.startswith(" ")]


def test_test_targets_that_were_trained_on_are_said(tmp_path):
    (folder,) = write_runs(tmp_path, ["sft"], ["product_review"], [0])
    record = read_record(folder)
    assert len(notices(record)) == 1
    data = replace(record.data, in_train={"test": ("t-1", "t-2")})
    assert notices(replace(record, data=data))[1:] == [
        f"2 of {record.n.planned} test targets are training targets too"
    ]


def test_counts_are_of_examples_of_which_a_text_is_such(tmp_path):
    (folder,) = write_runs(tmp_path, ["sft"], ["product_review"], [0])
    counts = Counts(planned=40, scored=40, failed=1, empty=2, capped=3)
    assert notices(replace(read_record(folder), n=counts)) == [
        "examples 40, scored 40 · 1 with a failed text (scored as empty) · 2 with an empty text"
        " · 3 with a text that reached the cap on new tokens"
    ]


@pytest.mark.parametrize(
    ("methods", "command", "step"),
    [
        (["sft"], "harness run --method sft --fresh", "harness run --method flythinker && harness"),
        (["rag"], "harness run --method rag", "harness run --method sft && harness compare"),
        (
            ["flythinker"],
            "harness run --method flythinker --lam 1 --set method.lam_warmup=0.1 --set=method.lam=2"
            " --set train.lr=1e-3 --limit 4",
            "harness run --method sft --set train.lr=1e-3 --limit 4 && harness compare",
        ),
        (["rag"], "harness run --config run.toml", "another method, then: harness compare"),
        (["rag", "sft"], "harness run --method sft", "harness compare"),
    ],
)
def test_the_last_line_is_the_next_step(tmp_path, methods, command, step):
    folders = write_runs(tmp_path, methods, ["product_review"], [0])
    outcome = Outcome(read_record(folders[-1]), folders[-1], repeated=False)
    shown = io.StringIO()
    print_next(Console(file=shown, width=200), [outcome], command)
    assert shown.getvalue().startswith(f"next: {step}")
    assert shown.getvalue().endswith(f"{folders[-1].parents[2]} --out report\n")


@pytest.mark.parametrize(("method", "other"), [("rag", "nonpers"), ("nonpers", "rag")])
def test_the_next_step_of_a_model_behind_an_api_is_one_that_it_can_take(tmp_path, method, other):
    (folder,) = write_runs(tmp_path, [method], ["product_review"], [0])
    api = ApiInfo(url="http://h/v1/chat/completions", chat=True, concurrent=8)
    record = replace(read_record(folder), backbone=ModelInfo(name="openai:http://h/v1#m", api=api))
    shown = io.StringIO()
    outcome = Outcome(record, folder, repeated=False)
    print_next(Console(file=shown, width=200), [outcome], f"harness run --method {method}")
    assert shown.getvalue().startswith(f"next: harness run --method {other} && harness compare")
