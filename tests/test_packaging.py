"""The package: what it declares is what it uses, and a wheel of it works alone."""

import ast
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import harness

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
PACKAGES = ("harness", "baselines", "flythinker")
OPTIONAL = {"ray": "ray", "submitit": "sweep", "zstandard": "zstd"}
"""Imported packages that an extra brings, by the extra's name."""
HOSTS = {"IPython"}
"""Programs that import the harness; imported only where they did."""
BROUGHT = {"pydantic_core": "pydantic"}
"""Imported packages that are a part of another one, which pins their version."""


def distribution(requirement):
    """The normalized name in a requirement or of a distribution."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=!~;]", requirement)[0]).lower()


def imported():
    """Top-level modules that the packages import from elsewhere."""
    found = set()
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    found |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {*PACKAGES, *HOSTS, "__main__"}


def test_every_imported_package_is_declared():
    declared = {distribution(each) for each in PROJECT["dependencies"]}
    of = packages_distributions()
    missing = []
    for module in sorted(imported()):
        names = {distribution(name) for name in of.get(module, [BROUGHT.get(module, module)])}
        names |= {BROUGHT.get(module, module)}
        if module in OPTIONAL:
            extra = PROJECT["optional-dependencies"][OPTIONAL[module]]
            assert names & {distribution(each) for each in extra}
        else:
            missing += [] if names & declared else [module]
    assert not missing, "imported, but not in the dependencies of pyproject.toml"


def test_extras_bring_something_and_dev_has_them_all():
    extras = PROJECT["optional-dependencies"]
    dev = {distribution(each) for each in extras["dev"]}
    for name, packages in extras.items():
        assert packages, f"extra {name} is empty"
        assert {distribution(each) for each in packages} <= dev, f"dev lacks packages of {name}"


def test_the_version_is_the_same_everywhere():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert PROJECT["version"] == harness.__version__
    assert f"\nversion: {PROJECT['version']}\n" in citation


def test_every_data_file_is_in_the_wheel():
    listed = subprocess.run(
        ["git", "ls-files", *PACKAGES], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    patterns = PYPROJECT["tool"]["setuptools"]["package-data"]
    for name in listed.stdout.splitlines():
        package, _, inside = name.partition("/")
        if not name.endswith(".py"):
            assert any(
                fnmatch(inside, pattern) and inside.count("/") == pattern.count("/")
                for pattern in patterns[package]
            ), f"{name} is not in package-data"


def test_constraints_allow_what_is_declared():
    from packaging.requirements import Requirement

    pins = dict(
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line
    )
    pins = {distribution(name): version for name, version in pins.items()}
    for each in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]:
        requirement = Requirement(each)
        assert requirement.specifier.contains(pins[distribution(each)]), each


def test_the_dockerfile_uses_what_exists():
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert (ROOT / "constraints.txt").is_file()
    (script,) = re.findall(r'ENTRYPOINT \["/opt/harness/bin/([\w-]+)"\]', text)
    assert script in PROJECT["scripts"]
