"""--plugin files of one file name in different folders are different plugins, wherever they lie."""

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from baselines.sft import Sft
from harness import registry
from harness.data.content import task_digest
from harness.errors import UsageError
from harness.inputs import provenance
from harness.inputs.collect import collect
from harness.inputs.metrics import metric_input
from harness.inputs.origin import Origin
from harness.metrics import metric
from harness.pipeline.reuse import source_sha256
from harness.plugins import home_of, read_plugin
from harness.registry import find, register_plugins, table
from harness.settings import build_settings
from tests.support.texts import pairs

PLUGIN = """
from dataclasses import replace
from harness.data.tasks import PRODUCT_REVIEW
from harness.metrics.base import MeanMetric
from harness.method import Method

class Mine(Method):
    name, trains = "method_{0}", True

class Score(MeanMetric):
    name = "metric_{0}"

    def score(self, pair):
        return {1}

TASK = replace(PRODUCT_REVIEW, name="task_{0}", instruction=". Now {0}: ")
"""


def write(folder, name, value):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "own.py"
    path.write_text(PLUGIN.format(name, value))
    return path


@pytest.fixture
def files(tmp_path):
    return [write(tmp_path / name, name, value) for name, value in (("a", 1.0), ("b", 2.0))]


def values():
    """What the metrics of both files give a text."""
    text = pairs(["x"], ["x"])
    return [metric(f"metric_{name}").overall(metric(f"metric_{name}").rows(text), text)
            for name in "ab"]  # fmt: skip


@pytest.mark.parametrize("how", ["together", "one after the other"])
def test_each_name_gives_its_own_files_code(files, how):
    for several in [files] if how == "together" else [files[:1], files[1:]]:
        register_plugins(several)
    assert [find("task", f"task_{name}").instruction for name in "ab"] == [". Now a: ", ". Now b: "]
    assert values() == [1.0, 2.0]


def test_methods_keep_their_file_and_are_found_again_by_other_processes(files, tmp_path):
    brought = register_plugins(files)
    assert [home_of(brought[f"method_{name}"]) for name in "ab"] == files
    for method in brought.values():
        assert pickle.loads(pickle.dumps(method)) is method
    words = (
        "import sys; from pathlib import Path; from harness.registry import register_plugins\n"
        "found = register_plugins(map(Path, sys.argv[1:]))\n"
        "print(*(method.__module__ for method in found.values()))"
    )
    (tmp_path / "link").symlink_to(tmp_path / "a")
    done = subprocess.run(
        [sys.executable, "-c", words, "b/own.py", "link/own.py"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(Path(registry.__file__).parents[1])},
    )  # fmt: skip
    assert done.stdout.split() == [brought[f"method_{name}"].__module__ for name in "ba"]


def digests(path):
    """All that is known by a plugin's code."""
    (method,) = register_plugins([path]).values()
    task = find("task", "task_a")
    settings = build_settings("mini", ["eval.metrics=metric_a"], {"task": "task_a"})
    return {
        "training": source_sha256(method, {}),
        "training by name": source_sha256(Sft, {"flops_of": "method_a"}),
        "task": task_digest(task),
        "metric": metric_input("metric_a"),
        "plugins": collect(settings, Origin(file=path), {}).plugins,
    }


def test_no_digest_depends_on_the_folder(files, tmp_path):
    (tmp_path / "moved").mkdir()
    moved = Path(shutil.copy(files[0], tmp_path / "moved"))
    before = digests(files[0])
    assert digests(moved) == before
    # records of before the module's name had a digest of its folder have this one too
    assert before["metric"] == "5085b11d0ffdf711df6e583f58334e4bcdcde2ec111af8a7b7d2b9cf8e5548e1"
    assert set(before["plugins"]) == {"own"}
    files[0].write_text(files[0].read_text() + "\n")
    after = digests(files[0])
    assert not [key for key in before if after[key] == before[key]]


@pytest.mark.parametrize("edited", [0, 1])
def test_a_change_of_either_file_is_a_change_of_the_inputs(files, edited):
    register_plugins(files)
    settings = build_settings("mini", [], {"task": "task_b"})

    def now():
        plugins = collect(settings, Origin(file=files[0]), {}).plugins
        return dict(plugins), source_sha256(find("method", "method_a"), {"flops_of": "method_b"})

    before = now()
    assert len(before[0]) == 2
    files[edited].write_text(files[edited].read_text() + "\n")
    after = now()
    assert len([name for name in before[0] if before[0][name] != after[0][name]]) == 1
    assert before[1] != after[1]


def test_both_files_of_a_method_and_the_one_that_it_names_are_sources(files):
    methods = register_plugins(files)
    found = provenance.method_sources(methods["method_a"], {"flops_of": "method_b"})
    assert set(files) <= set(found.values())


@pytest.mark.parametrize("kind", ["task", "metric", "method"])
def test_what_calls_itself_otherwise_is_refused(kind, files, monkeypatch):
    register_plugins(files[:1])
    entry = registry.known_methods()["method_a"] if kind == "method" else table(kind)[f"{kind}_a"]
    other = registry.Entry("other", entry.target, "a package")
    with monkeypatch.context() as patch:
        patch.setattr(registry, "table", lambda asked: {"other": other})
        with pytest.raises(UsageError, match=f"'other' of a package calls itself '{kind}_a'"):
            find(kind, "other")


def test_a_file_that_is_written_again_at_once_is_run_as_it_is_now(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path, first = write(tmp_path, "a", 1.0), 1_700_000_000
    for value in (1.0, 2.0):  # the same length and time: bytecode is taken for that of this file
        write(tmp_path, "a", value)
        os.utime(path, (first, first))
        brought = read_plugin(path, lambda task: False)
        score = getattr(sys.modules[brought.module], brought.metrics["metric_a"])()
        assert score.score(None) == value


def test_a_file_that_is_read_again_keeps_its_classes_until_it_changes(files):
    (first,) = register_plugins(files[:1]).values()
    (again,) = register_plugins(files[:1]).values()
    assert again is first
    assert pickle.loads(pickle.dumps(first)) is first
    files[0].write_text(files[0].read_text() + "\n")
    (changed,) = register_plugins(files[:1]).values()
    assert changed is not first


def test_a_file_name_with_dots_counts_too(tmp_path):
    path = write(tmp_path, "a", 1.0).rename(tmp_path / "own.v2.py")
    before = digests(path)
    assert "unknown" not in before.values()
    path.write_text(path.read_text() + "\n")
    assert not [key for key, value in digests(path).items() if value == before[key]]
