"""The chat template: rendered with a pinned date and the user's arguments, digested as rendered."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from inspect import signature
from typing import Any

from jinja2 import TemplateError

from harness.errors import UsageError

MARK = "\N{OBJECT REPLACEMENT CHARACTER}turn\N{OBJECT REPLACEMENT CHARACTER}"
"""Stands for a turn's text; no template and no user writes it."""
DATE = date(2024, 7, 26)
"""What "today" is to a template without `model.template_date`: the date that Llama 3's template
prints where it is given no clock. Any fixed date does; prompts must not change by the day."""
OURS = ("messages", "strftime_now", "date_string")
"""Names that templates are given besides the parameters of transformers' apply_chat_template."""
DIRECTIVES = "aAbBcdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYzZ"
BROKEN = (TemplateError, TypeError, ValueError, LookupError, ArithmeticError, AttributeError)
"""What a wrong template raises while it is compiled or rendered."""


@dataclass(frozen=True)
class Template:
    """What the settings add to a backbone's chat template.

    day: what "today" is, None for DATE. arguments: JSON of the table `model.template_args`.
    """

    day: date | None = None
    arguments: str = "{}"

    @staticmethod
    def of(day: date | None, arguments: Mapping[str, Any]) -> Template:
        return Template(day, json.dumps(dict(arguments), sort_keys=True))

    @property
    def variables(self) -> dict[str, Any]:
        """The user's arguments. `date_string` is given only with a date of the user's: without it
        a template keeps its own."""
        dated = {"date_string": self.day.strftime("%d %b %Y")} if self.day else {}
        return {**dated, **json.loads(self.arguments)}

    def dated(self, source: str) -> str:
        """The template with a clock that stands still, on a line of its own before it.

        transformers lends templates its own `strftime_now`, and passes them no functions.
        """
        if "strftime_now" not in source:
            return source
        today, text = self.day or DATE, "format"
        for letter in DIRECTIVES:
            for directive in (f"%-{letter}", f"%{letter}"):
                text += f".replace({directive!r}, {today.strftime(directive)!r})"
        text += ".replace('%%', '%')"
        return f"{{% macro strftime_now(format) %}}{{{{ {text} }}}}{{% endmacro %}}\n{source}"


def with_template(tokenizer: Any, template: Template) -> Any:
    """`tokenizer`, which from here on renders its chat template with `template`.

    Raises UsageError for an argument that the template does not read, or that every template has.
    """
    names, text = sorted(json.loads(template.arguments)), template_source(tokenizer)
    ours = {*OURS, *signature(tokenizer.apply_chat_template).parameters}
    for name in names:
        if name in ours:
            raise UsageError(
                f"model.template_args.{name}: the harness passes {name!r} itself; expected an"
                " argument of the template's own. Leave it out (dates: model.template_date)"
            )
        if text is None or not re.search(rf"\b{re.escape(name)}\b", text):
            what = "reads no such argument" if text else "is missing, so nothing reads it"
            raise UsageError(
                f"model.template_args.{name}: the chat template of"
                f" {tokenizer.name_or_path!r} {what}; expected a name that stands in it, e.g."
                " enable_thinking for Qwen3. Leave it out or correct it"
            )
    tokenizer.harness_template = template
    return tokenizer


def template_source(tokenizer: Any) -> str | None:
    """The template's text; where there are several, the one called "default". None for none."""
    if getattr(tokenizer, "chat_template", None) is None:
        return None
    try:
        text: str = tokenizer.get_chat_template()
    except ValueError as error:
        raise _broken(tokenizer, error) from error
    return text


def render(tokenizer: Any, turns: Sequence[dict[str, str]], answer: bool = True) -> str:
    """The chat template's text; `answer` opens the assistant's turn.

    Raises UsageError with the template's place for whatever is wrong with it.
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


def _broken(tokenizer: Any, error: Exception) -> UsageError:
    line, clock = getattr(error, "lineno", None), "strftime_now" in str(tokenizer.chat_template)
    where = f" line {line - clock}" if line else ""
    return UsageError(
        f"chat template of {tokenizer.name_or_path!r}{where}: {type(error).__name__}: {error}\n"
        "  expected  a Jinja template that renders a user's turn and an assistant's after it\n"
        "  mend      correct chat_template.jinja (or chat_template in tokenizer_config.json) there;"
        " arguments that it asks for: --set model.template_args.NAME=VALUE"
    )


def shell(tokenizer: Any) -> tuple[str, str]:
    """What the template writes before and after a user's text, the assistant's turn opened.

    Raises UsageError where it leaves the text out.
    """
    whole = render(tokenizer, [{"role": "user", "content": MARK}])
    before, found, after = whole.partition(MARK)
    if not found:
        raise UsageError(
            f"chat template of {tokenizer.name_or_path!r} leaves out what the user says; it"
            f" rendered {whole[:200]!r}; expected a template for turns of plain text"
        )
    return before, after


def after_answer(tokenizer: Any) -> str:
    """What the template writes after an assistant's turn; "" where the turn is not found in it."""
    turns = [{"role": "user", "content": "x"}, {"role": "assistant", "content": MARK}]
    return render(tokenizer, turns, answer=False).partition(MARK)[2]


def rendered_digest(tokenizer: Any) -> str:
    """Sixteen hex of the template as rendered: around a user's text, and after an answer.

    Another template, date or argument that changes no prompt has the same digest.
    """
    parts = (
        [""] if template_source(tokenizer) is None else [*shell(tokenizer), after_answer(tokenizer)]
    )
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def describe_template(tokenizer: Any) -> dict[str, Any] | None:
    """What a record says of the template: date, arguments, digest as rendered. None for none."""
    if template_source(tokenizer) is None:
        return None
    template = getattr(tokenizer, "harness_template", Template())
    return {
        "date": (template.day or DATE).isoformat(),
        "arguments": json.loads(template.arguments),
        "rendered": rendered_digest(tokenizer),
    }
