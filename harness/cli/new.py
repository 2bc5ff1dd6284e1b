"""harness new-method, new-task, new-metric: a working plugin in one file, with its test."""

from __future__ import annotations

import keyword
import re
import sys
from importlib.machinery import PathFinder
from importlib.resources import files
from pathlib import Path
from string import Template

import typer

from harness.errors import UsageError
from harness.metrics import refuse_column_name
from harness.plugins import refuse_no_python
from harness.registry import NAME, refuse_name, table


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

    Raises UsageError for a name that is taken or no name, and for files that cannot be written.
    """
    usable = NAME.fullmatch(name) and name.isidentifier() and not keyword.iskeyword(name)
    if not usable or name != name.lower():
        raise UsageError(f"new-{kind} got {name!r}; expected a lower-case name like my_{kind}")
    refuse_name(kind, name, f"new-{kind} {name}")
    if name in table(kind):
        raise UsageError(f"a {kind} called {name!r} exists already ({table(kind)[name].origin})")
    if kind == "metric":
        refuse_column_name(name)
    path = out or Path(f"{name}.py")
    test = path.with_name(f"test_{path.name}")
    _refuse_file(path, test)
    words = {
        "name": name,
        "class_name": "".join(part.capitalize() for part in name.split("_")),
        "constant": name.upper(),
        "file": path.name,
        "test_file": test.name,
    }
    texts = {}
    for file, template in ((path, f"{kind}.py.txt"), (test, f"test_{kind}.py.txt")):
        text = files("harness.cli.skeleton").joinpath(template).read_text("utf-8")
        texts[file] = Template(text).substitute(words)
    if class_name := _taken_class(texts[path]):
        raise UsageError(
            f"new-{kind} got {name!r}: its class {class_name} would have a name of Python or of"
            f" what its file imports; expected another, like my_{name}"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    for file, text in texts.items():
        file.write_text(text, encoding="utf-8")
    typer.echo(f"wrote {path} and {test}; next:")
    return path, test


def _refuse_file(path: Path, test: Path) -> None:
    """Raises UsageError for what is no new Python file, and for one that hides another module.

    The folder of a file comes first where modules are looked up: for `python -m` in it, for pytest.
    """
    refuse_no_python("--out", path)
    for file in (path, test):
        if file.exists():
            raise UsageError(f"{file} already exists; choose another --out")
    elsewhere = [place for place in sys.path if Path(place).resolve() != Path.cwd()]
    if path.stem in sys.stdlib_module_names or PathFinder.find_spec(path.stem, elsewhere):
        mend = path.with_name(f"my_{path.name}")
        raise UsageError(
            f"{path} would hide the module {path.stem!r} of Python or of an installed package;"
            f" expected a file of another name: --out {mend}"
        )


def _taken_class(text: str) -> str | None:
    """The first class of a plugin's file whose name is a keyword, or is imported there."""
    imports = " ".join(re.findall(r"^from \S+ import (.+)", text, re.MULTILINE))
    taken = {*keyword.kwlist, *re.findall(r"\w+", imports)}
    classes: list[str] = re.findall(r"^class (\w+)", text, re.MULTILINE)
    return next((each for each in classes if each in taken), None)
