"""Pictures of pages: which are made, how large, what a wrong word says."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import screenshots
from benchmarks.screenshots import main, pages, parsed, shoot, small
from harness.errors import UsageError
from harness.reports.render.report_files import PAGE
from harness.reports.runs.boards import load_boards
from tests.support.synthetic import write_runs

ROOT = Path(__file__).resolve().parents[1]

BARE = (
    '<!doctype html><html lang="en"><title>t</title><meta name="viewport"'
    ' content="width=device-width"><h1>Top</h1><div style="height:3000px"></div>'
    '<h2 id="below" style="background:#c00;height:900px;margin:0">Below</h2>'
)


def noise(width, height, levels=256):
    draw = np.random.default_rng(0)
    image = Image.fromarray(draw.integers(levels, size=(height, width, 3)).astype("uint8"))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def test_a_picture_loses_colours_until_it_is_small_enough():
    png = noise(200, 200)
    assert len(png) > 100_000
    sizes = [len(small(png, most)) for most in (60_000, 30_000)]
    assert sizes[0] < 60_000
    assert sizes[1] < 30_000
    with Image.open(io.BytesIO(small(png, 30_000))) as image:
        assert image.size == (200, 200)
    with pytest.raises(UsageError, match=r"200 × 200 takes .* in 16 colours; expected below 9"):
        small(png, 9)


@pytest.mark.parametrize("text", ["compare", "=results", "a b=results", "../x=results", "x="])
def test_a_picture_is_a_name_and_a_place(text):
    with pytest.raises(UsageError, match="expected NAME=PLACE"):
        parsed(text)


def test_a_place_is_a_page_a_report_or_runs(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / PAGE).write_text(BARE)
    with pytest.raises(UsageError, match="nowhere: no such page or folder"):
        parsed("x=nowhere")
    with pytest.raises(UsageError, match=r"neither index.html nor a record.json below it"):
        pages([parsed(f"x={tmp_path / 'empty'}")], tmp_path)
    wanted = [parsed(f"x={tmp_path}#drift"), parsed(f"y={tmp_path / PAGE}")]
    assert wanted[0].state == "drift"
    assert list(pages(wanted, tmp_path).values()) == [tmp_path / PAGE] * 2


def test_the_published_places_that_are_shown_compare():
    pages_of = [(ROOT / name).read_text() for name in ("Makefile", "docs/reports.md")]
    text = "\n".join([*pages_of, screenshots.__doc__])
    places = re.findall(r"=(results/published[^\s#\"]*)", text)
    assert places
    for place in set(places):
        load_boards([ROOT / place])


def test_runs_are_compared_without_their_texts(tmp_path):
    write_runs(tmp_path / "runs", ["sft", "rag"], ["product_review"])
    (page,) = pages([parsed(f"x={tmp_path / 'runs'}")], tmp_path / "made").values()
    text = page.read_text()
    assert "sft scores best on" in text
    assert "Where two methods disagree most" not in text


def test_pictures_have_the_widths_of_a_screen_and_a_phone(browser, tmp_path):
    page = tmp_path / "page.html"
    page.write_text(BARE)
    wanted = [parsed(f"top={page}"), parsed(f"below={page}#below")]
    made = shoot(browser, wanted, {page: page}, tmp_path / "out", dark=True)
    assert [path.name for path in made[:4]] == [
        "top_1280.png", "top_1280_dark.png", "top_390.png", "top_390_dark.png"
    ]  # fmt: skip
    for path in made:
        with Image.open(path) as image:
            assert image.width == int(path.stem.split("_")[1])
            red = image.convert("RGB").getpixel((image.width // 2, 400)) == (204, 0, 0)
        assert red == path.name.startswith("below")
        assert path.stat().st_size < 300_000


def test_a_wrong_word_is_one_message(capsys, tmp_path):
    assert main(["x=nowhere", "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("UsageError: nowhere: no such page")
