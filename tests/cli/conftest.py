"""A small run from the command line; two systems of texts; the file of a sweep."""

import json

import pytest

from tests.support.command_line import SMALL
from tests.support.sweep_files import FILE


@pytest.fixture
def run(call, tmp_path, reviews, backbone):
    def go(method="rag", *words):
        options = ["--data", reviews, "--backbone", backbone, "--out", tmp_path / "out", *SMALL]
        return call("run", "--method", method, *options, *words)

    return go


@pytest.fixture
def runs(call, tmp_path, reviews):
    """Two systems of 8 texts: `rich` has the word that the judge likes in 6 of them, `poor` in 2.

    They share no such text, and the last two texts are equal.
    """
    _, out, _ = call("list", "examples", "--data", reviews, "--json")
    ids = [one["id"] for one in json.loads(out)]
    folders = {}
    for name, good in (("rich", range(6)), ("poor", range(6, 6))):
        path = tmp_path / f"{name}.jsonl"
        rows = [
            {"id": key, "output": "same" if at > 5 else f"{name} {'good' if at in good else 'bad'}"}
            for at, key in enumerate(ids)
        ]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        options = ["--data", reviews, "--task", "product_review", "--metrics", "rouge1", "--name",
                   name, "--out", tmp_path / "out", "--set", "eval.floors=false"]  # fmt: skip
        assert call("score", path, *options)[0] == 0
        (folder,) = (tmp_path / "out" / "product_review" / name).glob("s0-*")
        folders[name] = folder
    return folders


@pytest.fixture
def ask(call, runs):
    """Ask a stub about both runs; returns exit code and JSON."""

    def go(stub, *words, of=("rich", "poor")):
        options = ["--judge", f"{stub.url}#tiny", "--json", "--timeout", "5", *words]
        code, out, err = call("judge", *(runs[name] for name in of), *options)
        return code, json.loads(out)["product_review"]["judged"] if out else err

    return go


@pytest.fixture
def written(tmp_path, reviews, backbone):
    """Writes the file of a sweep."""

    def go(text=FILE):
        path = tmp_path / "sweep.toml"
        filled = text.replace("{out}", str(tmp_path / "out")).replace("{data}", str(reviews))
        path.write_text(filled.replace("{backbone}", str(backbone)))
        return path

    return go
