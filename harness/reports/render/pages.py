"""A document as one HTML page that opens from disk and requests nothing; as Markdown.

The page's one script sorts and filters its tables; the page says all that it says without it. No
other script can run: the page's policy names the hash of this one.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from harness.reports.render.markdown import plain, table_as_markdown
from harness.reports.render.plots.images import inline_svg
from harness.reports.render.plots.panels import caption_of
from harness.reports.render.section import Document


def to_html(document: Document) -> str:
    """The page, with everything from records and texts escaped."""
    drawn = [picture for section in document.sections for picture in section.pictures]
    captions = {picture.name: caption_of(picture.drawing) for picture in drawn}
    pictures = {
        picture.name: inline_svg(picture.drawing, picture.alt, picture.file) for picture in drawn
    }
    return page("report", document.title, document=document, pictures=pictures, captions=captions)


def page(kind: str, title: str, **values: object) -> str:
    """One page that opens from disk and requests nothing; only its own script can run.

    kind: of the templates `{kind}.html` and `{kind}.js`, and `{kind}.css` above report.css.
    title: of the page.
    values: of the template.
    """
    styles = dict.fromkeys(("report.css", f"{kind}.css"))
    script = source_of_template(f"{kind}.js")
    digest = hashlib.sha256(script.encode()).digest()
    return environment(escape=True).get_template(f"{kind}.html").render(
        title=title,
        css="".join(map(source_of_template, styles)),
        script=script,
        script_sha256=base64.b64encode(digest).decode(),
        **values,
    )  # fmt: skip


def summary_html(document: Document) -> str:
    """The verdict, its table and the warnings as a piece of HTML, for a notebook."""
    ungrouped = tuple(table.ungrouped() for table in document.sections[0].tables)
    summary = replace(document.sections[0], tables=ungrouped)
    template = environment(escape=True).get_template("summary.html")
    return template.render(document=document, summary=summary)


def to_markdown(document: Document) -> str:
    """The report as GitHub-flavoured Markdown; pictures are links into figures/."""
    pages = environment(escape=False)
    pages.filters |= {"plain": plain, "grid": table_as_markdown}
    return pages.get_template("report.md").render(document=document).rstrip() + "\n"


def source_of_template(name: str) -> str:
    """A template as it is stored, e.g. a page's styles or script."""
    return (files("harness.reports.render") / "templates" / name).read_text(encoding="utf-8")


def environment(escape: bool) -> Environment:
    """Jinja's environment of the templates; `escape` for HTML."""
    return Environment(
        loader=PackageLoader("harness.reports.render", "templates"),
        autoescape=escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
