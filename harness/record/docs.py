"""docs/record.md from the dataclasses: `python -m harness.record.docs docs/record.md`."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from harness.record import costs, estimates, examples, schema, sources, views
from harness.record import inputs as known

HEAD = """# record.json, field by field

`results/<task>/<method>/<run_id>/record.json` is what a run leaves besides its texts
(`predictions.jsonl`). This page is made from the dataclasses of `harness/record/`:
`python -m harness.record.docs docs/record.md`. `read_record` reads this schema and every earlier
one; an unknown field or a wrong type is an error that names the file and the field.

Since schema 4, the file's last field is `checksum`: the sha256 of all others. A record whose values
are not those of its checksum is damaged. `harness run` makes it again, and every other command
refuses it. If you edit a record on purpose, remove that field.
"""
FILES = (schema, sources, known, costs, estimates, views, examples)
"""In the order of the page."""
ALIASES = {"Gains": "Mapping[str, Mapping[str, float | None]]"}


def page() -> str:
    """The whole page: a table of fields for each dataclass."""
    return "\n".join([HEAD, *(section(kind) for file in FILES for kind in kinds(file))])


def kinds(file: object) -> Iterator[type]:
    """The dataclasses that a module defines, in its order."""
    for kind in vars(file).values():
        if not isinstance(kind, type):
            continue
        stored = hasattr(kind, "__pydantic_config__")
        own = getattr(kind, "__module__", None) == getattr(file, "__name__", None)
        if stored and own and dataclasses.is_dataclass(kind):
            yield kind


def section(kind: type) -> str:
    """A heading, the class's docstring, and a row for each field that it adds to its bases."""
    bases = [base.__name__ for base in kind.__bases__ if dataclasses.is_dataclass(base)]
    also = f" With the fields of {' and '.join(map(_link, bases))}." if bases else ""
    lines = [f"## {kind.__name__}", _one_line(inspect.getdoc(kind) or "") + also, ""]
    rows = [
        f"| `{name}` | {_types(of)} | {_one_line(meaning)} |" for name, of, meaning in fields(kind)
    ]
    if rows:
        lines += ["| field | type | meaning |", "|---|---|---|", *rows, ""]
    return "\n".join(lines)


def fields(kind: type) -> Iterator[tuple[str, str, str]]:
    """Name, type as written, and the docstring below each field. Raises ValueError without one."""
    (body,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(body, ast.ClassDef)
    after = [*body.body[1:], None]
    for line, below in zip(body.body, after, strict=True):
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            text = below.value if isinstance(below, ast.Expr) else None
            if not isinstance(text, ast.Constant) or not isinstance(text.value, str):
                raise ValueError(f"{kind.__name__}.{line.target.id}: expected a docstring below it")
            yield line.target.id, ast.unparse(line.annotation), text.value


def _types(text: str) -> str:
    """A Python type in JSON's words, with links to the dataclasses of this page."""
    known = {kind.__name__ for file in FILES for kind in kinds(file)}
    for name, spelled in ALIASES.items():
        text = text.replace(name, spelled)
    while "Mapping[" in text:
        text = re.sub(r"Mapping\[str, (.*)\]", r"name → \1", text, count=1)
    text = re.sub(r"tuple\[(.*?), \.\.\.\]", r"list of \1", text)
    text = text.replace(" | None", " or null").replace("|", "or")
    text = text.replace("[", "(").replace("]", ")")
    text = text.replace("or null or null", "or null")
    return re.sub(r"\w+", lambda m: _link(m[0]) if m[0] in known else m[0], text)


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
