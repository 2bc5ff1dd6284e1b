"""README's results, docs/findings.md and the costs in docs/methods.md, from published records.

The pages are templates (`benchmarks/pages`) without numbers of their own: each number is looked up
in the comparison of the records, and a sentence that says more than a number states its condition
with `given`. A page whose condition is no longer true cannot be written.

    python -m benchmarks.findings compare    records → results/published/comparisons, 30 s a study
    python -m benchmarks.findings write      comparisons → the pages
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from math import ceil
from pathlib import Path

import jinja2

from benchmarks.findings_study import PUBLISHED, ROOT, Interval, Study, inspections, trials
from harness.inputs.digests import file_sha256
from harness.record import find_runs
from harness.reports.render import numbers

PAGES = ROOT / "benchmarks" / "pages"
MEMORISED = ROOT / "benchmarks" / "figures" / "memorised.json"
"""What SmolLM2 completes of the references that it is tried on (`benchmarks.memorised`)."""
GATES = ROOT / "benchmarks" / "figures" / "gates.json"
"""Study → run → the trained gate on its thoughts, and the fingerprint of the run's weights."""
STUDIES: Mapping[str, tuple[str, ...]] = {
    "mini": ("mini",),
    "ablations": ("ablations",),
    "methods": (
        "methods",
        "mini/product_review/rag",
        "ablations/product_review/sft",
        "ablations/product_review/flythinker/s*-4676df02f4ef",
    ),
    "smollm2": ("smollm2",),
    "reviews": tuple(
        f"reviews/product_review/{name}"
        for name in (
            "nonpers",
            "rag",
            "sft/s*-2ec5906f64e6",
            "flythinker/s*-475d20b577dd",
            "floor-*",
        )
    ),
    "reviews_arms": ("reviews",),
    "smollm2_gate": (
        "smollm2-gate",
        "smollm2/product_review/sft",
        "smollm2/product_review/flythinker",
    ),
}
"""Study → its folders of published records, below PUBLISHED; `*` as in a shell."""

THOUGHTS = "reviews-thoughts"
"""flythinker trained again, because the weights of the study's runs were not kept, and its
inspection."""


class NoLongerTrueError(Exception):
    """A sentence whose condition the records do not meet."""


def given(condition: bool, claim: str) -> str:
    """ "" if the condition holds. Raises NoLongerTrueError with the claim otherwise."""
    if not condition:
        raise NoLongerTrueError(claim)
    return ""


def folders(name: str) -> list[Path]:
    """The folders of a study, from the repository's root."""
    found = [place for pattern in STUDIES[name] for place in sorted(PUBLISHED.glob(pattern))]
    return [place.relative_to(ROOT) for place in found]


def digests(name: str) -> dict[str, str]:
    """Path of each record of a study, from the repository's root → its sha256."""
    found = (run / "record.json" for run in find_runs([ROOT / one for one in folders(name)]))
    return {str(path.relative_to(ROOT)): file_sha256(path) for path in sorted(found)}


def stored(name: str) -> Path:
    """File of a study's comparison."""
    return PUBLISHED / "comparisons" / f"{name}.json"


def compare_records(name: str) -> None:
    """Write a study's comparison, with the digests of the records that it is made from."""
    from harness.reports.compare_runs import Options, compare

    (board,) = compare(folders(name), Options(texts=False)).facts["boards"]
    document = {"records": digests(name), "facts": board}
    stored(name).parent.mkdir(exist_ok=True)
    stored(name).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")


def studies() -> dict[str, Study]:
    """Every stored comparison."""
    return {
        name: Study(name, json.loads(stored(name).read_text("utf-8"))["facts"]) for name in STUDIES
    }


def environment() -> jinja2.Environment:
    """Templates with the numbers' formats; an unknown name is an error."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGES), undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    filters: dict[str, Callable[..., str]] = {
        "estimate": numbers.estimate,
        "entry": lambda found, digits: numbers.estimate(Interval.of(found), digits),
        "number": numbers.figure,
        "above": lambda value, digits: numbers.figure(
            ceil(value * 10**digits) / 10**digits, digits
        ),
        "seconds": numbers.seconds,
        "positions": lambda values, digits: " · ".join(numbers.figure(x, digits) for x in values),
    }
    made.filters |= filters
    memorised = json.loads(MEMORISED.read_text("utf-8"))["tasks"]
    runs = json.loads(GATES.read_text("utf-8"))
    gates = {study: [one["gate"] for one in each.values()] for study, each in runs.items()}
    tried = trials(PUBLISHED / "reviews-choices")
    (thinker,) = trials(PUBLISHED / THOUGHTS)
    inspected = inspections(PUBLISHED / "reviews") | inspections(PUBLISHED / THOUGHTS)
    made.globals |= {"given": given, "memorised": memorised, "gates": gates, "tried": tried}
    made.globals |= {"inspected": inspected, "thinker": thinker}
    return made


def pages() -> dict[Path, str]:
    """Each page as it follows from the records. Two are their own text around the results."""
    made, found = environment(), studies()
    texts = {page: made.get_template(page).render(found) for page in ("results.md", "costs.md")}
    return {
        ROOT / "README.md": _within(ROOT / "README.md", texts["results.md"]),
        ROOT / "docs" / "methods.md": _within(ROOT / "docs" / "methods.md", texts["costs.md"]),
        ROOT / "docs" / "findings.md": made.get_template("findings.md").render(found),
    }


def _within(page: Path, results: str) -> str:
    """The page with these results between its marks."""
    start, end = "<!-- results: benchmarks/findings.py -->\n", "<!-- end of results -->\n"
    before, rest = page.read_text("utf-8").split(start)
    return before + start + results + end + rest.split(end)[1]


def main(words: list[str]) -> None:
    """The two steps."""
    if words[:1] == ["compare"]:
        for name in words[1:] or STUDIES:
            compare_records(name)
    elif words == ["write"]:
        for path, text in pages().items():
            path.write_text(text, "utf-8")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
