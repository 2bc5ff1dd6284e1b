"""docs/plugins.md: its code is the example package, its table lists the kit, its commands work."""

import re
import shlex

import pytest

from harness.conformance import CHECKS
from tests.support.tutorial import EXAMPLES, FEWER, TUTORIAL, commands, files


@pytest.mark.parametrize("name", files())
def test_code_blocks_equal_the_packages_files(name):
    assert files()[name] == (EXAMPLES / name).read_text("utf-8")


def test_two_methods_are_shown_as_a_whole():
    names = ("two_views", "perce", "contrastive")
    assert set(files()) == {"pyproject.toml", *(f"harness_example_methods/{n}.py" for n in names)}


def test_the_readme_lists_every_module():
    modules = {path.name for path in (EXAMPLES / "harness_example_methods").glob("*.py")}
    text = (EXAMPLES / "README.md").read_text("utf-8")
    listed = re.findall(r"^\| `harness_example_methods/(\w+\.py)`", text, re.MULTILINE)
    assert sorted(listed) == sorted(modules - {"__init__.py"})


def test_the_table_lists_every_check_of_the_kit():
    table = TUTORIAL.read_text("utf-8").partition("| check |")[2].partition("\n\n")[0]
    listed = re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)
    assert listed == [check.name for check in CHECKS]


@pytest.mark.slow
def test_the_one_file_commands_work(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for line in commands(0):
        words = shlex.split(line)[1:]
        code, out, err = call(*words, *(FEWER if words[0] == "run" else ()))
        assert code == 0, out + err
    assert (tmp_path / "test_my_method.py").is_file()
    (record,) = tmp_path.rglob("record.json")
    assert '"status": "complete"' in record.read_text()
