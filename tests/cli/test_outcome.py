"""The terminal's table of a run says all that was measured."""

import io

from rich.console import Console

from harness.cli.outcome import print_outcome
from tests.support.runs import go


def test_every_view_of_a_record_is_in_the_table(tmp_path, reviews, backbone):
    asked = ["eval.controls=zero", "eval.forced=true", "eval.slices=[0,9]", "eval.donors=2"]
    asked.append('eval.lift=["likelihood"]')
    outcome = go(tmp_path, reviews, backbone, "flythinker", *asked)
    shown = io.StringIO()
    print_outcome(Console(file=shown, width=200), outcome)
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
