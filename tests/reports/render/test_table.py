"""What a table knows of its columns: the best value, what fits a terminal, how values are shown."""

import io
import subprocess
import sys

import pytest
from rich.console import Console

from harness.reports.render.markdown import table_as_markdown
from harness.reports.render.table import Cell, Column, Table, show
from harness.reports.render.terminal import print_table

ROWS = (
    ("sft", 2.0, 0.5),
    ("rag", Cell(1.0, 0.5, 1.5, "ab"), 0.25),
    ("paper", 9.0, None),
    ("cot", "failed", 0.25),
)
COLUMNS = (
    Column("method"),
    Column("BLEU", "0–100", "number", 1, "higher"),
    Column("NLL", "nats", "number", 2, "lower", wide=True),
)


def best(table):
    return [[field.text for field in row if field.best] for row in table.shown()]


def test_the_best_of_a_column_is_by_its_direction_and_never_a_faint_row():
    table = Table("t", "t", COLUMNS, ROWS, faint=frozenset({2}))
    assert best(table) == [["2.0"], ["0.25"], [], ["0.25"]]  # ties share the mark
    assert table_as_markdown(table).splitlines() == [
        "| method | BLEU, 0–100 | NLL ↓, nats |",
        "| --- | --: | --: |",
        "| sft | **2.0** | 0.50 |",
        "| rag | 1.0 [0.5, 1.5] ab | **0.25** |",
        "| paper | 9.0 | – |",
        "| cot | failed | **0.25** |",
    ]


def test_a_best_value_that_no_test_shows_is_not_marked():
    rows = (("sft", Cell(2.0, certain=False)), ("rag", Cell(1.0)))
    assert best(Table("t", "t", COLUMNS[:2], rows)) == [[], []]


def test_each_group_has_its_best_and_one_value_alone_is_none():
    table = Table("t", "t", COLUMNS, ROWS, groups=("a", "a", "b", "b"))
    assert best(table) == [["2.0"], ["0.25"], [], []]
    assert table.ungrouped().columns[0].head == "task"


def test_a_terminal_leaves_wide_columns_out_and_shows_texts_as_they_are():
    out = io.StringIO()
    table = Table("t", "[bold]t", COLUMNS, (("[red]x", 1.0, 2.0),))
    print_table(Console(file=out, width=60), table)
    assert "[bold]t" in out.getvalue()
    assert "[red]x" in out.getvalue()
    assert "NLL" not in out.getvalue()


@pytest.mark.parametrize("width", [100, 80, 60, 40])
def test_a_narrow_terminal_breaks_no_number_and_cuts_none_off(width):
    out = io.StringIO()
    heads = ("run", "train", "generate", "eval", "M tokens")
    times = ("19,509 h", "3,110 h", "1,037 h", "14,745")
    row = ("flythinker · reasoner=Qwen2.5-3B · lam=0.5 (too large)", *times)
    columns = tuple(Column(head) for head in heads)
    print_table(Console(file=out, width=width), Table("t", "", columns, (row,)))
    shown = out.getvalue()
    assert [word for word in (*heads, *times) if word not in shown] == []
    if width >= 60:  # the narrowest at which all of them fit
        assert max(map(len, shown.splitlines())) <= width


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("number", Cell(1.25, 1.0, 1.5, digits=3), "1.250 [1.000, 1.500]"),
        ("difference", Cell(-1.25, -2.0, 0.0), "−1.25 [−2.00, 0.00]"),
        ("p", 0.0004, "<0.001"),
        ("seconds", 200.0, "3 min 20 s"),
        ("short", 2.9148e12, "2.91e+12"),
        ("number", None, "–"),
        ("number", "failed", "failed"),
    ],
)
def test_values_are_shown_by_the_kind_of_their_column(kind, value, text):
    assert str(show(Column("x", kind=kind), value)) == text


def test_tables_need_no_heavy_package():
    code = (
        "import sys, harness.reports.render.table, harness.reports.render.terminal;"
        "print([name for name in ('torch', 'matplotlib', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
