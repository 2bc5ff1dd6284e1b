"""Modules that a number comes from, followed through imports: by small packages, and by ours."""

import importlib

import pytest

from baselines.coconut import Coconut
from baselines.cot import Cot
from baselines.sft import Sft
from harness.inputs import imports, provenance
from harness.inputs.imports import closure, content_sha256, file_closure, foreign_imports
from harness.pipeline.reuse import source_sha256
from harness.registry import load_plugin

FILES = {
    "pkg/__init__.py": "",
    "pkg/start.py": "from . import beside\nfrom .deep.leaf import VALUE\n",
    "pkg/beside.py": "def late():\n    import pkg.lazy\n",
    "pkg/lazy.py": "from importlib import import_module\nimport_module('pkg.named')\n",
    "pkg/named.py": "import json, torch\n",
    "pkg/deep/__init__.py": "from pkg.deep import inner\n",
    "pkg/deep/leaf.py": "from ..top import this\nVALUE = 1\n",
    "pkg/deep/inner.py": "",
    "pkg/top.py": "this = 2\n",
    "pkg/nobody.py": "import pkg.start\n",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    return tmp_path


def test_imports_are_followed_lazy_relative_and_by_name(package):
    found = closure(["pkg.start"], ["pkg"])
    reached = ("start", "beside", "lazy", "named", "deep", "deep.leaf", "deep.inner", "top")
    assert set(found) == {"pkg", *(f"pkg.{name}" for name in reached)}
    assert foreign_imports(found.values()) == {"torch", "pkg"}


def test_content_counts_and_the_folder_does_not(package):
    before = content_sha256(closure(["pkg.start"], ["pkg"]))
    (package / "pkg" / "nobody.py").write_text("edited = 1\n")
    assert content_sha256(closure(["pkg.start"], ["pkg"])) == before
    (package / "pkg" / "named.py").write_text("edited = 1\n")
    assert content_sha256(closure(["pkg.start"], ["pkg"])) != before


def test_a_known_closure_is_followed_again_where_a_file_or_folder_changed(package, monkeypatch):
    monkeypatch.setattr(imports, "OWN", ("pkg",))
    monkeypatch.setattr(imports, "_CLOSURES", {})
    followed, real = [], imports._followed
    monkeypatch.setattr(imports, "_followed", lambda *of: followed.append(1) or real(*of))

    def now():
        return set(closure(["pkg.start"], ["pkg"]))

    before = now()
    assert now() == before == set(real(["pkg.start"], ["pkg"]))
    assert len(followed) == 1
    (package / "pkg" / "top.py").write_text("from pkg import missing\n")
    assert now() == before
    (package / "pkg" / "missing.py").write_text("")
    assert now() == {*before, "pkg.missing"}
    (package / "pkg" / "missing.py").unlink()
    assert now() == before
    assert len(followed) == 4


def test_a_module_moved_to_another_folder_is_found_there(package):
    (package / "pkg" / "elsewhere").mkdir()
    (package / "pkg" / "elsewhere" / "__init__.py").write_text("")
    (package / "pkg" / "top.py").rename(package / "pkg" / "elsewhere" / "top.py")
    (package / "pkg" / "deep" / "leaf.py").write_text("from pkg.elsewhere.top import this\n")
    assert "pkg.elsewhere.top" in closure(["pkg.start"], ["pkg"])


def test_a_plugins_helpers_in_its_folder_and_on_the_path_count(package, tmp_path):
    own = tmp_path / "mine"
    own.mkdir()
    (own / "method.py").write_text(
        "import json, torch\nimport helper\nimport pkg.top\nfrom harness.method import Method\n"
        "\n\nclass Mine(Method):\n    name = 'mine'\n"
    )
    (own / "helper.py").write_text("import third\n")
    (own / "third.py").write_text("X = 1\n")
    (own / "unused.py").write_text("X = 1\n")
    found = file_closure(own / "method.py")
    assert set(found) == {"method", "helper", "third", "pkg", "pkg.top"}


def test_code_that_cannot_be_read_imports_nothing(tmp_path):
    (tmp_path / "broken.py").write_text("import (\n")
    assert set(file_closure(tmp_path / "broken.py")) == {"broken"}


@pytest.mark.parametrize("where", ["method", "likelihood"])
def test_rooms_that_read_records_never_count(where):
    evaluated = "harness.pipeline.evaluate.reference_likelihood"
    reached = provenance.method_sources(Sft, {}) if where == "method" else closure([evaluated])
    assert {"harness.engine.lm", "harness.data.rows", "harness.pipeline.plan"} <= set(reached)
    assert ("baselines.sft" in reached) == (where == "method")
    afterwards = ("bench", "cli", "commands", "conformance", "leaderboard", "reports")
    assert not [
        name for name in reached if name.split(".")[1:2] and name.split(".")[1] in afterwards
    ]
    assert "baselines.cot" not in reached


def test_a_method_that_options_name_counts():
    assert "flythinker.flythinker" in provenance.method_sources(Sft, {"flops_of": "flythinker"})
    assert "flythinker.flythinker" not in provenance.method_sources(Sft, {"flops_of": None})


class Prepares(Sft):
    """A method whose prompts may hold what a model generates."""

    def prepare(self, examples):
        pass


@pytest.mark.parametrize("method", [Sft, Cot, Coconut, Prepares])
def test_the_lean_step_makes_weights_only_where_texts_are_trained_on(method, monkeypatch):
    sources = provenance.method_sources(method, {})
    files = sources["harness.engine.lm"].parent.glob("lean_*.py")
    decoding = {f"harness.engine.{file.stem}" for file in files}
    assert decoding <= set(sources)
    both = provenance.method_sha256(method), source_sha256(method, {})
    edited = dict.fromkeys(decoding, sources["harness.engine.lm"])
    monkeypatch.setattr(provenance, "method_sources", lambda *_: {**sources, **edited})
    assert provenance.method_sha256(method) != both[0]
    assert (source_sha256(method, {}) == both[1]) == (method is Sft)


def test_an_edited_helper_of_a_plugin_is_another_source(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_helper.py").write_text("X = 1\n")
    (tmp_path / "own_plugin.py").write_text(
        "import own_helper\nfrom baselines.sft import Sft\n\n\nclass Own(Sft):\n    name = 'own'\n"
    )
    method = load_plugin(tmp_path / "own_plugin.py")
    assert {"own_plugin", "own_helper", "baselines.sft"} <= set(
        provenance.method_sources(method, {})
    )
    before = provenance.method_sha256(method)
    (tmp_path / "own_helper.py").write_text("X = 2\n")
    assert provenance.method_sha256(method) != before


def test_packages_of_another_environment_on_the_path_are_installed_ones(tmp_path, monkeypatch):
    # a virtual environment that sees another one's packages through a .pth file: without this,
    # every module of torch was parsed for each run of a plugin
    packages = tmp_path / "other" / "lib" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "far_package.py").write_text("import json\n")
    (tmp_path / "near_helper.py").write_text("import far_package\n")
    plugin = tmp_path / "plugin.py"
    plugin.write_text("import far_package\nimport near_helper\n")
    monkeypatch.syspath_prepend(packages)
    assert set(file_closure(plugin)) == {"plugin", "near_helper"}
