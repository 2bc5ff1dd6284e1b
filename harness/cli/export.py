"""harness export: runs in the formats of other tools."""

from __future__ import annotations

from pathlib import Path

from harness.cli.jobs import plugins
from harness.cli.screen import screen
from harness.errors import counted
from harness.exports import formats


def export(
    runs: list[Path],
    /,
    to: str,
    out: Path,
    no_texts: bool = False,
    floors: bool = False,
    plugin: list[Path] | None = None,
) -> None:
    """Write runs in the format of another tool. Unfinished runs are left out.

    Args:
        runs (RUN): runs, or folders of runs
        to (FORMAT): FORMATS; eee is Every Eval Ever
        out: file or folder to write
        no_texts: leave out all texts, for data that must not be published
        floors: export the floors too
    """
    plugins(plugin)
    from harness.exports import Source, described, exportable, remarks
    from harness.exports import export as write
    from harness.record import find_runs, read_record

    found = [Source(folder, read_record(folder), not no_texts) for folder in find_runs(runs)]
    chosen = [one for one in found if floors or one.record.kind != "floor"]
    files = write(to, chosen, out)
    done = sum(exportable(to, one) for one in chosen)
    console = screen()
    console.print(f"{described(to)}", style="dim")
    written = f"{counted(done, 'run')} in {counted(len(files), 'file')}"
    console.print(f"{written}: {out}", soft_wrap=True)
    for line in remarks(to, out):
        console.print(line, style="yellow", soft_wrap=True, markup=False)
    if done < len(chosen):
        console.print(f"{len(chosen) - done} not finished, left out", style="yellow")


export.__doc__ = (export.__doc__ or "").replace("FORMATS", ", ".join(formats()))
