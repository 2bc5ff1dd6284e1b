"""Tables as LaTeX: nothing in them that LaTeX refuses."""

import ast
from pathlib import Path

import pytest

from harness import reports
from harness.reports.render.latex import SPECIAL, latex, to_latex
from harness.reports.render.table import Column, Table
from harness.reports.sections.metric_table import WON
from harness.reports.trial.words import MARK

ROOM = Path(reports.__file__).parent
WRITING = sorted(path for path in ROOM.rglob("*.py") if path.name != "spreadsheet.py")
"""Modules whose strings may come into a table; the spreadsheet's are characters it looks for."""


def words_of(path):
    """The strings of a module, without docstrings."""
    tree = ast.parse(path.read_text())
    notes = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
    return "".join(
        one.value for one in ast.walk(tree)
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and id(one) not in notes
    )  # fmt: skip


@pytest.mark.parametrize("path", WRITING, ids=lambda path: path.stem)
def test_every_character_that_reports_write_has_a_command(path):
    assert latex(words_of(path)).isascii()


def test_the_texts_of_the_page_have_commands_too():
    assert latex((ROOM / "render/templates/texts.toml").read_text()).isascii()


def test_marks_in_heads_rows_and_captions_become_commands():
    columns = (Column("method"), Column(f"ROUGE-1 {WON} {MARK}", "0–100", "number"))
    table = Table("t", f"{WON} floor", columns, (("a ± b", 1.0),), (f"{WON} “≥ 3”…",))
    text = to_latex(table)
    assert text.isascii()
    assert r"ROUGE-1 $\star$ $\ddagger$, 0--100" in text
    assert r"\caption{$\star$ floor. $\star$ ``$\geq$ 3''\ldots{}}" in text


def test_a_comparison_is_ascii(document):
    tables = [table for section in document.sections for table in section.tables]
    assert len(tables) > 10
    assert all(to_latex(table).isascii() for table in tables)


def test_commands_are_ascii():
    assert "".join(SPECIAL.values()).isascii()
