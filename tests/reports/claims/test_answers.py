"""Claims answered from records with known effects."""

import dataclasses

import pytest

from harness.claims import Paper, papers, read_paper
from harness.record import read_record, write_record
from harness.reports.claims.answers import answers
from harness.reports.claims.claims_page import (
    claim_facts,
    claims_document,
    claims_table,
    sentence,
)
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


def asked(tmp_path, runs, *claims, metric=None):
    (board,), _ = load_boards([runs])
    return answers(paper_of(tmp_path, claims), board, main_measure(measures_of(board), metric))


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


@pytest.mark.parametrize(
    ("sense", "measure", "verdict", "end"),
    [
        ("above", "main", "HOLDS", "] (lower is better)."),
        ("below", "main", "REFUTED", "] (lower is better)."),
        ("above", "nll", "REFUTED", "]."),  # by name: of the numbers
        ("below", "nll", "HOLDS", "]."),
    ],
)
def test_above_on_the_main_measure_is_better(tmp_path, three_seeds, sense, measure, verdict, end):
    claim = f'first = "sft"\nsecond = "rag"\nsense = "{sense}"\nmeasure = "{measure}"'
    (answer,) = asked(tmp_path, three_seeds, claim, metric="nll")
    assert answer.parts[0].value < 0
    assert answer.verdict == verdict
    assert sentence(answer).endswith(end)
    (fact,) = claim_facts(paper_of(tmp_path, [claim]), [answer])
    assert fact["lower_is_better"] == end.endswith("(lower is better).")


@pytest.mark.parametrize(
    ("sense", "measure", "verdict", "end"),
    [
        ('"above"', "main", "REFUTED", "] (lower is better)."),
        ('"below"', "main", "HOLDS", "] (lower is better)."),
        ('"not below"', "main", "REFUTED", "] (lower is better)."),
        ('"not below"\nmargin = 9', "main", "HOLDS", "] (lower is better)."),
        ('"above"', "nll", "HOLDS", "]."),  # by name: of the numbers
        ('"below"', "nll", "REFUTED", "]."),
    ],
)
def test_a_value_above_zero_on_the_main_measure_is_better(
    tmp_path, three_seeds, sense, measure, verdict, end
):
    claim = f'kind = "value"\nfirst = "sft"\nmeasure = "{measure}"\nsense = {sense}'
    (answer,) = asked(tmp_path, three_seeds, claim, metric="nll")
    assert 0 < answer.parts[0].value < 9
    assert answer.verdict == verdict
    assert sentence(answer).endswith(end)


def test_open_claims_say_where_lower_is_better(tmp_path, three_seeds):
    claims = [f'first = "cot"\nsecond = "sft"\nsense = "{one}"' for one in ("above", "equal")]
    for answer in asked(tmp_path, three_seeds, *claims, metric="nll"):
        assert (answer.verdict, answer.parts[0].why) == ("CANNOT TELL", "")
        assert "] (lower is better). Would decide: " in sentence(answer)
        assert "lower" not in sentence(answer).partition("Would decide: ")[2]
    write_runs(tmp_path / "two", ["rag", "sft"], ["product_review"], (0, 1))
    claim = 'first = "sft"\nsecond = "rag"\nsense = "above"'
    (answer,) = asked(tmp_path, tmp_path / "two", claim, metric="nll")
    few = "fewer than 3 training seeds: sft"
    assert sentence(answer).endswith(f"(lower is better; {few}). Would decide: {few}.")


def test_a_system_against_itself_is_said(tmp_path, three_seeds):
    both = 'first = "sft"\nsecond = "sft"\n'
    cost = f'kind = "cost"\ncost = "text_s"\n{both}high = 2'
    found = asked(tmp_path, three_seeds, f'{both}sense = "equal"', cost)
    assert [one.verdict for one in found] == ["CANNOT TELL"] * 2
    assert sentence(found[0]) == "CANNOT TELL here: s. first and second are the same system here."
    assert found[1].why == found[0].why


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
    (answer,) = asked(tmp_path, three_seeds, f"{cost}high = 1000")
    ratio = answer.parts[0].value
    low, high = (f"{cost}low = {ratio * one}\nhigh = {ratio * other}" for one, other in
                 [(0.1, 0.5), (0.2, 5)])  # fmt: skip
    assert [one.verdict for one in asked(tmp_path, three_seeds, low, high)] == ["REFUTED", "HOLDS"]


@pytest.mark.parametrize(
    ("cost", "changes", "why"),
    [
        ("training_s", {}, "training_s of rag is 0, so there is no ratio"),
        ("text_s", {"inference": None}, "rag has no text_s"),
    ],
)
def test_no_ratio_to_a_cost_of_zero_or_to_none(tmp_path, cost, changes, why):
    write_runs(tmp_path, ["sft"], ["product_review"], SEEDS)
    write_runs(tmp_path, ["rag"], ["product_review"], SEEDS, changes=changes)
    claim = f'kind = "cost"\ncost = "{cost}"\nfirst = "sft"\nsecond = "rag"\nhigh = 2'
    (answer,) = asked(tmp_path, tmp_path, claim)
    assert (answer.verdict, [part.why for part in answer.parts]) == ("CANNOT TELL", [why])


def test_a_value_against_zero(tmp_path):
    write_runs(tmp_path, ["sft"], ["product_review"], SEEDS, full=True)
    value = 'kind = "value"\nfirst = "sft"\nmeasure = "{}"\nsense = "{}"'
    found = asked(
        tmp_path, tmp_path, value.format("lift", "above"), value.format("lift", "below"),
        value.format("nll", "above"), value.format("lift fall", "not below") + "\nmargin = 0.5",
    )  # fmt: skip
    assert [one.verdict for one in found[:3]] == ["HOLDS", "REFUTED", "HOLDS"]
    assert found[3].title.startswith("lift (own")


@pytest.mark.parametrize(
    ("method", "option"), [("flythinker", "method.lam=5"), ("sft", "method.flops_of=flythinker")]
)
def test_a_lone_control_does_not_answer_for_its_method(tmp_path, method, option):
    write_runs(
        tmp_path, ["sft", "flythinker"], ["product_review"], SEEDS, assignments={method: [option]}
    )
    (answer,) = asked(tmp_path, tmp_path, 'first = "flythinker"\nsecond = "sft"\nsense = "above"')
    assert (answer.verdict, answer.why) == ("CANNOT TELL", f"not run here: {method}")


def test_the_document_answers_every_claim_of_the_paper(three_seeds, tmp_path):
    document = claims_document([three_seeds], papers()["flythinker"])
    assert len(document.facts["claims"]) == len(papers()["flythinker"].claims)
    assert document.facts["claims"][0]["verdict"] in ("HOLDS", "REFUTED", "CANNOT TELL")
    assert len(document.sections[0].tables) == 1


def test_a_system_that_was_not_evaluated_leaves_a_claim_open(tmp_path):
    write_runs(tmp_path, ["rag", "sft", "flythinker"], ["product_review"], SEEDS, full=True)
    write_runs(tmp_path, ["cot"], ["product_review"], SEEDS)  # no lift
    above = 'first = "{}"\nsecond = ["{}", "cot"]\nmeasure = "lift"\nsense = "above"'
    value = 'kind = "value"\nfirst = ["sft", "cot"]\nmeasure = "lift"\nsense = "above"'
    first, refuted, second = asked(
        tmp_path, tmp_path, above.format("sft", "rag"), above.format("rag", "sft"), value
    )
    assert [one.verdict for one in (first, second)] == ["CANNOT TELL"] * 2
    assert refuted.verdict == "REFUTED"
    reason = "; not evaluated on lift on likelihood, own − random other: cot."
    assert sentence(first).endswith(reason)
    assert sentence(second).endswith(reason)
    assert "cot" not in sentence(refuted)
    (board,), _ = load_boards([tmp_path])
    row = claims_table(paper_of(tmp_path, [value]), [second], board).rows[0]
    assert row[2].endswith(reason.rstrip("."))


def test_another_setting_does_not_stand_in_for_a_system_without_the_measure(tmp_path):
    write_runs(tmp_path, ["rag", "sft"], ["product_review"], SEEDS)
    lora = {"sft": ["model.adapter=lora"]}
    write_runs(tmp_path / "b", ["sft"], ["product_review"], SEEDS, assignments=lora, full=True)
    (answer,) = asked(
        tmp_path, tmp_path, 'kind = "value"\nfirst = "sft"\nmeasure = "lift"\nsense = "above"'
    )
    assert answer.parts == ()
    assert sentence(answer).startswith("CANNOT TELL here: s. not evaluated on lift")
    assert answer.why.endswith(": sft (adapter=none)")


def test_no_values_are_not_equal_values(tmp_path):
    write_runs(tmp_path, ["sft", "flythinker"], ["product_review"], SEEDS, full=True)
    for path in tmp_path.rglob("record.json"):
        record = read_record(path.parent)
        examples = {key: without_last_slices(values) for key, values in record.examples.items()}
        write_record(dataclasses.replace(record, examples=examples), path.parent)
    equal, value = asked(
        tmp_path, tmp_path,
        'first = "flythinker"\nsecond = "sft"\nmeasure = "lift fall"\nsense = "equal"',
        'kind = "value"\nfirst = "sft"\nmeasure = "lift fall"\nsense = "below"',
    )  # fmt: skip
    assert (equal.verdict, equal.parts[0].why) == ("CANNOT TELL", "no example has both values")
    assert (value.verdict, value.parts[0].why) == ("CANNOT TELL", "no example has a value")
    assert sentence(equal).endswith("flythinker − sft (no example has both values).")


def without_last_slices(values):
    """The values of a text that ends before token 200: it has no lift there."""
    lift = {kind: {**gains, "200-300": None} for kind, gains in values.lift.likelihood.items()}
    return dataclasses.replace(values, lift=dataclasses.replace(values.lift, likelihood=lift))


def test_a_range_holds_only_with_both_ends(tmp_path):
    write_runs(tmp_path / "sft", ["sft"], ["product_review"], SEEDS)

    def run(lam):
        own = {"flythinker": [f"method.lam={lam}"]}
        write_runs(tmp_path / lam, ["flythinker"], ["product_review"], SEEDS, assignments=own)

    claim = (
        'first = {{ method = "flythinker", setting = "method.lam", low = 0.2, high = 2.0 }}\n'
        'second = "sft"\nsense = "{}"'
    )
    run("0.5")
    above, below = asked(tmp_path, tmp_path, claim.format("above"), claim.format("below"))
    assert (above.verdict, below.verdict) == ("CANNOT TELL", "REFUTED")
    assert above.why == "not run here: flythinker with lam 0.2, flythinker with lam 2"
    run("0.2")
    (above,) = asked(tmp_path, tmp_path, claim.format("above"))
    assert (above.verdict, above.why) == ("CANNOT TELL", "not run here: flythinker with lam 2")
    assert sentence(above).endswith("; not run here: flythinker with lam 2.")
    run("2")
    (above,) = asked(tmp_path, tmp_path, claim.format("above"))
    assert (above.verdict, above.why) == ("HOLDS", "")
