"""A finished run of the built-in benchmark is shown without torch, transformers or datasets."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import main

HEAVY = ("torch", "transformers", "datasets", "nltk", "evaluate", "pandas", "scipy")
AGAIN = f"""
import sys
from harness.cli import main
try:
    main()
finally:
    print("LOADED", *(name for name in {HEAVY!r} if name in sys.modules))
"""


def test_a_finished_run_is_shown_without_heavy_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    words = ["run", "--method", "flythinker", "--limit", "1", "--train-limit", "2"]
    words += ["--set", "data.val_limit=1", "--set", "train.epochs=1", "--set", "train.lr=1e-3"]
    words += [
        "--set",
        "decode.max_new_tokens=4",
        "--set",
        "eval.resamples=100",
        "--set",
        "eval.floors=false",
    ]
    words += ["--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["harness", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    (record,) = (tmp_path / "out").rglob("record.json")
    before = record.read_bytes()
    capsys.readouterr()
    done = subprocess.run(
        [sys.executable, "-c", AGAIN, *words], capture_output=True, text=True, check=True
    )
    assert "(already complete; --fresh redoes" in done.stdout
    assert done.stdout.splitlines()[-1] == "LOADED"
    assert done.stderr == ""
    assert record.read_bytes() == before
    assert json.loads(before)["inputs"]["backbone"]["model.safetensors"]
