"""Chat templates: errors are located, dates are fixed, arguments are passed."""

import datetime

import pytest

from harness.engine.template import (
    DATE,
    Template,
    describe_template,
    render,
    rendered_digest,
    shell,
    with_template,
)
from harness.engine.text import encode_prompt
from harness.errors import UsageError
from tests.support.chat_templates import CHATML, DATED, THINKING, tokenizer

USER = [{"role": "user", "content": "a lamp"}]

WRONG = {  # template, error message
    "{% if %}": r"line 1: TemplateSyntaxError",
    "{{ raise_exception('System role not supported') }}": "System role not supported",
    "{{ messages[7]['content'] }}": "UndefinedError",
    "{{ 1 // 0 }}": "ZeroDivisionError",
    "{{ messages + 'x' }}": "TypeError",
}


def test_the_clock_changes_no_other_text():
    clock = "{% set now = strftime_now('%-d %B %Y, %A; 100%%') %}"
    for source in ("\n  {% if true %}\n a{% endif %}", "  b\n", "{{ messages[0]['content'] }}\n\n"):
        wanted = render(tokenizer("{% set now = 1 %}" + source), USER)
        assert render(tokenizer(clock + source), USER) == wanted
    assert render(tokenizer(clock + "{{ now }}"), USER) == "26 July 2024, Friday; 100%"


def test_line_numbers_do_not_count_the_clock():
    tok = tokenizer("{{ strftime_now('%d') }}\n{% if %}")
    with pytest.raises(UsageError, match="line 2: TemplateSyntaxError"):
        render(tok, USER)


@pytest.mark.parametrize("template", WRONG)
def test_a_broken_template_is_named_with_its_error(template):
    tok = tokenizer(template)
    tok.name_or_path = "models/odd"
    with pytest.raises(UsageError, match=rf"chat template of 'models/odd'.*{WRONG[template]}"):
        encode_prompt(tok, "a lamp")


def test_a_template_that_omits_the_users_text_is_refused():
    tok = tokenizer("{% for m in messages %}{{ m['content'][0]['text'] }}<eos>{% endfor %}")
    with pytest.raises(UsageError, match="omits the user's text"):
        shell(tok)


def test_several_templates_without_a_default_are_refused():
    tok = tokenizer()
    tok.chat_template = {"a": CHATML, "b": CHATML}
    with pytest.raises(UsageError, match="multiple chat templates with no default"):
        encode_prompt(tok, "a lamp")


class Tomorrow(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime(2031, 5, 6)


def test_a_date_does_not_change_from_day_to_day(monkeypatch):
    from transformers.utils import chat_template_utils

    monkeypatch.setattr(chat_template_utils, "datetime", Tomorrow)
    tok = tokenizer(DATED)
    assert "06 May 2031" in tok.apply_chat_template(USER, tokenize=False)  # reads the clock
    assert render(tok, USER).startswith(f"Today is {DATE:%d %b %Y}.\n")


def test_a_fixed_date_is_printed_either_way():
    tok = with_template(tokenizer(DATED), Template.of(datetime.date(2025, 1, 31), {}))
    assert render(tok, USER).startswith("Today is 31 Jan 2025 (31 Jan 2025).\n")
    assert describe_template(tok)["date"] == "2025-01-31"


def test_arguments_reach_the_template():
    tok = with_template(tokenizer(THINKING), Template.of(None, {"enable_thinking": False}))
    assert render(tok, USER).endswith("assistant\n<think>\n\n</think>\n\n")
    assert describe_template(tok)["arguments"] == {"enable_thinking": False}


@pytest.mark.parametrize(
    ("name", "template", "message"),
    [
        ("enable_thinkin", THINKING, "has no such argument"),
        ("messages", THINKING, "sets 'messages' itself"),
        ("enable_thinking", None, "is missing, so nothing uses it"),
    ],
)
def test_an_unused_argument_is_refused(name, template, message):
    with pytest.raises(UsageError, match=message):
        with_template(tokenizer(template), Template.of(None, {name: 1}))


def test_the_digest_is_of_the_template_as_rendered():
    def digest(template, day=None, **arguments):
        return rendered_digest(with_template(tokenizer(template), Template.of(day, arguments)))

    assert digest(CHATML) == digest("{# a remark #}" + CHATML)
    assert digest(DATED) != digest(CHATML)
    assert digest(DATED) != digest(DATED, datetime.date(2025, 1, 31))
    assert digest(CHATML) == digest(CHATML, datetime.date(2025, 1, 31))
    assert digest(THINKING) != digest(THINKING, enable_thinking=False)
    assert digest(CHATML) != digest(CHATML.replace("<|im_end|>\n", "<|im_end|>"))
    assert digest(None) == digest(None, datetime.date(2025, 1, 31))
    assert describe_template(tokenizer(None)) is None
