"""A headless Chromium for tests of pages: opened from disk, watched for requests and errors.

Tests ask for the fixture `browser`. Without Chromium and its driver (Debian: chromium,
chromium-driver) they are skipped; where CI=true they fail.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.support.absent import absent

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-default-browser-check",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
LOCAL = ("file:", "data:", "blob:", "about:")


class Browser:
    """One page at a time, with what it asked the network for and what it complained about."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self.width = 0
        self._requests: list[str] = []

    def open(self, page: Path, state: str = "") -> None:
        """Load a page from disk, `state` after the #. A page with the same path is loaded again."""
        self.driver.get("about:blank")
        self.driver.get(page.resolve().as_uri() + (f"#{state}" if state else ""))

    def run(self, script: str, *values: Any) -> Any:
        """The value that a script in the page returns."""
        return self.driver.execute_script(script, *values)

    def find(self, selector: str) -> Any:
        """The first element for a CSS selector; NoSuchElementException where there is none."""
        return self.driver.find_element("css selector", selector)

    def all(self, selector: str) -> list[Any]:
        return list(self.driver.find_elements("css selector", selector))

    def texts(self, selector: str) -> list[str]:
        """The visible text of every element for a CSS selector."""
        return [element.text for element in self.all(selector)]

    def press(self, *keys: str) -> None:
        """Keys to whatever has the focus."""
        from selenium.webdriver import ActionChains

        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()

    def resize(self, width: int, height: int = 900) -> None:
        """The page's width and height in CSS pixels; below 600 it is a phone."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.width = width

    def theme(self, name: str) -> None:
        """The reader's system is `light` or `dark`."""
        feature = {"name": "prefers-color-scheme", "value": name}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def requests(self) -> list[str]:
        """Every address asked for since the fixture began that is not this disk's."""
        for entry in self.driver.get_log("performance"):
            event = json.loads(entry["message"])["message"]
            if event["method"] == "Network.requestWillBeSent":
                self._requests.append(event["params"]["request"]["url"])
            elif event["method"] == "Network.webSocketCreated":
                self._requests.append(event["params"]["url"])
        return [address for address in self._requests if not address.startswith(LOCAL)]

    def complaints(self) -> list[str]:
        """Warnings and errors on the console since the last call."""
        entries = self.driver.get_log("browser")
        return [entry["message"] for entry in entries if entry["level"] in ("WARNING", "SEVERE")]

    def violations(self) -> list[str]:
        """What axe-core finds serious or critical on the page as it stands: rule, element, why."""
        self.run(axe_source() + "\nwindow.axe = axe;")
        found = self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "axe.run(document, {resultTypes: ['violations']})"
            ".then(done, error => done({failed: String(error)}));"
        )
        assert "failed" not in found, found
        assert found["passes"], "axe-core looked at nothing"
        return [
            f"{rule['id']} ({rule['impact']}): {node['html'][:200]} — {node['failureSummary']}"
            for rule in found["violations"]
            if rule["impact"] in ("serious", "critical")
            for node in rule["nodes"]
        ]

    def overflow(self) -> int:
        """CSS pixels by which the page is wider than the window asked for: a reader would pan."""
        script = "const e = document.documentElement; return [e.scrollWidth, e.clientWidth]"
        width, window = self.run(script)
        return int(width) - min(int(window), self.width)

    def picture(self, path: Path) -> Path:
        """What the window shows, as PNG."""
        assert self.driver.save_screenshot(str(path))
        return path


def axe_source() -> str:
    """axe-core as the package axe-playwright-python carries it; Playwright itself is not needed."""
    found = find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        absent("axe-playwright-python is not installed (`make setup` installs it)")
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Selenium's driver of a Chromium with a fresh profile."""
    driver = start_chromium(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


def start_chromium(profile: Path) -> Any:
    """Selenium's driver of a headless Chromium with an empty profile folder; quit it yourself."""
    binary = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    driver_path = shutil.which("chromedriver")
    if binary is None or driver_path is None:
        absent("no Chromium with chromedriver; Debian: apt-get install chromium chromium-driver")
    if find_spec("selenium") is None:
        absent("selenium is not installed (`make setup` installs it)")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(binary)
    for option in (*OPTIONS, f"--user-data-dir={profile}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(driver_path))
    driver.set_script_timeout(120)
    return driver


@pytest.fixture
def browser(chromium: Any) -> Browser:
    """A light desktop window of 1280 × 900 with nothing in it and empty logs."""
    browser = Browser(chromium)
    chromium.get("about:blank")
    browser.resize(1280)
    browser.theme("light")
    browser.requests()
    browser.complaints()
    browser._requests.clear()
    return browser


def wait_for(browser: Browser, selector: str) -> list[Any]:
    """The elements of a selector, once there are any."""
    from selenium.webdriver.support.ui import WebDriverWait

    found: list[Any] = WebDriverWait(browser.driver, 20).until(lambda _: browser.all(selector))
    return found


def quiet(browser: Browser) -> None:
    """No request has left the page, and nothing was complained about."""
    assert browser.requests() == []
    assert browser.complaints() == []
