"""Provenance: the code that made a run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from harness.inputs import provenance

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout of the repository")
def test_the_commit_of_the_checkout_is_recorded():
    head = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    assert provenance.code().commit == head.stdout.strip()
