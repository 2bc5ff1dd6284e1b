"""The browser fixture sees what the tests of pages rely on it to see."""

import os

import pytest

from tests.support.absent import absent

PAGE = (
    '<!doctype html><html lang="en"><title>t</title><meta name="viewport"'
    ' content="width=device-width"><main><h1>Title</h1>{}</main></html>'
)


@pytest.fixture
def page(tmp_path):
    def write(body):
        path = tmp_path / "page.html"
        path.write_text(PAGE.format(body), encoding="utf-8")
        return path

    return write


def test_a_quiet_page_has_nothing_to_report(browser, page):
    browser.open(page("<p>text</p>"))
    assert browser.requests() == []
    assert browser.complaints() == []
    assert browser.violations() == []
    browser.resize(390)
    assert browser.overflow() == 0


def test_requests_to_a_network_are_seen(browser, page):
    browser.open(page('<img alt="" src="https://example.invalid/x.png">'))
    assert browser.requests() == ["https://example.invalid/x.png"]


def test_console_errors_are_seen(browser, page):
    browser.open(page("<script>undefinedName()</script>"))
    assert any("undefinedName" in line for line in browser.complaints())
    assert browser.complaints() == []


def test_faint_text_is_a_serious_violation(browser, page):
    browser.open(page('<p style="color:#bbb">faint</p>'))
    assert any(line.startswith("color-contrast (serious)") for line in browser.violations())


def test_a_wide_page_overflows_a_phone(browser, page):
    browser.resize(390)
    browser.open(page('<div style="width:500px">wide</div>'))
    assert browser.overflow() >= 110


def test_dark_is_dark(browser, page):
    browser.theme("dark")
    browser.open(page("<p>text</p>"))
    assert browser.run("return matchMedia('(prefers-color-scheme: dark)').matches")


@pytest.mark.parametrize(
    ("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)]
)
def test_an_absent_browser_skips_but_fails_in_ci(monkeypatch, ci, outcome):
    monkeypatch.setitem(os.environ, "CI", ci)
    with pytest.raises(outcome, match="no browser"):
        absent("no browser")
