"""What a row, or an address, cannot do to the page."""

import pytest

from harness.leaderboard.build import build
from tests.support.boards import add_row, make_board, rules, submission, texts_for
from tests.support.browser import quiet, wait_for

HOSTILE = {
    "script": "<script>window.bad=1</script>",
    "image": '"><img src=x onerror="window.bad=1">',
    "svg": "<svg/onload=window.bad=1>",
    "end of data": "</script><script>window.bad=1</script>",
    "template": "{{7*7}}${window.bad=1}`;window.bad=1;//",
}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A page whose rows, texts, notes and settings all try something."""
    root = tmp_path_factory.mktemp("hostile")
    board = make_board(root, rules())
    for number, attack in enumerate(HOSTILE.values()):
        row = submission(rules(), number, name=attack, by=attack, note=attack + "\u202e\u2066")
        row["link"] = "https://a.example/" + attack.replace(" ", "").replace("\u202e", "")
        row["run"]["command"] = row["run"]["settings"]["x"] = attack
        row["backbone"]["name"] = row["run"]["settings"]["model.backbone"] = attack
        texts = [
            {**text, "output": f"{attack} \u202eturned\u202c around"} for text in texts_for(row)
        ]
        add_row(board, row, texts, status="verified", notes=(attack,))
    out = tmp_path_factory.mktemp("hostile_page")
    assert build(root, out).left_out == ()
    return out / "index.html"


@pytest.mark.parametrize("attack", HOSTILE)
def test_hostile_rows_are_shown_as_text(browser, hostile, attack):
    number = list(HOSTILE).index(attack)
    method = ("nonpers", "rag", "sft", "cot", "coconut")[number]
    cols = "rank.name.status.board.method.backbone.following"
    browser.open(hostile, f"cols={cols}&row=product_review/user/mini/{method}-s{number}")
    wait_for(browser, "#inside .facts")
    assert browser.run("return window.bad") is None
    assert HOSTILE[attack] in browser.texts("#table tbody td.name a")
    inside = browser.find("#details").get_attribute("textContent")
    assert HOSTILE[attack] in inside
    assert "⟨U+202E right-to-left override⟩turned" in inside
    assert not {"\u202e", "\u2066"} & set(browser.run("return document.body.textContent"))
    assert browser.all("#details img, #details script, #table img, #table script") == []
    quiet(browser)


@pytest.mark.parametrize(
    "state",
    [
        "row=%3Cimg%20src=x%20onerror=window.bad=1%3E",
        "q=%22%3E%3Cscript%3Ewindow.bad=1%3C/script%3E&task=%3Cb%3E",
        "sort=constructor&cols=__proto__.toString.constructor",
        "sort=__proto__&dir=x&page=-7&status=toString",
        "page=1e999&cols=",
        "%E0%A4%A&&&=&row",
    ],
)
def test_a_hostile_address_is_only_text(browser, page, state):
    browser.open(page, state)
    assert browser.run("return window.bad") is None
    assert browser.find("#table thead tr")
    assert "sorted by" in browser.find("#summary").text
    quiet(browser)
