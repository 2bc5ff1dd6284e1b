"""The page of an inspection, in a browser, and its tables."""

import json

import pytest

from harness.errors import UsageError
from harness.record.inspected import (
    InspectedExample,
    InspectedThought,
    InspectedToken,
    Inspection,
    Mean,
)
from harness.reports.inspected.inspect_page import to_html, write_inspection
from harness.reports.inspected.tables import most_moved, sentence, shown, tables

WORDS = ["A", " <b>", " lamp", "\n", "- x", " is", "", " superb", ".", " </script>"]
ENTRIES = ('"5.0" is a rating for <i>', "second")


def example(before=False):
    tokens = tuple(
        InspectedToken(word, 0.04 * index**2, ("praise",) if "superb" in word else ())
        for index, word in enumerate(WORDS)
    )
    thoughts = tuple(
        InspectedThought(0 if before else index, 0.1 * index, (" lamp", "<u>"), (0.5, -0.25))
        for index in range(1, 4 if before else len(WORDS))
    )
    return InspectedExample("p-1", "user-1", ENTRIES, tokens, thoughts)


def inspection(before=False):
    mean = Mean("0–49", 10, 0.1, 0.125)
    kinds = (Mean("praise", 1, 1.96, 0.1), Mean("elsewhere", 9, 0.05, None))
    means = (Mean("thought 1", 1, 0.2, 0.1),) if before else ()
    return Inspection(
        "s0-abc", "flythinker", "product_review", "text", (example(before), example(before)),
        Mean("all", 20, 0.1, 0.125), (mean,), kinds, means, ("no text to inspect: p-3",),
    )  # fmt: skip


def test_the_sentence_and_the_tables():
    assert sentence(inspection()) == (
        "flythinker's thoughts move the prediction of a token by 0.1000 nats on average"
        " (20 tokens of 2 texts); their mean cosine to the profile's entries is 0.12."
    )
    assert [table.name for table in tables(inspection())] == ["inspect_positions", "inspect_kinds"]
    assert len(tables(inspection(before=True))) == 3
    (first, *_, last) = most_moved(example()).rows
    assert first == (9, "␣</script>", pytest.approx(3.24), "␣lamp · <u>")
    assert last == (0, "A", 0.0, "")
    assert most_moved(example(before=True)).columns[-1].title == "KL"
    assert shown("\n ") == "⏎␣"


def test_without_texts_all_numbers_stay(tmp_path):
    found = inspection(before=True)
    bare = found.without_texts()
    assert [table.rows for table in tables(bare)] == [table.rows for table in tables(found)]
    assert sentence(bare) == sentence(found)
    pairs = [*zip(found.examples, bare.examples, strict=True)]
    assert all([one.kl for one in a.tokens] == [one.kl for one in b.tokens] for a, b in pairs)
    assert all(
        [one.cosines for one in a.thoughts] == [one.cosines for one in b.thoughts] for a, b in pairs
    )
    for file in write_inspection(bare, tmp_path):
        written = file.read_text()
        for text in ("superb", "␣lamp", "&lt;u&gt;", "is a rating"):
            assert text not in written, file


def test_texts_cannot_break_the_page():
    page = to_html(inspection())
    assert "<b>" not in page.replace("&lt;b&gt;", "")
    assert page.count("</script>") == 2  # of its data and its script


def test_the_page_and_its_data_are_written(tmp_path):
    page, data = write_inspection(inspection(), tmp_path / "new")
    assert (page.name, data.name) == ("index.html", "inspection.json")
    known = json.loads(data.read_text())
    assert known["examples"][0]["thoughts"][0]["nearest"] == [" lamp", "<u>"]
    with pytest.raises(UsageError, match=r"--out .*index\.html is a file"):
        write_inspection(inspection(), page)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_serves_its_readers(browser, tmp_path, width, theme):
    page, _ = write_inspection(inspection(), tmp_path)
    browser.resize(width)
    browser.theme(theme)
    browser.open(page)
    browser.all(".token")[7].click()
    assert browser.violations() == []
    assert browser.overflow() == 0
    panel = browser.find("#panel").text
    assert "token 7: ␣superb" in panel
    assert "praise" in panel
    assert "entry 2" in panel
    assert "−0.25" in panel
    assert browser.complaints() == []
    assert browser.requests() == []


def test_the_arrow_keys_choose_tokens(browser, tmp_path):
    page, _ = write_inspection(inspection(before=True), tmp_path)
    browser.open(page)
    tab, right, end, left = "\ue004", "\ue014", "\ue010", "\ue012"
    browser.press(tab, right)
    assert browser.texts("#panel h3") == ["thought 2"]
    browser.press(end, left)
    assert browser.texts("#panel h3") == ["token 8: ."]
    assert "No thought of its own" in browser.find("#panel").text
    browser.press("\ue00c")  # Escape
    assert browser.all('[aria-pressed="true"]') == []
