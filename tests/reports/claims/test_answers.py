"""Claims answered from records with known effects."""

import dataclasses

import pytest

from harness.claims import Paper, Selector, papers, read_paper
from harness.record import read_record, write_record
from harness.reports.claims.answers import answers
from harness.reports.claims.claims_page import claims_document, sentence
from harness.reports.claims.selection import selected
from harness.reports.compared.measures import main_measure, measures_of
from harness.reports.runs.boards import load_boards
from tests.support.synthetic import write_runs

HEAD = 'name = "P"\narxiv = "0"\nbenchmark = "none"\n'
CLAIM = '[[claims]]\nstatement = "s"\nwhere = "w"\n'
SEEDS = (0, 1, 2)


@pytest.fixture(scope="module")
def three_seeds(tmp_path_factory):
    out = tmp_path_factory.mktemp("three")
    write_runs(out, tasks=["product_review"], seeds=SEEDS)
    return out


def paper_of(tmp_path, claims) -> Paper:
    path = tmp_path / "p.toml"
    path.write_text(HEAD + "".join(CLAIM + one + "\n" for one in claims))
    return read_paper(path)


def asked(tmp_path, runs, *claims):
    (board,), _ = load_boards([runs])
    return answers(paper_of(tmp_path, claims), board, main_measure(measures_of(board)))


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        ('first = "sft"\nsecond = "rag"\nsense = "above"', "HOLDS"),
        ('first = "sft"\nsecond = "rag"\nsense = "below"', "REFUTED"),
        ('first = "cot"\nsecond = "sft"\nsense = "above"', "CANNOT TELL"),
        ('first = "sft"\nsecond = ["rag", "cot"]\nsense = "above"', "CANNOT TELL"),
        ('first = "sft"\nsecond = ["rag", "flythinker"]\nsense = "above"', "REFUTED"),
        ('first = "sft"\nsecond = ["rag", "absent"]\nsense = "above"', "CANNOT TELL"),
        ('first = "cot"\nsecond = "sft"\nsense = "equal"\nmargin = 2', "HOLDS"),
        ('first = "cot"\nsecond = "sft"\nsense = "equal"', "CANNOT TELL"),
        ('first = "sft"\nsecond = "rag"\nsense = "equal"\nmargin = 1', "REFUTED"),
        ('first = "sft"\nsecond = "rag"\nsense = "above"\nmeasure = "chrf"', "CANNOT TELL"),
    ],
)
def test_a_difference(tmp_path, three_seeds, claim, verdict):
    (answer,) = asked(tmp_path, three_seeds, claim)
    assert answer.verdict == verdict


def test_the_same_texts_are_equal_without_a_margin(tmp_path):
    write_runs(tmp_path, ["sft"], ["product_review"], SEEDS)
    for folder in write_runs(tmp_path / "twin", ["sft"], ["product_review"], SEEDS):
        record = dataclasses.replace(read_record(folder), method="twin")
        (folder / "record.json").unlink()
        write_record(record, folder)
    (answer,) = asked(tmp_path, tmp_path, 'first = "twin"\nsecond = "sft"\nsense = "equal"')
    assert answer.verdict == "HOLDS"
    assert answer.parts[0].why == "the same in every example and seed"


def test_two_seeds_and_few_users_decide_nothing(tmp_path):
    write_runs(tmp_path / "seeds", ["rag", "sft"], ["product_review"], (0, 1))
    claim = 'first = "sft"\nsecond = "rag"\nsense = "above"'
    (answer,) = asked(tmp_path, tmp_path / "seeds", claim)
    assert answer.verdict == "CANNOT TELL"
    assert "fewer than 3 training seeds: sft" in sentence(answer)
    write_runs(tmp_path / "users", ["rag", "sft"], ["product_review"], SEEDS, examples=10)
    (answer,) = asked(tmp_path, tmp_path / "users", claim)
    assert answer.verdict == "CANNOT TELL"
    assert "a verdict needs 20" in sentence(answer)


def test_an_open_question_says_what_would_decide_it(tmp_path, three_seeds):
    (answer,) = asked(tmp_path, three_seeds, 'first = "cot"\nsecond = "sft"\nsense = "above"')
    needed = answer.parts[0].needed
    assert needed is None or needed.seeds > 3 or needed.users > 20
    assert "Would decide" in sentence(answer)


def test_costs_are_ratios(tmp_path, three_seeds):
    cost = 'kind = "cost"\ncost = "training_s"\nfirst = "flythinker"\nsecond = "sft"\n'
    (answer,) = asked(tmp_path, three_seeds, cost)
    ratio = answer.parts[0].value
    low, high = (f"{cost}low = {ratio * one}\nhigh = {ratio * other}" for one, other in
                 [(0.1, 0.5), (0.2, 5)])  # fmt: skip
    assert [one.verdict for one in asked(tmp_path, three_seeds, low, high)] == ["REFUTED", "HOLDS"]


def test_a_value_against_zero(tmp_path):
    write_runs(tmp_path, ["sft"], ["product_review"], SEEDS, full=True)
    value = 'kind = "value"\nfirst = "sft"\nmeasure = "{}"\nsense = "{}"\nmargin = 0.5'
    found = asked(
        tmp_path, tmp_path, value.format("lift", "above"), value.format("lift", "below"),
        value.format("nll", "above"), value.format("lift fall", "not below"),
    )  # fmt: skip
    assert [one.verdict for one in found[:3]] == ["HOLDS", "REFUTED", "HOLDS"]
    assert found[3].title.startswith("lift (own")


def test_a_selector_takes_the_usual_settings(tmp_path):
    for name, settings in {"a": [], "b": ["method.lam=2"], "c": ["train.lr=5e-4"]}.items():
        write_runs(
            tmp_path / name,
            ["flythinker"],
            ["product_review"],
            assignments={"flythinker": settings},
        )
    (board,), _ = load_boards([tmp_path])
    (plain,) = selected(board, [Selector("flythinker")])
    assert plain.name == "flythinker"
    (two,) = selected(board, [Selector("flythinker", "method.lam", 1.5, 2.5)])
    assert "lam=2" in two.name
    assert selected(board, [Selector("flythinker", "method.lam", 3.0, 4.0)]) == []


def test_the_document_answers_every_claim_of_the_paper(three_seeds, tmp_path):
    document = claims_document([three_seeds], papers()["flythinker"])
    assert len(document.facts["claims"]) == len(papers()["flythinker"].claims)
    assert document.facts["claims"][0]["verdict"] in ("HOLDS", "REFUTED", "CANNOT TELL")
    assert len(document.sections[0].tables) == 1
