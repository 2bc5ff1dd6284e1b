"""Text from data, models and records never reaches a terminal or a file raw."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from harness.record import PREDICTIONS
from tests.support.reviews import made_up_rows, write_rows
from tests.support.runs import edit_record
from tests.support.synthetic import write_runs

HOSTILE = "\x1b[2J\x1b]0;owned\x07 fine\u202etxt.exe\u2066 \x9b31m"
RAW = set(HOSTILE) - set(" abcdefghijklmnopqrstuvwxyz[]0123456789;J.")


def harmless(text: str) -> bool:
    return not RAW & set(text)


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    rows = made_up_rows("test", 2)
    for row in rows:
        row["input"] = f"Write {HOSTILE}"
        row["profile"][0]["reviewText"] = HOSTILE
    write_rows(
        tmp_path / "data" / "product_review",
        {"train": made_up_rows("train", 3), "val": made_up_rows("val", 1), "test": rows},
    )
    return tmp_path / "data"


def test_list_and_a_dry_run_show_hostile_data_spelled_out(call, hostile, backbone, tmp_path):
    words = ("--data", hostile, "--task", "product_review")
    code, out, err = call("list", "examples", *words)
    assert (code, "⟨U+001B" in out) == (0, True)
    assert harmless(out + err)
    code, out, err = call(
        "run", "--method", "rag", "--dry-run", *words, "--backbone", backbone,
        "--out", tmp_path / "out", "--set", "budget.profile=80",
    )  # fmt: skip
    assert (code, "⟨U+202E" in out) == (0, True)
    assert harmless(out + err)


def test_show_compare_and_every_file_of_a_report(rendered, call, tmp_path: Path):
    folders = write_runs(tmp_path / "runs", ["rag", "sft"], ["product_review"])
    for folder in folders:
        path = folder / PREDICTIONS
        rows = [json.loads(line) | {"output": HOSTILE} for line in path.read_text().splitlines()]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    first = rows[0]["id"]
    code, out, err = call("show", folders[0], "--example", first, "--against", folders[1])
    assert code == 0
    assert harmless(out + err)
    code, out, err = call("compare", tmp_path / "runs", "--out", tmp_path / "report")
    assert code == 0
    assert harmless(out + err)
    files = [path for path in (tmp_path / "report").rglob("*") if path.suffix != ".png"]
    texts = {path: path.read_text("utf-8") for path in files if path.is_file()}
    assert any("⟨U+202E" in text for text in texts.values())
    assert [path for path, text in texts.items() if not harmless(text)] == []


def test_names_with_formulas_and_escapes_are_drawn_and_written_as_text(
    rendered, call, tmp_path: Path
):
    for folder in write_runs(tmp_path / "runs", ["rag", "sft"], ["product_review"], full=True):
        path = folder / "record.json"
        record = json.loads(path.read_text())
        for slices in record["slices"].values():
            slices[0]["slice"] = "$\\frac$ $x^{$ \x1b[2J"
        method = f"=$x^{{$ {record['method']} {HOSTILE}"
        edit_record(folder, method=method, slices=record["slices"])
    code, out, err = call("compare", tmp_path / "runs", "--out", tmp_path / "report", "--json")
    assert code == 0, err
    assert harmless(out + err)
    assert r"\u001b[2J" in out
    assert json.loads(out)
    for path in (tmp_path / "report").rglob("*"):
        if path.suffix in (".svg", ".csv", ".tex", ".html"):
            assert harmless(path.read_text("utf-8")), path
    scores = next((tmp_path / "report" / "tables").glob("*.csv")).read_text("utf-8")
    assert "'=$x^{$" in scores
    assert "\n=$x^" not in scores


def test_errors_spell_out_what_they_found(call, reviews, backbone):
    code, _, err = call("run", "--method", f"r{HOSTILE}", "--data", reviews)
    assert code == 2
    assert harmless(err)


def test_a_terminal_of_few_characters_shows_every_setting(call, monkeypatch):
    shown = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(shown, encoding="ascii"))
    code, _, err = call("list", "options")
    sys.stdout.flush()
    assert (code, err) == (0, "")
    assert rb"\u" in shown.getvalue()
