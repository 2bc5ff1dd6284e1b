"""No proxy between the tests and their servers; no waiting between attempts."""

import pytest


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr("harness.engine.endpoint.client.FIRST_WAIT_S", 0.001)
