"""The comparison of runs as a Python object: its facts, its page, a summary for a notebook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.api.paths import path_of, paths_of
from harness.api.runs import Paths, known_from
from harness.engine.quiet import quiet_libraries

if TYPE_CHECKING:
    from harness.reports.render.section import Document


class Comparison(Mapping[str, object]):
    """What `harness compare` reports. As a mapping it is the document of `--json`.

    document: the whole report: sections of text, tables and figures.
    """

    def __init__(self, document: Document) -> None:
        self.document = document

    def __getitem__(self, key: str) -> object:
        return self.document.facts[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.document.facts)

    def __len__(self) -> int:
        return len(self.document.facts)

    @property
    def facts(self) -> dict[str, object]:
        """The JSON document that `harness compare --json` prints."""
        return self.document.facts

    def to_html(self, folder: str | Path) -> Path:
        """Write page, Markdown, JSON, figures and tables into a folder. Returns the page."""
        from harness.reports.render.report_files import PAGE, write_report

        target = path_of(folder, "folder")
        write_report(self.document, target)
        return target / PAGE

    def __repr__(self) -> str:
        return "\n".join([self.document.title, *self.document.sections[0].text])

    def _repr_html_(self) -> str:
        """Verdict and first table."""
        from harness.reports.render.pages import summary_html

        return summary_html(self.document)


def compare(
    runs: Paths,
    *,
    allow_different: bool = False,
    texts: bool = True,
    metric: str | None = None,
    pair: str | None = None,
    plugin: Paths = (),
) -> Comparison:
    """Which method is better, how certain that is, and at what cost.

    runs: runs, or folders of runs.
    allow_different: compare runs that differ in data or decoding; missing texts count as empty.
    texts: show example texts on the page.
    metric: the measure that the verdict is about; by default the runs' first metric.
    pair: "A,B", two systems to show side by side.
    plugin: a file, or several, with the metrics of your own that the runs have.

    Writes nothing. Raises HarnessError if the runs cannot be compared.
    """
    from harness.reports.compare_runs import Options
    from harness.reports.compare_runs import compare as compared

    quiet_libraries()
    known_from(plugin)
    options = Options(allow_different, texts, metric, pair)
    return Comparison(compared(paths_of(runs, "runs"), options))
