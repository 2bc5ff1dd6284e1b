"""The chat template: rendered with a fixed date and the user's arguments."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from inspect import signature
from typing import Any

from jinja2 import TemplateError

from harness.errors import UsageError
from harness.record.digest import json_sha256
from harness.types import Tokenizer

PLACEHOLDER = "\N{OBJECT REPLACEMENT CHARACTER}turn\N{OBJECT REPLACEMENT CHARACTER}"
"""Stands for a turn's text; neither templates nor users contain it."""
DATE = date(2024, 7, 26)
"""A template's "today" without `model.template_date`: the date that Llama 3's template prints if it
has no clock. Any fixed date would do; prompts must not change from day to day."""
PASSED = ("messages", "strftime_now", "date_string")
"""Names passed to templates besides the parameters of transformers' apply_chat_template."""
DIRECTIVES = "aAbBcdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYzZ"
BROKEN = (
    TemplateError,
    TypeError,
    ValueError,
    LookupError,
    ArithmeticError,
    AttributeError,
)
"""What a broken template raises when it is compiled or rendered."""


@dataclass(frozen=True)
class Template:
    """The settings of a backbone's chat template.

    day: the template's "today"; None for DATE. arguments: JSON of the table `model.template_args`.
    """

    day: date | None = None
    arguments: str = "{}"

    @staticmethod
    def of(day: date | None, arguments: Mapping[str, Any]) -> Template:
        return Template(day, json.dumps(dict(arguments), sort_keys=True))

    @property
    def variables(self) -> dict[str, Any]:
        """The user's arguments, and `date_string` if the user set a date; a template may have its
        own default."""
        dated = {"date_string": self.day.strftime("%d %b %Y")} if self.day else {}
        return {**dated, **json.loads(self.arguments)}

    def dated(self, source: str) -> str:
        """The template with a fixed clock, a macro on a line of its own before it.

        A macro, because transformers passes templates its own `strftime_now` and no other function.
        """
        if "strftime_now" not in source:
            return source
        today, text = self.day or DATE, "format"
        for letter in DIRECTIVES:
            for directive in (f"%-{letter}", f"%{letter}"):
                text += f".replace({directive!r}, {today.strftime(directive)!r})"
        text += ".replace('%%', '%')"
        return f"{{% macro strftime_now(format) %}}{{{{ {text} }}}}{{% endmacro %}}\n{source}"


def with_template(tokenizer: Tokenizer, template: Template) -> Tokenizer:
    """Make `tokenizer` render its chat template with `template`, and return it.

    Raises UsageError for an argument that the chat template does not use, or that the harness sets.
    """
    names, text = sorted(json.loads(template.arguments)), template_source(tokenizer)
    reserved = {*PASSED, *signature(tokenizer.apply_chat_template).parameters}
    for name in names:
        if name in reserved:
            raise UsageError(
                f"model.template_args.{name}: the harness sets {name!r} itself; expected an"
                " argument of the chat template. Leave it out (dates: model.template_date)"
            )
        if text is None or not re.search(rf"\b{re.escape(name)}\b", text):
            problem = "has no such argument" if text else "is missing, so nothing uses it"
            raise UsageError(
                f"model.template_args.{name}: the chat template of"
                f" {tokenizer.name_or_path!r} {problem}; expected a name that it uses, e.g."
                " enable_thinking for Qwen3. Leave it out or correct it"
            )
    tokenizer.harness_template = template
    return tokenizer


def template_source(tokenizer: Tokenizer) -> str | None:
    """The template's text, the one named "default" if there are several; None if there is none."""
    if getattr(tokenizer, "chat_template", None) is None:
        return None
    try:
        text: str = tokenizer.get_chat_template()
    except ValueError as error:
        raise _broken(tokenizer, error) from error
    return text


def render(tokenizer: Tokenizer, turns: Sequence[dict[str, str]], answer: bool = True) -> str:
    """Render `turns` with the chat template; `answer` opens the assistant's turn.

    Raises UsageError with the line of the error if the template is broken.
    """
    template, source = (
        getattr(tokenizer, "harness_template", Template()),
        template_source(tokenizer),
    )
    try:
        text: str = tokenizer.apply_chat_template(
            list(turns),
            chat_template=template.dated(source or ""),
            tokenize=False,
            add_generation_prompt=answer,
            **template.variables,
        )
    except BROKEN as error:
        raise _broken(tokenizer, error) from error
    return text


def _broken(tokenizer: Tokenizer, error: Exception) -> UsageError:
    line, clock = getattr(error, "lineno", None), "strftime_now" in str(tokenizer.chat_template)
    where = f" line {line - clock}" if line else ""
    return UsageError(
        f"chat template of {tokenizer.name_or_path!r}{where}: {type(error).__name__}: {error}\n"
        "  expected  a Jinja template that renders a user's turn and an assistant's after it, with"
        " no system message before them\n"
        "  mend      correct chat_template.jinja (or chat_template in tokenizer_config.json) there,"
        " e.g. give it a system message of its own; arguments that it needs: --set"
        " model.template_args.NAME=VALUE"
    )


def shell(tokenizer: Tokenizer) -> tuple[str, str]:
    """The template's text before and after a user's text, with the assistant's turn opened.

    Raises UsageError if the template omits the user's text.
    """
    rendered = render(tokenizer, [{"role": "user", "content": PLACEHOLDER}])
    before, found, after = rendered.partition(PLACEHOLDER)
    if not found:
        raise UsageError(
            f"chat template of {tokenizer.name_or_path!r} omits the user's text; it"
            f" rendered {rendered[:200]!r}; expected a template for turns of plain text"
        )
    return before, after


def after_answer(tokenizer: Tokenizer, opens: bool = False) -> str:
    """The template's text after an assistant's turn; "" if it omits the turn.

    opens: with the opening of another assistant's turn.
    """
    turns = [{"role": "user", "content": "x"}, {"role": "assistant", "content": PLACEHOLDER}]
    return render(tokenizer, turns, answer=opens).partition(PLACEHOLDER)[2]


def rendered_digest(tokenizer: Tokenizer) -> str:
    """16 hex digits for the rendered template: around a user's text, and after an answer.

    A different template, date or argument that changes no prompt has the same digest.
    """
    parts = (
        [""] if template_source(tokenizer) is None else [*shell(tokenizer), after_answer(tokenizer)]
    )
    return json_sha256(*parts)[:16]


def describe_template(tokenizer: Tokenizer) -> dict[str, Any] | None:
    """For the record: date, arguments and digest of the rendered template; None without one."""
    if template_source(tokenizer) is None:
        return None
    template = getattr(tokenizer, "harness_template", Template())
    return {
        "date": (template.day or DATE).isoformat(),
        "arguments": json.loads(template.arguments),
        "rendered": rendered_digest(tokenizer),
    }
