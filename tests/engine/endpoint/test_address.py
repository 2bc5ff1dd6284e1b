"""The names of models behind an API."""

import pytest

from harness.engine.endpoint.address import Address, address_of
from harness.engine.locate import locate
from harness.errors import UsageError

CHAT = "http://h:8000/v1/chat/completions"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("openai:http://h:8000/v1#a/b", Address(CHAT, "a/b", chat=True)),
        ("openai:http://h:8000/v1/#a/b", Address(CHAT, "a/b", chat=True)),
        (f"openai:{CHAT}#m", Address(CHAT, "m", chat=True)),
        ("openai:https://h/v1/completions#m", Address("https://h/v1/completions", "m", chat=False)),
    ],
)
def test_a_url_is_a_base_or_names_its_endpoint(name, expected):
    assert address_of(name) == expected


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("openai:http://h/v1", "expected openai:URL#MODEL"),
        ("openai:#m", "expected openai:URL#MODEL"),
        ("openai:ftp://h/v1#m", "expected openai:URL#MODEL"),
        ("openai:http://h:x/v1#m", "expected openai:URL#MODEL"),
        ("openai:http://me:secret@h/v1#m", "a URL with a user, a password or a query"),
        ("openai:http://h/v1?key=secret#m", "a URL with a user, a password or a query"),
    ],
)
def test_other_names_are_refused_without_repeating_a_secret(name, message):
    with pytest.raises(UsageError, match=message) as refused:
        address_of(name)
    assert "secret" not in str(refused.value)


def test_a_model_behind_an_api_has_no_weights():
    with pytest.raises(UsageError, match="gives texts, not weights"):
        locate("openai:http://h/v1#m")
