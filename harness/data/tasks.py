"""LongLaMP's tasks as data: row models, prompt strings, and texts for retrieval.

Prompt strings are the benchmark's and are used unchanged (Kumar et al. 2024, arXiv:2407.11016,
and its published code). A plugin's task is another instance of `Task`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from string import Formatter

from harness.data.row_models import AbstractRow, EmailRow, ReviewRow, RowModel, TopicRow
from harness.errors import UsageError
from harness.types import Entry

NUMBERED_ITEMS = re.compile(r"\s1\.\s")


def first_words(text: str) -> str:
    """The first words of the email in its input: what follows the subject, else the first colon;
    all of the input if nothing does.

    A subject may contain a colon too, as "Re: Lunch" does.
    """
    _, subject, begins = text.rpartition('" that begins:')
    return (begins if subject else text.partition(":")[2]).strip() or text


def before_items(text: str) -> str:
    """The input up to its numbered items, `1. … 2. …`; all of it if it has none.

    A title may contain "1." too, so the list after "items:" is tried first.
    """
    match = re.search(r"items:\s*1\.\s", text) or NUMBERED_ITEMS.search(text)
    if match is None:
        return text
    return text[: text.index("1.", match.start())].rstrip()


def _names_in(template: str) -> list[str]:
    """What a template has in braces. Raises ValueError where its braces do not match."""
    return [name for _, name, _, _ in Formatter().parse(template) if name is not None]


@dataclass(frozen=True)
class Task:
    """Everything that differs between tasks. Templates name an entry's fields in braces.

    Raises UsageError for a field that rows lack, and for a template that cannot be filled.
    """

    name: str
    user: str
    """The row's field that names its user."""
    row: type[RowModel]
    entry: str
    """Prompt template of one profile entry."""
    body: str
    """The entry's long field, which is shortened if not even one entry fits the budget."""
    instruction: str
    """The text between the joined entries and the input."""
    document: str
    """Template of the text that retrieval compares with the query."""
    query: Callable[[str], str] = str
    """The part of the input that retrieval searches with; by default all of it."""
    request: str | None = None
    """Template of the input that an entry could be the answer to, for methods that train on
    profiles."""
    separator: str = ", and "
    author_files: bool = False
    """Whether rows can also be made from a folder with a file an author (`harness.data.emails`)."""
    body_words: int | None = None
    """If set, prompts show only this many words of the body, joined by single spaces."""

    def __post_init__(self) -> None:
        of_row = f"a field of {self.row.__name__}: {', '.join(self.row.model_fields)}"
        of_entry = f"a field of its profile's entries: {', '.join(self.fields)}"
        if self.user not in self.row.model_fields:
            raise self._wrong(f"user = {self.user!r}", of_row)
        if self.body not in self.fields:
            raise self._wrong(f"body = {self.body!r}", of_entry)
        for what in ("entry", "document", "request"):
            template = getattr(self, what) or ""
            try:
                shown = _names_in(template)
                if not set(shown) - set(self.fields):  # a format may still be wrong: {year:d}
                    template.format_map(dict.fromkeys(self.fields, ""))
            except (ValueError, LookupError) as error:
                expected = "text with an entry's fields in braces, other braces doubled"
                raise self._wrong(f"{what} = {template!r}: {error}", expected) from None
            for name in shown:
                if name not in self.fields:
                    raise self._wrong(f"{what} shows {name!r}", of_entry)

    def _wrong(self, found: str, expected: str) -> UsageError:
        return UsageError(f"task {self.name!r}: {found}; expected {expected}")

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The names of an entry's fields, in the order of its model."""
        inner = self.row.model_fields["profile"].annotation.__args__[0]  # type: ignore[union-attr]
        return tuple(inner.model_fields)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The fields that a prompt shows, in which a target could leak."""
        return tuple(dict.fromkeys(_names_in(self.entry)))

    def phrase(self, entry: Entry) -> str:
        """The entry as the prompt shows it."""
        return self.entry.format_map({**entry, self.body: self.shown(entry)})

    def shown(self, entry: Entry) -> str:
        """The entry's body as the prompt shows it."""
        if self.body_words is None:
            return entry[self.body]
        return " ".join(entry[self.body].split()[: self.body_words])

    def retrieved(self, entry: Entry) -> str:
        """The entry as retrieval sees it."""
        return self.document.format_map(entry)

    def prompt(self, phrases: Iterable[str], text: str) -> str:
        """Phrased entries, instruction, input. Without entries, the input alone."""
        joined = self.separator.join(phrases)
        return f"{joined}{self.instruction}{text}" if joined else text


PRODUCT_REVIEW = Task(
    name="product_review",
    user="reviewerId",
    row=ReviewRow,
    entry='"{overall}" is a rating for the product with description "{description}". '
    '"{summary}" is summary for "{reviewText}" ',
    body="reviewText",
    instruction=". Following the given patterns ",
    document="{overall} {summary} {description} {reviewText}",
    request="Generate the review text written by a reviewer who has a given an overall rating of"
    ' "{overall}" for a product with description "{description}". The summary of the review text is'
    ' "{summary}".',
)
"""A user's next product review, from the product and a rating."""

ABSTRACT_GENERATION = Task(
    name="abstract_generation",
    user="name",
    row=AbstractRow,
    entry='"{abstract}" is the abstract for the title "{title}"',
    body="abstract",
    body_words=750,
    instruction=". Use the above abstracts as context to understand the style and language"
    " of the user and, ",
    document="{title} {abstract}",
    request='Generate an abstract for the title "{title}"',
    query=before_items,
)
"""A researcher's next abstract, from its title."""

TOPIC_WRITING = Task(
    name="topic_writing",
    user="author",
    row=TopicRow,
    entry='"{summary}" is a summary for "{content}" ',
    body="content",
    instruction=". Following the given patterns, ",
    document="{summary} {content}",
    request='Generate the content for a reddit post "{summary}"',
)
"""A user's next forum post, from its summary."""

EMAIL_GENERATION = Task(
    name="email_generation",
    user="author",
    row=EmailRow,
    entry='"{title}" is the title for "{text}" ',
    body="text",
    instruction=". ",
    document="{text}",
    query=first_words,
    author_files=True,
)
"""The rest of a user's email, from its subject and first words; bring your own emails."""
