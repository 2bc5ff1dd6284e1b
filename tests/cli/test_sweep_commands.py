"""The commands of a sweep's runs: what they hold, how the shell takes them, what --fresh does."""

import os
import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from harness.cli.jobs import Making
from harness.cli.options import RunOptions
from harness.cli.sweep_jobs import arguments, read_sweep
from harness.pipeline.renewal import ONCE
from harness.settings import build_settings
from harness.sweeps.queue import Entry
from tests.support.sweep_files import FILE


def test_a_command_gives_the_settings_of_its_run(written, tmp_path):
    text = FILE.replace("[sweep]", '[sweep]\ndecode.stop = [["a b", 3], []]\ndata.limit = [1, 2]')
    text += 'decode.top_k = ["none", 5]\n'
    for job in read_sweep(written(text), RunOptions(), None).jobs():
        words = list(arguments(job, (), Making(tmp_path / "out")))
        options = dict(zip(words[1::2], words[2::2], strict=True))
        sets = [after for word, after in pairwise(words) if word == "--set"]
        values = {"task": options["--task"], "seed": int(options["--seed"])}
        assert build_settings(options["--preset"], sets, values) == job.settings
        assert options["--method"] == job.method


SHELL = r"harness sweep sweep\.toml --emit \| (.*)"
"""In docs/sweeps.md: what runs the lines that are printed."""


def test_what_is_printed_gets_through_the_shell_as_the_page_says(call, written, tmp_path):
    page = Path(__file__).parents[2] / "docs" / "sweeps.md"
    given = tmp_path / "given"
    given.mkdir()
    stub = tmp_path / "bin" / "harness"
    stub.parent.mkdir()
    stub.write_text(f'#!/bin/sh\nprintf "%s\\0" "$@" > "{given}/$$"\n')
    stub.chmod(0o700)
    path = written(FILE + """decode.stop = [["it's", 'a \\ "b"', "\\n"], []]\n""")
    _, out, _ = call("sweep", path, "--emit")
    (line,) = re.findall(SHELL, page.read_text())
    subprocess.run(
        ["sh", "-c", line], input=out, text=True, check=True,
        env={**os.environ, "PATH": f"{stub.parent}:{os.environ['PATH']}"},
    )  # fmt: skip
    words = sorted(file.read_text().split("\0")[:-1] for file in given.iterdir())
    assert len(words) == 52
    assert words == sorted(shlex.split(command)[1:] for command in out.splitlines())


@pytest.fixture
def asked(monkeypatch):
    """The jobs that each sweep would hand to an executor."""
    found = []

    def queue(jobs, *_):
        found.append(jobs)
        return [Entry(job, "done") for job in jobs]

    monkeypatch.setattr(sys.modules["harness.cli.sweep"], "run_queue", queue)
    return found


def test_a_sweep_leaves_the_logs_of_another_one_alone(call, written, asked):
    """It may be at work: its table reads them."""
    assert call("sweep", written(), "--jobs", "2")[0] == 0
    for job in asked[0]:
        job.log.write_text("training 3/50 loss 2\n")
    assert call("sweep", written(), "--jobs", "2")[0] == 0
    assert all(job.log.exists() for job in asked[0])
    assert not {job.log for job in asked[0]} & {job.log for job in asked[1]}


def test_with_fresh_the_jobs_of_one_sweep_delete_a_run_once(call, written, asked):
    """However often its worker starts a job again; see harness/pipeline/renewal.py."""
    for words in (["--fresh"], ["--fresh"], []):
        assert call("sweep", written(), "--jobs", "2", *words)[0] == 0
    first, second, plain = ([job.environment.get(ONCE) for job in jobs] for jobs in asked)
    assert len({*first}) == len({*second}) == 1
    assert None not in {*first, *second}
    assert first[0] != second[0]
    assert {*plain} == {None}
    assert ["--fresh" in job.arguments for jobs in asked for job in jobs] == [*[True] * 52] + [
        False
    ] * 26


def test_emit_prints_commands_alone(call, written):
    code, out, err = call("sweep", written(), "--emit")
    assert code == 0, err
    lines = out.splitlines()
    assert len(lines) == 26
    assert all(shlex.split(line)[:3] == ["harness", "run", "--method"] for line in lines)
    _, out, _ = call("sweep", written(), "--emit", "--until", "trained", "--processes", "2")
    assert all(line.endswith(" --until trained --processes 2") for line in out.splitlines())
