"""examples/quickstart.ipynb runs, and shows what it showed when it was made."""

import ast
import json
import re
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[2] / "examples" / "quickstart.ipynb"
CELLS = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
CODE = [cell for cell in CELLS if cell["cell_type"] == "code"]


def run_cell(source, names):
    """Run a cell as a notebook does; the value of its last expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else None


def shape(html):
    """Heads of columns and number of rows of all tables in a piece of HTML."""
    heads = re.findall(r"<thead>.*?</thead>", html, re.DOTALL)
    return [re.findall(r"<th>(.*?)</th>", head) for head in heads], html.count("<tr")


def test_every_cell_was_run_in_order():
    assert [cell["execution_count"] for cell in CODE] == list(range(1, len(CODE) + 1))
    assert all(cell["id"] for cell in CELLS)


def test_no_output_is_an_error_or_names_a_folder_of_its_maker():
    for cell in CODE:
        assert "error" not in [output["output_type"] for output in cell["outputs"]]
        assert "stream" not in [output["output_type"] for output in cell["outputs"]]
    text = NOTEBOOK.read_text("utf-8")
    assert not re.search(r"/(?:home|work|tmp|root|Users)/", text)


@pytest.mark.slow
def test_its_cells_run_and_show_what_they_showed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for cell in CODE:
        value = run_cell("".join(cell["source"]), names)
        stored = [out["data"] for out in cell["outputs"] if out["output_type"] == "execute_result"]
        assert len(stored) == (value is not None)
        if value is None:
            continue
        (kept,) = stored
        html = "".join(kept.get("text/html", ""))
        assert bool(html) == hasattr(value, "_repr_html_")
        if html:
            assert shape(value._repr_html_()) == shape(html)
        else:
            assert repr(value) == "".join(kept["text/plain"])
    assert (tmp_path / "report" / "index.html").is_file()
