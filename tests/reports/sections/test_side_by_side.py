"""Texts of two systems, side by side."""

import re

import pytest
from typer.testing import CliRunner

from harness.cli import app
from harness.errors import UsageError
from harness.reports.compared.contrasts import contrast_all
from harness.reports.compared.measures import measures_of
from harness.reports.compared.verdicts import Compared
from harness.reports.runs.boards import load_boards
from harness.reports.sections.side_by_side import examples_part, word_difference
from tests.support.synthetic import write_runs

TASK = ["product_review"]


def test_pairs_are_named_or_found_and_unknown_ones_refused(runs):
    boards, _ = load_boards([runs])
    rouge = next(one for one in measures_of(boards[0]) if one.name == "rouge1")
    compared = Compared(boards[0], {"rouge1": contrast_all(rouge, boards[0], ())}, "rouge1")

    def shown(pair):
        return [side.name for side in examples_part(compared, pair).examples[0].sides]

    assert shown(None) == ["flythinker", "sft"]  # the best and what others are compared with
    assert shown("cot, rag") == ["cot", "rag"]
    for wrong in ("cot,ragg", "cot", "cot,rag,sft"):
        message = (
            f"--pair got '{wrong}'; expected two names separated by a comma, from nonpers; rag;"
        )
        with pytest.raises(UsageError, match=message):
            shown(wrong)


def test_a_pair_may_have_commas_in_its_names(tmp_path):
    for lam in (1, 2):
        given = [f"method.lam={lam}", f"method.lam_warmup=0.{lam}"]
        write_runs(
            tmp_path / "runs", ["flythinker"], TASK, examples=12, assignments={"flythinker": given}
        )
    pair = "flythinker (lam=2, lam_warmup=0.2),flythinker (lam=1, lam_warmup=0.1)"
    words = ["compare", str(tmp_path / "runs"), "--out", str(tmp_path / "r"), "--pair", pair]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    shown_text = (tmp_path / "r" / "report.md").read_text()
    first, second = pair.replace("_", r"\_").split("),")
    assert f"product\\_review: {first}) and {second}, seeds 0 and 0" in shown_text


def test_examples_are_sorted_by_disagreement(document):
    section = next(s for s in document.sections if s.name == "examples")
    shown = [re.findall(r"\w+ ([\d.]+)", one.gap.partition(": ")[2]) for one in section.examples]
    gaps = [abs(float(first) - float(second)) for first, second in shown]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] > 0


def test_differences_are_marked_word_by_word_and_nothing_is_lost():
    first, second = "I like the red\nlamp a lot ", "I like a blue\nlamp"
    pieces = word_difference(first, second)
    assert pieces[0] == (
        ("I like", False), (" the red", True), ("\nlamp", False), (" a lot ", True)
    )  # fmt: skip
    assert pieces[1] == (("I like", False), (" a blue", True), ("\nlamp", False))
    assert "".join(text for text, _ in pieces[0]) == first
    assert word_difference("", "x") == ((), (("x", True),))
