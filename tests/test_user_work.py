"""Work once for each user: when the hooks are called, and where their cost is shown."""

import dataclasses
from typing import ClassVar

import pytest
import torch

from harness.cli.record_rows import cost_rows
from harness.errors import UsageError
from harness.method import Method
from harness.pipeline.plan import Plan
from harness.pipeline.single import run
from harness.progress import Bars
from harness.record.token_file import TOKENS
from harness.reports.compared.verdicts import Compared
from harness.reports.runs.boards import load_boards
from harness.reports.sections.costs_of_methods import costs_part
from harness.types import UserWork
from tests.support.runs import go, settings
from tests.support.synthetic import write_runs


class Notes(Method):
    """Notes what it is asked, in order."""

    name = "notes"
    trains = True

    def __init__(self, chosen):
        super().__init__(chosen)
        self.calls = CALLS

    def prepare(self, examples):
        self.calls.append(("prepare", tuple(each.id for each in examples)))

    def adapt(self, lm, examples):
        self.calls.append(("adapt", tuple(each.id for each in examples)))
        assert self.workspace.is_dir()

    def preface(self, lm, prompts, sampling):
        self.calls.append(("preface", ()))
        return [[] for _ in prompts]

    def user_work(self, examples):
        return UserWork(2.5, 7, None)


CALLS: list[tuple[str, tuple[str, ...]]] = []


def test_a_run_prepares_then_adapts_then_writes_and_records_the_cost(tmp_path, reviews, backbone):
    CALLS.clear()
    chosen = settings(reviews, backbone, "notes", "eval.likelihood=false", "eval.authors=false")
    record = run(chosen, "notes", tmp_path, factory=Notes).record
    kinds = [kind for kind, _ in CALLS]
    assert kinds.count("adapt") == 1
    test = next(ids for kind, ids in CALLS if kind == "adapt")
    assert CALLS[0] == ("prepare", test)
    assert kinds.index("adapt") < kinds.index("preface")
    assert all(kind == "prepare" for kind in kinds[: kinds.index("adapt")])
    cost = record.inference
    assert (cost.user_work_s, cost.user_work_tokens, cost.user_work_flops) == (2.5, 7, None)
    rows = {name.strip(): (value, note) for name, value, note in cost_rows(record)}
    assert rows["once for each user"] == ("2.50 s", "7 hidden tokens")
    assert record.phases["users"] >= 0


class Halved(Method):
    """Its model is another one after `adapt`: half of every weight."""

    name = "halved"

    def adapt(self, lm, examples):
        assert [each.id for each in examples]
        assert self.workspace.is_dir()
        with torch.no_grad():
            for weight in lm.parameters():
                weight.mul_(0.5)


def test_a_finished_run_is_read_again_with_what_it_adapted(tmp_path, reviews, backbone):
    more = ('eval.lift=["likelihood"]', "eval.donors=1", "eval.authors=false")
    chosen = settings(reviews, backbone, "halved", *more)
    first = run(chosen, "halved", tmp_path, factory=Halved)
    tokens = first.folder / TOKENS
    made = tokens.read_bytes()
    tokens.unlink()
    again = run(chosen, "halved", tmp_path, factory=Halved)
    assert (again.repeated, again.record.lift.tokens) == (True, first.record.lift.tokens)
    assert tokens.read_bytes() == made


class Kept(Method):
    """Its model depends on a file that `adapt` keeps, and makes otherwise the next time."""

    name = "kept"
    made: ClassVar[list[float]] = []

    def adapt(self, lm, examples):
        file = self.workspace / "users.txt"
        if not file.is_file():
            self.made.append(0.5 / (1 + len(self.made)))
            file.write_text(str(self.made[-1]))
        with torch.no_grad():
            for weight in lm.parameters():
                weight.mul_(float(file.read_text()))


def test_what_is_kept_for_users_and_gone_is_not_called_damage(
    tmp_path, reviews, backbone, monkeypatch
):
    more = ('eval.lift=["likelihood"]', "eval.donors=1", "eval.authors=false")
    chosen, said = settings(reviews, backbone, "kept", *more), []
    folder = run(chosen, "kept", tmp_path, factory=Kept).folder
    for name in (TOKENS, "users.txt"):
        (folder / name).unlink()
    monkeypatch.setattr(Bars, "say", lambda self, text: said.append(text))
    assert run(chosen, "kept", tmp_path, factory=Kept).repeated
    assert said == [
        f"{folder}: its model is not the record's; it is loaded from the backbone and what kept"
        " keeps there for its users. Restore that, or run again with --fresh"
    ]


def test_a_dry_run_prepares_nothing(reviews, backbone, tmp_path):
    CALLS.clear()
    plan = Plan(settings(reviews, backbone, "notes"), "notes", tmp_path, Notes)
    assert plan.test_prompts
    assert CALLS == []


def test_a_method_without_the_hooks_has_no_such_cost_and_no_phase(tmp_path, reviews, backbone):
    record = go(tmp_path, reviews, backbone, "rag", "eval.likelihood=false").record
    assert (record.inference.user_work_s, record.inference.user_work_flops) == (0.0, 0)
    assert "users" not in record.phases
    assert "once for each user" not in {name.strip() for name, *_ in cost_rows(record)}


def test_work_adds_up_and_one_unknown_estimate_is_unknown():
    known = UserWork(1.0, 2, 30) + UserWork(0.5, 1, 4)
    assert known == UserWork(1.5, 3, 34)
    assert (known + UserWork(0.0, 0, None)).flops is None


def test_another_type_is_an_error():
    class Wrong(Method):
        def user_work(self, examples):
            return 3.0

    with pytest.raises(UsageError, match=r"returned float 3\.0.*\n.*UserWork"):
        Wrong.user_work(object.__new__(Wrong), [])


def test_the_cost_table_has_a_column_where_a_method_has_such_work(tmp_path):
    write_runs(tmp_path, ["rag", "sft"], ["product_review"], full=False)
    (board,), _ = load_boards([tmp_path])

    def titles(found):
        tables = costs_part(Compared(found, {}, "bleu")).tables
        (table,) = [each for each in tables if each.name.startswith("costs_writing")]
        return [column.title for column in table.columns]

    assert "once per user" not in titles(board)
    first, *others = board.systems
    (one,) = first.runs
    spent = dataclasses.replace(one.record.inference, user_work_s=12.5)
    one = dataclasses.replace(one, record=dataclasses.replace(one.record, inference=spent))
    changed = dataclasses.replace(first, runs=(one,))
    assert "once per user" in titles(dataclasses.replace(board, systems=(changed, *others)))
