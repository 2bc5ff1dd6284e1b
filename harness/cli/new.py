"""harness new-method, new-task, new-metric: a working plugin in one file, with its test."""

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
    path, _ = _written("method", name, out)
    typer.echo(f"  harness check-method {path}")
    typer.echo(f"  harness run --method {name} --plugin {path}")


def new_task(name: str, /, out: Path | None = None) -> None:
    """Write a working task as a starting point, with its test.

    Args:
        name: lower-case name, e.g. my_task
        out: file to write; default NAME.py
    """
    path, test = _written("task", name, out)
    typer.echo(f"  python -m pytest {test}")
    typer.echo(f"  harness run --method rag --task {name} --data DIR --plugin {path}")


def new_metric(name: str, /, out: Path | None = None) -> None:
    """Write a working metric as a starting point, with its test.

    Args:
        name: lower-case name, e.g. my_metric
        out: file to write; default NAME.py
    """
    path, test = _written("metric", name, out)
    typer.echo(f"  python -m pytest {test}")
    typer.echo(f"  harness run --method rag --plugin {path} --set eval.metrics=bleu,{name}")


def _written(kind: str, name: str, out: Path | None) -> tuple[Path, Path]:
    """The file of a plugin and its test, written from the skeletons of its kind.

    Raises UsageError for a name that is taken or no name, and for files that exist.
    """
    if not name.isidentifier() or keyword.iskeyword(name) or name != name.lower():
        raise UsageError(f"new-{kind} got {name!r}; expected a lower-case name like my_{kind}")
    if name in table(kind):
        raise UsageError(f"a {kind} called {name!r} exists already ({table(kind)[name].origin})")
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
        "constant": name.upper(),
        "file": path.name,
        "test_file": test.name,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    for file, template in ((path, f"{kind}.py.txt"), (test, f"test_{kind}.py.txt")):
        text = files("harness.cli.skeleton").joinpath(template).read_text("utf-8")
        file.write_text(Template(text).substitute(words), encoding="utf-8")
    typer.echo(f"wrote {path} and {test}; next:")
    return path, test
