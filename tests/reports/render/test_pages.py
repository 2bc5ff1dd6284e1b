"""The comparison's page in a real browser, opened from disk."""

import dataclasses

import pytest

from harness.record import PREDICTIONS, append_lines, read_record, write_record
from harness.reports.compare_runs import compare
from harness.reports.render.report_files import write_report
from harness.types import Prediction
from tests.support.figures import rendering
from tests.support.synthetic import write_runs

HOSTILE = '<script>document.title = "taken"</script>"><img src=https://x.test/y onerror=alert(1)>'


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """All views of three methods; one method's name and texts are markup."""
    out = tmp_path_factory.mktemp("runs")
    methods = ["nonpers", "rag", "flythinker"]
    write_runs(out, methods, ["product_review"], full=True, following=True, words=250)
    record = read_record(next((out / "product_review" / "rag").iterdir()))
    evil = dataclasses.replace(record, method=HOSTILE, command=HOSTILE)
    write_record(evil, out / "evil")
    texts = [Prediction(key, key, f"{HOSTILE} \u202e", 1, "f") for key in evil.examples]
    append_lines(out / "evil" / PREDICTIONS, texts)
    with rendering():
        write_report(compare([out]), out / "report")
    return out / "report" / "index.html"


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
def test_the_page_asks_for_nothing_fits_and_has_no_serious_finding(browser, page, theme, width):
    browser.theme(theme)
    browser.resize(width)
    browser.open(page)
    browser.run("document.querySelectorAll('details').forEach(one => { one.open = true })")
    assert browser.overflow() <= 0
    assert browser.violations() == []
    outside = [one for one in browser.requests() if not one.startswith("chrome:")]
    assert outside == []  # chrome: is the new tab that the browser opens before the page
    assert browser.complaints() == []
    assert browser.run("return document.title").startswith("Comparison of nonpers")


def test_tables_scroll_inside_their_frame_and_by_keyboard(browser, page):
    browser.resize(390)
    browser.open(page)
    inside = browser.run(
        "const one = document.querySelector('.scroll'); one.focus();"
        "return [document.activeElement === one, one.scrollWidth > one.clientWidth]"
    )
    assert inside == [True, True]


def test_the_dark_page_draws_its_figures_in_light_ink(browser, page):
    seen = []
    for theme in ("light", "dark"):
        browser.theme(theme)
        browser.open(page)
        seen.append(
            browser.run(
                "const text = document.querySelector('figure svg text');"
                "return [getComputedStyle(text).fill, getComputedStyle(document.body).color]"
            )
        )
    assert [fill == colour for fill, colour in seen] == [True, True]
    assert seen[0] != seen[1]


ORDER = (
    "const table = document.querySelector(arguments[0]);"
    "const rows = [...table.tBodies[0].rows].filter((row) => !row.hidden);"
    "return rows.map((row) => [...row.cells].map("
    "(cell) => (cell.querySelector('.value') ?? cell).textContent.trim()))"
)


def test_a_click_on_a_head_sorts_and_words_filter(browser, page):
    browser.resize(1280)
    browser.open(page)
    table = "main table"
    click = f"document.querySelector('{table}').tHead.rows[0].cells[1].querySelector('button')"
    browser.run(f"{click}.click()")
    falling = [float(row[1]) for row in browser.run(ORDER, table) if len(row) > 1 and row[1] != "–"]
    assert falling == sorted(falling, reverse=True)
    browser.run(f"{click}.click()")
    rising = [float(row[1]) for row in browser.run(ORDER, table) if len(row) > 1 and row[1] != "–"]
    assert rising == falling[::-1] != falling
    assert (
        browser.run("return document.querySelector('main th[aria-sort]').ariaSort") == "ascending"
    )
    before = len(browser.run(ORDER, "details table"))
    filtered = browser.run(
        "const box = [...document.querySelectorAll('input[type=search]')].at(-1);"
        "box.value = 'nonpers'; box.dispatchEvent(new Event('input'));"
        "const rows = [...box.nextElementSibling.querySelectorAll('tbody tr:not(.group)')];"
        "return rows.map((row) => [row.hidden, row.textContent.includes('nonpers')])"
    )
    assert before
    assert any(not hidden for hidden, _ in filtered)
    assert all(hidden != named for hidden, named in filtered)


def test_the_answer_comes_first_and_a_link_opens_its_section(browser, page):
    browser.resize(1280)
    browser.open(page)
    shown = browser.run(
        "return [...document.querySelectorAll('main h2')].filter("
        "(one) => !one.closest('details:not([open])')).length"
    )
    assert shown == 1
    browser.run("location.hash = '#costs'")
    assert browser.run("return document.getElementById('costs').closest('details').open")
    assert browser.run("return document.body.scrollHeight") < 6000
