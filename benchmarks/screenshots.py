"""Pictures of pages for the README: PNG, 1280 and 390 pixels wide, each below 300 KB.

    python -m benchmarks.screenshots compare=results/published/mini \\
        drift=results/published/mini#drift board=leaderboards/page --out docs/pictures

A picture is NAME=PLACE. PLACE is a page (.html), a folder with index.html, or a folder of runs,
which are compared first, without their texts. The part after # is where the page opens: a section
of a report (drift, lift, costs, …), or a leaderboard's view. It writes NAME_1280.png and
NAME_390.png, one window each; `--dark` adds NAME_1280_dark.png and NAME_390_dark.png. Needs
Chromium and its driver (Debian: chromium, chromium-driver).
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from harness.errors import HarnessError, UsageError
from harness.record import RECORD
from harness.reports.compare_runs import Options, compare
from harness.reports.render.report_files import PAGE, write_report
from tests.support.browser import Browser, start_chromium

WINDOWS = {1280: 960, 390: 844}
"""Width → height of the window, in CSS pixels."""
MOST = 300_000
"""Bytes of a picture."""
PALETTES = (256, 128, 64, 32, 16)
"""Numbers of colours tried, until a picture is small enough."""


@dataclass(frozen=True)
class Picture:
    """One picture: its name, the page or runs that it shows, and where the page opens."""

    name: str
    place: Path
    state: str = ""


def main(words: list[str] | None = None) -> int:
    """0; 2 with a message for a usage error."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pictures", nargs="+", metavar="NAME=PLACE[#WHERE]")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--dark", action="store_true", help="the dark page too")
    options = parser.parse_args(words)
    try:
        pictures = [parsed(text) for text in options.pictures]
        with tempfile.TemporaryDirectory() as folder:
            reports = pages(pictures, Path(folder))
            driver = start_chromium(Path(folder, "profile"))
            try:
                browser = Browser(driver)
                for path in shoot(browser, pictures, reports, options.out, options.dark):
                    print(f"{path}  {path.stat().st_size / 1000:.0f} KB")
            finally:
                driver.quit()
    except HarnessError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    return 0


def parsed(text: str) -> Picture:
    """`drift=results#drift` → its parts. Raises UsageError for anything else, or no such place."""
    name, given, rest = text.partition("=")
    place, _, state = rest.partition("#")
    if not given or not name.replace("_", "").replace("-", "").isalnum() or not place:
        raise UsageError(f"{text!r}; expected NAME=PLACE, e.g. compare=results/published/mini")
    if not Path(place).exists():
        raise UsageError(f"{place}: no such page or folder; expected a page, or runs to compare")
    return Picture(name, Path(place), state)


def pages(pictures: list[Picture], folder: Path) -> dict[Path, Path]:
    """Place → its page; runs are compared into `folder`, each place once."""
    found: dict[Path, Path] = {}
    for place in dict.fromkeys(each.place for each in pictures):
        page = place / PAGE if place.is_dir() else place
        if not page.is_file():
            if not any(place.rglob(RECORD)):
                raise UsageError(f"{place}: neither {PAGE} nor a {RECORD} below it; expected one")
            out = folder / f"report{len(found)}"
            write_report(compare([place], Options(texts=False)), out)
            page = out / PAGE
        found[place] = page
    return found


def shoot(
    browser: Browser, pictures: list[Picture], reports: dict[Path, Path], out: Path, dark: bool
) -> list[Path]:
    """Write every picture; the paths in order."""
    out.mkdir(parents=True, exist_ok=True)
    browser.driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
    written = []
    for each in pictures:
        for width, height in WINDOWS.items():
            for theme in ("light", "dark") if dark else ("light",):
                browser.resize(width, height)
                browser.theme(theme)
                browser.open(reports[each.place], each.state)
                suffix = "_dark" if theme == "dark" else ""
                path = out / f"{each.name}_{width}{suffix}.png"
                browser.picture(path)
                path.write_bytes(small(path.read_bytes()))
                written.append(path)
    return written


def small(png: bytes, most: int = MOST) -> bytes:
    """The picture with as many colours as keep it below `most` bytes.

    Raises UsageError where not even the fewest do.
    """
    image = Image.open(io.BytesIO(png)).convert("RGB")
    size = 0
    for colours in PALETTES:
        buffer = io.BytesIO()
        image.quantize(colours, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
        size = buffer.tell()
        if size < most:
            return buffer.getvalue()
    raise UsageError(
        f"a picture of {image.width} × {image.height} takes {size:,} bytes in {PALETTES[-1]}"
        f" colours; expected below {most:,}. Choose another place on the page (#…)"
    )


if __name__ == "__main__":
    sys.exit(main())
