"""The verdict in words: where order and tests disagree, and where values tie."""

import dataclasses

import pytest

from harness.reports.compared.contrasts import contrast_family
from harness.reports.compared.measures import NLL, measure_of
from harness.reports.compared.verdicts import Compared, compare_boards
from harness.reports.runs.boards import load_boards
from harness.reports.sections import metric_table
from harness.reports.sections.metric_table import scores_part
from harness.reports.sections.summary_table import summary_table
from harness.reports.sections.verdict_sentences import over_tasks, verdict, verdict_words
from tests.support.synthetic import write_runs

TASK = ["product_review"]
KEPT = 25


def with_scores(system, *seeds):
    """The system with a run for each of these values of ROUGE-1, by example."""
    (run,) = system.runs
    runs = []
    for scores in seeds:
        examples = {
            key: dataclasses.replace(one, scores={**one.scores, "rouge1": scores[key]})
            for key, one in run.record.examples.items()
        }
        record = dataclasses.replace(run.record, examples=examples)
        runs.append(dataclasses.replace(run, record=record))
    return dataclasses.replace(system, runs=tuple(runs))


@pytest.fixture
def board_with(tmp_path):
    """sft, and another system that is 2 points below it on each of the 25 easiest of 40 texts."""

    def build(method, assignments=None):
        write_runs(tmp_path, ["sft"], TASK)
        write_runs(tmp_path, [method], TASK, assignments=assignments)
        (board,), _ = load_boards([tmp_path])
        base = {key: float(index) for index, key in enumerate(board.ids, 20)}
        easy = set(board.ids[-KEPT:])
        below = {key: base[key] - 2 - index % 3 / 10 if key in easy else None
                 for index, key in enumerate(base)}  # fmt: skip
        systems = [with_scores(one, base if one.name == "sft" else below) for one in board.systems]
        return dataclasses.replace(board, systems=tuple(systems))

    return build


NOTE = (
    " Not all have values on the same texts (flythinker on 25, sft on 40): each value is over a"
    " system's own, differences are over the 25 shared."
)


def test_a_higher_value_that_is_worse_on_shared_texts_is_not_called_better(board_with):
    board = board_with("flythinker")
    (found,) = contrast_family([(measure_of("rouge1"), board)])
    # means: sft 20 … 59, so 39.5; flythinker 35 … 59 less about 2.1, so 44.9
    assert found.order == ["flythinker", "sft"]
    text = verdict_words(board, found)
    assert text.startswith("product_review: flythinker scores best on ROUGE-1, 44.9")
    assert "It is significantly worse than sft (−2.1" in text
    assert " on the examples that both have." in text
    assert "better" not in text
    assert text.endswith(NOTE)


def test_over_tasks_it_is_not_counted_as_significantly_better(board_with):
    board = board_with("flythinker")
    (found,) = contrast_family([(measure_of("rouge1"), board)])
    compared = Compared(board, {"rouge1": found}, "rouge1")
    assert over_tasks([compared, compared]) == (
        "Best on ROUGE-1 over 2 tasks: flythinker in 2 (significantly better than sft in 0)."
    )


def test_a_variant_with_a_higher_value_is_said_to_be_worse_on_shared_texts(board_with):
    board = board_with("sft", {"sft": ["method.flops_of=flythinker", "train.epochs=2"]})
    (found,) = contrast_family([(measure_of("rouge1"), board)])
    text = verdict_words(board, found)
    assert "score better than it: sft (" in text
    assert ", significantly worse on the examples that both have)" in text


def test_with_the_same_texts_nothing_is_said_of_them(tmp_path):
    write_runs(tmp_path, ["sft", "flythinker"], TASK)
    (board,), _ = load_boards([tmp_path])
    (found,) = contrast_family([(measure_of("rouge1"), board)])
    assert "texts" not in verdict_words(board, found)


@pytest.mark.parametrize(("lacking", "own", "shared"), [((), 40, 38), ((2,), 39, 37)])
def test_differences_are_over_the_texts_with_a_value_in_every_seed(tmp_path, lacking, own, shared):
    write_runs(tmp_path, ["sft", "flythinker"], TASK)
    (board,), _ = load_boards([tmp_path])
    base = {key: float(index) for index, key in enumerate(board.ids, 20)}

    def without(*places):
        return base | {board.ids[at]: None for at in places}

    # flythinker lacks one text in its first seed and another in its second; sft the same in both
    seeds = {"flythinker": [without(0), without(1)], "sft": [without(*lacking)] * 2}
    systems = tuple(with_scores(one, *seeds[one.name]) for one in board.systems)
    board = dataclasses.replace(board, systems=systems)
    (found,) = contrast_family([(measure_of("rouge1"), board)])
    assert found.between("sft", "flythinker").users == shared
    assert verdict_words(board, found).endswith(
        f" (flythinker on 40 but 38 in every seed, sft on {own}): each value is over a system's"
        f" own, differences are over the {shared} shared."
    )


def test_where_a_seed_has_few_users_a_value_is_over_those_of_every_seed(tmp_path):
    write_runs(tmp_path, ["sft", "flythinker"], TASK)
    (board,), _ = load_boards([tmp_path])
    base = {key: float(index) for index, key in enumerate(board.ids, 20)}
    few = {key: base[key] if at < 9 else None for at, key in enumerate(board.ids)}
    seeds = {"flythinker": [base, few], "sft": [base, base]}
    systems = tuple(with_scores(one, *seeds[one.name]) for one in board.systems)
    board = dataclasses.replace(board, systems=systems)
    (found,) = contrast_family([(measure_of("rouge1"), board)])
    assert found.values["flythinker"].users == len(found.own["flythinker"]) == 9


def tied(board):
    """Every system with the values of one: 20, 21, …"""
    scores = {key: float(index) for index, key in enumerate(board.ids, 20)}
    systems = tuple(with_scores(one, scores) for one in board.systems)
    return dataclasses.replace(board, systems=systems)


def test_of_two_methods_with_one_value_neither_is_called_best(tmp_path):
    write_runs(tmp_path, ["sft", "rag"], TASK)
    (board,), _ = load_boards([tmp_path])
    (found,) = contrast_family([(measure_of("rouge1"), tied(board))])
    text = verdict_words(board, found)
    first, second = found.order
    assert text.startswith(f"product_review: {first} and {second} score alike on ROUGE-1")
    assert f"No significant difference from {second} (" in text
    compared = Compared(board, {"rouge1": found}, "rouge1")
    assert over_tasks([compared, compared]) == (
        f"Best on ROUGE-1 over 2 tasks: {first} and {second} alike in 2."
    )
    assert "Cost" not in verdict(compared)


def test_of_three_methods_two_with_one_value_are_best_alike(tmp_path):
    write_runs(tmp_path, ["sft", "rag", "nonpers"], TASK)
    (board,), _ = load_boards([tmp_path])
    lower = {key: float(index) for index, key in enumerate(board.ids, 10)}
    systems = [
        with_scores(one, lower) if one.name == "nonpers" else one for one in tied(board).systems
    ]
    board = dataclasses.replace(board, systems=tuple(systems))
    (found,) = contrast_family([(measure_of("rouge1"), board)])
    assert " score alike and best on ROUGE-1" in verdict_words(board, found)


def test_a_variant_with_the_same_value_does_not_score_higher(board_with):
    board = tied(board_with("sft", {"sft": ["method.flops_of=flythinker", "train.epochs=2"]}))
    (found,) = contrast_family([(measure_of("rouge1"), board)])
    text = verdict_words(board, found)
    assert text.startswith("product_review: sft scores best on ROUGE-1, 39.5")
    assert "higher" not in text
    assert "No significant difference from sft (" in text


def test_over_tasks_each_reference_is_named(tmp_path):
    # sft is not among the product reviews, so rag is their reference
    write_runs(tmp_path, ["rag", "flythinker"], ["product_review"])
    write_runs(tmp_path, ["sft", "flythinker"], ["topic_writing", "abstract_generation"])
    boards, _ = load_boards([tmp_path])
    found = over_tasks(compare_boards(boards))
    assert "flythinker in 3 (significantly better than sft in 2 and than rag in 1)" in found


@pytest.fixture
def few_texts(tmp_path):
    """sft, rag 2 points below it, and another system with values on 15 of the 40 texts, higher."""

    def build(method, assignments=None):
        write_runs(tmp_path, ["rag", "sft"], TASK)
        write_runs(tmp_path, [method], TASK, assignments=assignments)
        (board,), _ = load_boards([tmp_path])
        base = {key: float(index) for index, key in enumerate(board.ids, 20)}
        below = {key: value - 2 - value % 3 / 10 for key, value in base.items()}
        some = {key: base[key] + 5 if key in board.ids[-15:] else None for key in base}
        scores = {"sft": base, "rag": below}
        systems = [with_scores(one, scores.get(one.name, some)) for one in board.systems]
        board = dataclasses.replace(board, systems=tuple(systems))
        (found,) = contrast_family([(measure_of("rouge1"), board)])
        return Compared(board, {"rouge1": found}, "rouge1")

    return build


UNTESTED = (
    "Some pairs were not tested on ROUGE-1 (“All pairs, product_review” says why): sharing a letter"
    " says nothing of them."
)


def test_a_pair_without_a_test_is_not_called_not_significant(few_texts, monkeypatch):
    compared = few_texts("flythinker")
    assert compared.main.order == ["flythinker", "sft", "rag"]
    assert set(compared.main.letters.values()) != {"a"}  # sft and rag differ
    text = verdict(compared)
    assert "Not tested against sft or rag (15 users: a verdict needs 20)." in text
    assert "significant" not in text
    assert f"product_review: {UNTESTED}" in summary_table([compared]).notes
    monkeypatch.setattr(metric_table, "not_compared", lambda board: {})  # the records keep theirs
    assert UNTESTED in scores_part(compared).tables[0].notes


def test_a_variant_above_the_best_without_a_test_is_said_to_be_untested(few_texts):
    compared = few_texts("sft", {"sft": ["method.flops_of=flythinker"]})
    text = verdict_words(compared.board, compared.main)
    assert "sft (flops_of=flythinker) (+5.00 [+5.00, +5.00], not tested)" in text
    assert "It is significantly better than rag" in text


def test_where_every_pair_is_tested_nothing_is_said_of_untested_ones(tmp_path):
    write_runs(tmp_path, ["rag", "sft"], TASK)
    (compared,) = compare_boards(load_boards([tmp_path])[0])
    tables = (summary_table([compared]), *scores_part(compared).tables)
    assert "tested" not in verdict(compared)
    assert not any("not tested" in note for table in tables for note in table.notes)


@pytest.mark.parametrize(("users", "best"), [(40, ["flythinker"]), (10, [])])
def test_the_best_value_is_marked_only_if_a_test_shows_it(tmp_path, users, best):
    write_runs(tmp_path, ["rag", "flythinker"], TASK, examples=users)
    (compared,) = compare_boards(load_boards([tmp_path])[0])
    for table in (summary_table([compared]), scores_part(compared).tables[0]):
        assert [row[0].text for row in table.shown() if row[1].best] == best


def test_a_variant_with_a_lower_value_is_better_where_lower_is_better(tmp_path):
    write_runs(tmp_path, ["rag", "sft"], TASK)
    flops = {"sft": ["method.flops_of=flythinker"]}
    write_runs(tmp_path / "variant", ["sft"], TASK, assignments=flops, effect=12.0)
    (board,), _ = load_boards([tmp_path])
    (found,) = contrast_family([(NLL, board)])
    text = verdict_words(board, found)
    assert "score better than it: sft (flops_of=flythinker) (−0.1" in text
    assert "higher" not in text
