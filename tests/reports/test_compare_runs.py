"""The whole report: its first sentence, its files, its JSON, and what it must not do."""

import csv
import dataclasses
import json
import re
import sys

import pytest
from typer.testing import CliRunner

from harness.cli import app, main
from harness.errors import DataError, UsageError
from harness.record import PREDICTIONS, Counts, DeviceInfo, append_lines, read_record, write_record
from harness.reports.compare_runs import Options, compare
from harness.reports.compared.contrasts import contrast_all
from harness.reports.compared.measures import measures_of
from harness.reports.compared.verdicts import Compared
from harness.reports.render.latex import latex, to_latex
from harness.reports.render.numbers import estimate, figure, seconds
from harness.reports.render.pages import to_html, to_markdown
from harness.reports.render.report_files import write_report
from harness.reports.render.spreadsheet import to_csv
from harness.reports.render.table import Cell, Column, Table, file_name
from harness.reports.runs.comparable import checked
from harness.reports.runs.systems import load_boards
from harness.reports.sections.settings_and_runs import warnings
from harness.reports.sections.side_by_side import examples_part, word_difference
from harness.types import Prediction
from tests.support.synthetic import METHODS, column, made_up, write_runs

TASK = ["product_review"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Six methods on one task with every view, 40 users."""
    out = tmp_path_factory.mktemp("runs")
    write_runs(out, tasks=TASK, full=True)
    return out


@pytest.fixture(scope="module")
def report(runs, tmp_path_factory):
    out = tmp_path_factory.mktemp("report")
    document = compare([runs])
    write_report(document, out)
    return document, out


def test_the_first_sentence_is_the_verdict_with_its_cost(report):
    document, _ = report
    (sentence,) = document.sections[0].text
    # the made-up effects: flythinker 3 points above sft, 1.2 times its time
    assert sentence.startswith("product_review: flythinker scores best on BLEU, ")
    assert re.search(r"significantly better than sft: \+\d\.\d\d \[\+\d\.\d\d, \+\d\.\d\d\]",
                     sentence)  # fmt: skip
    assert "1.4 × that of sft; time per text 0.36 s, 1.2 × that of sft." in sentence
    assert sentence.endswith(
        " About these checkpoints: a verdict about methods needs three training seeds of each."
    )


def test_sections_come_in_the_order_of_a_readers_questions(report):
    names = [section.name for section in report[0].sections]
    assert names == [
        "summary", "scores", "drift", "lift", "authors", "certificate", "controls", "claims",
        "costs", "examples", "provenance",
    ]  # fmt: skip


def test_a_view_that_no_run_has_leaves_no_section(tmp_path):
    write_runs(tmp_path, ["rag", "nonpers"], TASK, examples=12)
    names = [section.name for section in compare([tmp_path]).sections]
    assert names == ["summary", "scores", "drift", "costs", "examples", "provenance"]


def test_one_method_alone_has_a_report_without_pairs(tmp_path):
    write_runs(tmp_path, ["rag"], TASK, examples=12)
    document = compare([tmp_path])
    write_report(document, tmp_path / "report")
    assert all(table.rows for section in document.sections for table in section.tables)


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


def test_csv_holds_the_numbers_at_full_precision(report):
    document, out = report
    rows = list(csv.DictReader((out / "tables" / "scores_product_review.csv").open()))
    own = document.facts["boards"][0]["measures"]["rouge1"]["values"]["sft"]
    row = next(row for row in rows if row["method"] == "sft")
    assert float(row["ROUGE-1, 0–100"]) == own["value"]
    assert float(row["ROUGE-1, 0–100 low"]) == own["low"]
    assert row["ROUGE-1, 0–100 letters"] == own["letters"]


def test_json_has_every_pair_of_every_measure(report):
    board = report[0].facts["boards"][0]
    assert report[0].facts["main"] == "bleu"
    assert (board["texts"], board["users"], board["times_compare"]) == (40, 40, True)
    for measure in board["measures"].values():
        assert len(measure["comparisons"]) == 15  # six methods
        assert sorted(measure["best_first"]) == sorted(METHODS)
    bleu = board["measures"]["bleu"]["comparisons"][0]
    assert set(bleu) == {"first", "second", "difference", "low", "high", "p_value", "p_holm",
                         "smallest_detectable", "users", "reason", "verdict", "about",
                         "at_equal_length"}  # fmt: skip
    assert bleu["about"] == "methods"  # nonpers and rag are not trained
    assert board["about"] == "checkpoints"  # the others have one seed
    assert board["measures"]["bleu"]["values"]["sft"]["about"] == "checkpoints"
    assert set(bleu["at_equal_length"]) == {"value", "low", "high", "users", "about", "reason"}


def test_the_page_holds_everything_and_makes_no_request(report):
    page = (report[1] / "index.html").read_text()
    assert not re.search(r"<script|<link|<img|<iframe|@import|javascript:", page)
    addresses = set(re.findall(r'(?:src|href)="([^"]+)"', page))
    assert all(address.startswith("#") for address in addresses)
    assert page.count("<svg ") == sum(len(section.pictures) for section in report[0].sections)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def warned(tmp_path, **changes):
    write_runs(tmp_path, ["sft"], TASK, seeds=(0, 1, 2))
    write_runs(tmp_path, ["rag"], TASK, seeds=(0, 1, 2), changes=changes)
    boards, _ = load_boards([tmp_path])
    return "\n".join(warnings([checked(board, allow_different=False) for board in boards], []))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ""),
        ({"n": Counts(planned=40, scored=40, failed=2)},
         "failed examples, scored as empty: rag 2 (of 40 texts)"),
        ({"n": Counts(planned=40, scored=40, empty=3)}, "empty texts: rag 3 (of 40 texts)"),
        ({"n": Counts(planned=40, scored=40, capped=5)},
         "texts that reached the cap on new tokens: rag 5 (of 40 texts)"),
        ({"n": Counts(planned=40, scored=40, input_cut=7)},
         "prompts cut to their budget: rag 7 (of 40 texts)"),
        ({"n": Counts(planned=40, scored=40, target_cut=9)}, "training targets cut: rag 9"),
        ({"n": Counts(planned=39, scored=39)}, "unequal test texts: rag 39, sft 40"),
        ({"code": {"version": "0", "commit": "c", "clean": False}},
         "uncommitted changes in the code of 3 runs: rag (s0-"),
        ({"device": {"device": "cuda:0", "dtype": "float32", "threads": 2}},
         "times are not comparable because machines differ: device  cuda:0: rag; cpu: sft"),
    ],
)  # fmt: skip
def test_warnings_are_at_the_top(tmp_path, changes, expected):
    shown_text = warned(tmp_path, **changes)
    assert expected in shown_text
    assert "fewer than 3" not in shown_text
    assert bool(shown_text) == bool(expected)


def test_one_seed_unequal_seeds_and_few_users_give_warnings(tmp_path):
    write_runs(tmp_path, ["sft"], TASK, seeds=(0, 1), examples=12)
    write_runs(tmp_path, ["rag"], TASK, examples=12)
    document = compare([tmp_path])
    shown_text = "\n".join(document.warnings)
    assert "fewer than 3 training seeds describe checkpoints, not methods: sft" in shown_text
    assert "unequal training seeds: rag 1, sft 2" in shown_text
    assert "12 users: intervals but no verdicts, which need 20 users" in shown_text
    assert "No verdict: 12 users: a verdict needs 20." in document.sections[0].text[0]


def test_many_systems_are_counted_together(tmp_path):
    counts = Counts(planned=40, scored=40, capped=5)
    write_runs(tmp_path, METHODS, TASK, examples=12, changes={"n": counts})
    write_runs(tmp_path, ["sft"], TASK, (1,), 12, changes={"n": Counts(planned=40, scored=40)})
    more = {"n": dataclasses.replace(counts, capped=7)}
    for lam in ("1.0", "2.0", "3.0"):
        write_runs(tmp_path, ["flythinker"], TASK, examples=12, changes=more,
                   assignments={"flythinker": [f"method.lam={lam}"]})  # fmt: skip
    document = compare([tmp_path], Options(texts=False))
    assert document.title == (
        "Comparison of 9 systems: nonpers, rag, sft, cot, coconut and flythinker"
    )
    shown_text = "\n".join(document.warnings)
    assert "texts that reached the cap on new tokens: 5 to 7 in all (of 12 texts)" in shown_text
    assert "unequal training seeds: 2 for sft; 1 for all but sft" in shown_text
    assert "describe checkpoints, not methods: all" in shown_text


def test_the_first_part_names_what_systems_were_not_given_alike(tmp_path):
    write_runs(tmp_path, ["sft"], TASK, examples=12)
    other = ["train.epochs=9", "budget.profile=99", "retrieval.k=2"]
    write_runs(tmp_path, ["cot"], TASK, examples=12, assignments={"cot": other})
    first = compare([tmp_path], Options(texts=False)).sections[0].text
    assert first[-1].startswith(
        "product_review: not given the same: budget.profile  512: sft; 99: cot; "
    )
    for what in ("retrieval.k  as many as fit: sft; 2: cot", "train.epochs  4: sft; 9: cot"):
        assert what in first[-1]


def test_times_of_different_machines_are_not_compared(tmp_path):
    write_runs(tmp_path, ["sft"], TASK)
    write_runs(
        tmp_path,
        ["rag"],
        TASK,
        changes={"device": DeviceInfo(device="cuda:0", dtype="float32", threads=2)},
    )
    document = compare([tmp_path])
    summary = document.sections[0].tables[0]
    for head in ("training", "time per text"):
        assert column(summary, head) == ["–", "–"]
    assert "Cost:" not in document.sections[0].text[0]


def test_papers_numbers_are_reference_rows_of_their_task_but_not_on_mini(tmp_path):
    data = made_up("product_review", "sft", examples=12).data
    data = dataclasses.replace(data, source="x", kind="folder")
    write_runs(tmp_path, ["sft", "rag"], TASK, examples=12, changes={"data": data})
    settings = {"data": {**read_record(next(tmp_path.rglob("s0-*"))).settings["data"]}}
    assert settings["data"]["source"] == "mini"  # only the record's data say so here
    for section in compare([tmp_path]).sections[:2]:
        table = section.tables[0]
        marked = [table.shown()[at] for at in sorted(table.faint)]
        assert [row[0].text for row in marked] == [
            "rag (reported, not reproduced here)", "sft (reported, not reproduced here)"
        ]  # fmt: skip
        assert {cell.text for row in marked for cell in row[1:]} == {"3.30", "3.91", "–"}


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
    assert not re.search(r"<script|<img|<b>", page)
    assert not re.search(r"(?<!\\)<", markdown)
    assert not re.search(r"(?<!\\)\]\(javascript", markdown)
    out = tmp_path / "deep" / "report"
    write_report(document, out)
    assert not [path for path in tmp_path.rglob("*") if "x_b" in path.name and out not in
                path.parents]  # fmt: skip


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


def test_examples_are_sorted_by_disagreement(report):
    section = next(s for s in report[0].sections if s.name == "examples")
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


def test_the_command_writes_and_prints_one_json_document(tmp_path):
    write_runs(tmp_path / "runs", ["flythinker", "rag"], TASK)
    words = [
        "compare",
        str(tmp_path / "runs"),
        "--out",
        str(tmp_path / "r"),
        "--json",
        "--metric",
        "nll",
    ]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["main"] == "nll"
    assert "flythinker scores best on NLL" in done.stderr
    assert (tmp_path / "r" / "index.html").is_file()


def test_errors_of_the_command_have_no_traceback_and_leave_nothing(tmp_path, monkeypatch, capsys):
    out = tmp_path / "report"
    monkeypatch.setattr(sys, "argv", ["harness", "compare", str(tmp_path), "--out", str(out)])
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == 2
    assert capsys.readouterr().err.startswith("DataError: ")
    assert not out.exists()


def test_a_file_is_no_folder_for_a_report(report, tmp_path):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(UsageError, match="taken is a file; expected a folder"):
        write_report(report[0], tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "mine"


def test_tasks_are_groups_of_one_table(tmp_path):
    write_runs(tmp_path, ["sft", "rag"], ["product_review", "topic_writing"], examples=12)
    document = compare([tmp_path])
    over_both, *each = document.sections[0].text
    assert over_both == "Best on BLEU over 2 tasks: sft in 2."
    assert [text.partition(":")[0] for text in each] == ["product_review", "topic_writing"]
    table = document.sections[0].tables[0]
    assert table.groups == ("product_review",) * 2 + ("topic_writing",) * 2
    assert 'class="group"' in to_html(document)


def test_a_task_that_is_not_comparable_stops_everything(tmp_path):
    write_runs(tmp_path, ["sft", "rag"], TASK)
    write_runs(tmp_path, ["sft", "rag"], ["topic_writing"],
               assignments={"rag": ["decode.max_new_tokens=9"]})  # fmt: skip
    with pytest.raises(DataError, match="topic_writing: these runs are not comparable"):
        compare([tmp_path])


@pytest.mark.slow
def test_six_methods_three_tasks_five_seeds_stay_under_five_megabytes(tmp_path):
    write_runs(tmp_path / "runs", seeds=range(5), examples=100, words=250)
    write_report(compare([tmp_path / "runs"]), tmp_path / "out")
    assert (tmp_path / "out" / "index.html").stat().st_size < 5_000_000
