"""harness new-method: a working method in one file, with its test."""

from __future__ import annotations

import keyword
from importlib.resources import files
from pathlib import Path
from string import Template

import typer

from harness.errors import UsageError
from harness.registry import table


def new_method(name: str, /, out: Path | None = None) -> None:
    """Write a working method as a starting point, with its test.

    Args:
        name: lower-case name, e.g. my_method
        out: file to write; default NAME.py
    """
    if not name.isidentifier() or keyword.iskeyword(name) or name != name.lower():
        raise UsageError(f"new-method got {name!r}; expected a lower-case name like my_method")
    if name in table("method"):
        raise UsageError(
            f"a method called {name!r} exists already ({table('method')[name].origin})"
        )
    path = out or Path(f"{name}.py")
    if path.suffix != ".py":
        raise UsageError(f"--out {path}: expected a Python file, name.py")
    test = path.with_name(f"test_{path.name}")
    for file in (path, test):
        if file.exists():
            raise UsageError(f"{file} already exists; choose another --out")
    words = {
        "name": name,
        "class_name": "".join(part.capitalize() for part in name.split("_")),
        "file": path.name,
        "test_file": test.name,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    for file, template in ((path, "method.py.txt"), (test, "test_method.py.txt")):
        text = files("harness.cli.skeleton").joinpath(template).read_text("utf-8")
        file.write_text(Template(text).substitute(words), encoding="utf-8")
    typer.echo(f"wrote {path} and {test}; next:")
    typer.echo(f"  harness check-method {path}")
    typer.echo(f"  harness run --method {name} --plugin {path}")
