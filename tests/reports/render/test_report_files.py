"""The files of a report: every format, no text of another, nothing that runs."""

import base64
import csv
import dataclasses
import hashlib
import json
import re

import pytest

from harness.errors import UsageError
from harness.record import PREDICTIONS, append_lines, write_record
from harness.reports.compare_runs import Options, compare
from harness.reports.render.latex import latex, to_latex
from harness.reports.render.numbers import estimate, figure, seconds
from harness.reports.render.pages import to_html, to_markdown
from harness.reports.render.report_files import write_report
from harness.reports.render.spreadsheet import to_csv
from harness.reports.render.table import Cell, Column, Table, file_name
from harness.types import Prediction
from tests.support.figures import rendering
from tests.support.synthetic import made_up, write_runs

TASK = ["product_review"]


@pytest.fixture(scope="module")
def report(document, tmp_path_factory):
    """The report and the folder of its files."""
    out = tmp_path_factory.mktemp("report")
    with rendering():
        write_report(document, out)
    return document, out


def test_every_table_and_picture_is_a_file_in_every_format(report):
    document, out = report
    tables = [table for section in document.sections for table in section.tables]
    pictures = [picture for section in document.sections for picture in section.pictures]
    assert len(tables) >= 12
    assert len(pictures) >= 5
    for table in tables:
        rows = list(csv.reader((out / "tables" / f"{table.file}.csv").open()))
        assert len(rows) == len(table.rows) + 1
        assert len({len(row) for row in rows}) == 1
        assert r"\toprule" in (out / "tables" / f"{table.file}.tex").read_text()
    for picture in pictures:
        assert (out / "figures" / f"{picture.file}.svg").stat().st_size > 1000
        assert (out / "figures" / f"{picture.file}.png").read_bytes()[:4] == b"\x89PNG"
    markdown = (out / "report.md").read_text()
    for name in re.findall(r"\]\(((?:figures|tables)/[^)]+)\)", markdown):
        assert (out / name).is_file(), name


def test_a_comparison_draws_nothing_before_it_is_written(runs, monkeypatch):
    monkeypatch.setattr("harness.reports.render.plots.panels.Figure", None)  # none can be made
    assert compare([runs]).sections


def test_csv_holds_the_numbers_at_full_precision(report):
    document, out = report
    rows = list(csv.DictReader((out / "tables" / "scores_product_review.csv").open()))
    own = document.facts["boards"][0]["measures"]["rouge1"]["values"]["sft"]
    row = next(row for row in rows if row["method"] == "sft")
    assert float(row["ROUGE-1, 0–100"]) == own["value"]
    assert float(row["ROUGE-1, 0–100 low"]) == own["low"]
    assert row["ROUGE-1, 0–100 letters"] == own["letters"]


def test_the_page_holds_everything_and_makes_no_request(report):
    page = (report[1] / "index.html").read_text()
    assert not re.search(r"<link|<img|<iframe|@import|javascript:", page)
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{allowed}'" in page
    addresses = set(re.findall(r'(?:src|href)="([^"]+)"', page))
    assert all(address.startswith("#") for address in addresses)
    assert page.count("<svg ") == sum(len(section.pictures) for section in report[0].sections)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_on_mini_the_papers_numbers_are_not_shown(report):
    assert "reported, not reproduced" not in (report[1] / "index.html").read_text()


def test_no_texts_leaves_texts_out_of_every_file(tmp_path):
    runs, out = tmp_path / "runs", tmp_path / "report"
    write_runs(runs, ["sft", "rag"], TASK, examples=12)
    document = compare([runs], Options(texts=False))
    write_report(document, out)
    assert "examples" not in [section.name for section in document.sections]
    written = next(runs.rglob("predictions.jsonl")).read_text().splitlines()[0]
    text = json.loads(written)["output"][:40]
    read = [path for path in out.rglob("*") if path.is_file() and path.suffix != ".png"]
    assert len(read) > 10
    assert not [path for path in read if text in path.read_text()]


HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(1)> \u202eevil [x](javascript:y)'


@pytest.fixture
def hostile(tmp_path):
    """A run whose names and texts are markup, and whose method is a path."""
    write_runs(tmp_path, ["sft"], TASK, examples=12)
    record = made_up("product_review", "rag", examples=12)
    record = dataclasses.replace(record, method="../../x<b>", command=HOSTILE)
    write_record(record, tmp_path / "evil")
    texts = [Prediction(key, key, HOSTILE, 1, "f") for key in record.examples]
    append_lines(tmp_path / "evil" / PREDICTIONS, texts)
    return tmp_path


def test_markup_in_records_and_texts_is_text(hostile, tmp_path):
    document = compare([hostile])
    page, markdown = to_html(document), to_markdown(document)
    assert "alert(1)" in page
    assert not re.search(r"<script>alert|<img|<b>", page)
    assert page.count("<script>") == 1  # the page's own
    assert not re.search(r"(?<!\\)<", markdown)
    assert not re.search(r"(?<!\\)\]\(javascript", markdown)
    out = tmp_path / "deep" / "report"
    write_report(document, out)
    assert not [path for path in tmp_path.rglob("*") if "x_b" in path.name and out not in
                path.parents]  # fmt: skip


def test_csv_and_latex_of_a_table_by_hand():
    rows = (("a_b", Cell(1.0, 0.5, 1.5, "ab")), ("d", 0.25), ("c", None))
    columns = (Column("method"), Column("x", "", "number", 1, "higher"))
    table = Table("t", "50 %", columns, rows, groups=("one", "one", "two"))
    assert to_csv(table) == (
        "task,method,x,x low,x high,x letters\none,a_b,1.0,0.5,1.5,ab\none,d,0.25,,,\ntwo,c,,,,\n"
    )
    text = to_latex(table)
    assert r"one & a\_b & \textbf{1.0 [0.5, 1.5]}$^{\mathrm{ab}}$ \\" in text
    assert r"\caption{50 \%. }" in text
    assert latex("−1 & λ_2 {x}") == r"$-$1 \& $\lambda$\_2 \{x\}"


def test_csv_holds_no_formula_and_leaves_numbers_alone():
    texts = ("=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)", "-x", "\t=1", "−1", "-1", "+1.5e3", "lam=1")
    rows = tuple((text, Cell(-2.0, -3.0, -1.0)) for text in texts)
    table = Table("t", "t", (Column("=evil()"), Column("x", kind="number")), rows)
    head, *lines = csv.reader(to_csv(table).splitlines())
    assert head == ["'=evil()", "x", "x low", "x high"]
    assert [line[0] for line in lines] == [
        "'=1+1", "'+cmd|' /C calc'!A0", "'@SUM(A1)", "'-x", "'\t=1", "−1", "-1", "+1.5e3", "lam=1"
    ]  # fmt: skip
    assert {tuple(line[1:]) for line in lines} == {("-2.0", "-3.0", "-1.0")}


def test_cells_say_numbers_as_a_reader_expects():
    assert estimate(Cell(1.234, 1.0, 2.0), 2, signed=True) == "+1.23 [+1.00, +2.00]"
    assert estimate(Cell(-1.234, -2.0), 2) == "−1.23"
    assert estimate(Cell(), 2) == estimate(None, 2) == "–"
    assert figure(-0.001, 2) == "0.00"
    assert figure(12345.6, 0) == "12,346"
    assert [seconds(one) for one in (0, 0.314, 12, 200, 7500, None)] == [
        "none", "0.31 s", "12 s", "3 min 20 s", "2 h 05 min", "–"
    ]  # fmt: skip
    assert file_name("../../etc/passwd (lam=2.0)") == "etc_passwd_lam=2_0"


def test_a_file_is_no_folder_for_a_report(report, tmp_path):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(UsageError, match="taken is a file; expected a folder"):
        write_report(report[0], tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.mark.slow
def test_six_methods_three_tasks_five_seeds_stay_under_five_megabytes(rendered, tmp_path):
    write_runs(tmp_path / "runs", seeds=range(5), examples=100, words=250)
    write_report(compare([tmp_path / "runs"]), tmp_path / "out")
    assert (tmp_path / "out" / "index.html").stat().st_size < 5_000_000
