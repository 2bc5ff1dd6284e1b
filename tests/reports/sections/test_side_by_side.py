"""Texts of two systems, side by side."""

import re
from dataclasses import replace
from statistics import fmean

import pytest
from typer.testing import CliRunner

from harness.cli import app
from harness.errors import UsageError
from harness.record import read_record, write_record
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


def compared_on_rouge(out):
    (board,), _ = load_boards([out])
    rouge = next(one for one in measures_of(board) if one.name == "rouge1")
    return Compared(board, {"rouge1": contrast_all(rouge, board, ())}, "rouge1")


def test_a_missing_value_is_no_difference(tmp_path):
    write_runs(tmp_path, ["rag"], TASK)
    (folder,) = write_runs(tmp_path, ["sft"], TASK)
    record = read_record(folder)
    lacking = max(record.examples, key=lambda key: record.examples[key].scores["rouge1"])
    values = record.examples[lacking]
    without = replace(values, scores={**values.scores, "rouge1": None})
    examples = {**record.examples, lacking: without}
    value = fmean(one for each in examples.values() if (one := each.scores["rouge1"]) is not None)
    metrics = {**record.metrics, "rouge1": replace(record.metrics["rouge1"], value=value)}
    (folder / "record.json").unlink()
    write_record(replace(record, examples=examples, metrics=metrics), folder)
    shown = examples_part(compared_on_rouge(tmp_path), "sft,rag").examples
    assert len(shown) == 8
    assert lacking not in [one.id for one in shown]


@pytest.mark.parametrize(("samples", "said"), [(1, False), (2, True)])
def test_of_several_samples_the_text_is_said_to_be_the_first(tmp_path, samples, said):
    given = {method: [f"decode.samples={samples}"] for method in ("rag", "sft")}
    write_runs(tmp_path, ["rag", "sft"], TASK, assignments=given)
    (text,) = examples_part(compared_on_rouge(tmp_path), None).text
    note = "Texts are the first of 2 samples; scores, and so the order, are means over all samples."
    assert text.endswith(note) == said
    assert ("sample" in text) == said


def test_differences_are_marked_word_by_word_and_nothing_is_lost():
    first, second = "I like the red\nlamp a lot ", "I like a blue\nlamp"
    pieces = word_difference(first, second)
    assert pieces[0] == (
        ("I like", False), (" the red", True), ("\nlamp", False), (" a lot ", True)
    )  # fmt: skip
    assert pieces[1] == (("I like", False), (" a blue", True), ("\nlamp", False))
    assert "".join(text for text, _ in pieces[0]) == first
    assert word_difference("", "x") == ((), (("x", True),))
