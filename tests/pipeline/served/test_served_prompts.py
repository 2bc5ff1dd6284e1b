"""What a server's template does to prompts and texts, as far as the run knows the template."""

import shutil

import pytest

from harness.record import read_predictions
from tests.support.api_server import chat_reply, serving, text_reply
from tests.support.runs import go
from tests.support.saved_backbones import TEMPLATE

THOUGHTS = "The user likes lamps, so I should mention that"


@pytest.fixture
def thinking(backbone, tmp_path):
    """A tokenizer whose template opens a block, as DeepSeek-R1's does."""
    folder = tmp_path / "thinking"
    shutil.copytree(backbone, folder)
    opening = TEMPLATE.replace("assistant\n", "assistant\n<think>\n")
    (folder / "chat_template.jinja").write_text(opening)
    return folder


@pytest.mark.parametrize(
    ("reply", "end", "expected"),
    [
        (text_reply(THOUGHTS, "length"), "/completions", ("", THOUGHTS, True)),
        (chat_reply(THOUGHTS, "length"), "", ("", THOUGHTS, True)),
        (chat_reply("a</think>\n\nGood."), "", ("Good.", "a</think>", False)),
        # the server took the block out
        (chat_reply("Good.", reasoning_content="a"), "", ("Good.", "a", False)),
    ],
    ids=["completions", "chat", "closed", "taken out"],
)
def test_a_block_that_the_template_opens_is_no_text(
    tmp_path, reviews, thinking, reply, end, expected
):
    words = (f"model.tokenizer={thinking}", 'decode.strip=["think"]', "eval.lift=[]")
    with serving(lambda body: reply) as server:
        done = go(tmp_path, reviews, f"openai:{server.url}{end}#tiny", "rag", *words)
    text = next(iter(read_predictions(done.folder)))
    assert (text.output, text.reasoning, text.unclosed) == expected
    assert done.record.inference.unclosed_reasoning == (8 if expected[2] else 0)


def test_a_date_reaches_the_servers_template(tmp_path, reviews):
    words = ("model.template_date=2025-01-31", "model.template_args.thinks=false", "eval.lift=[]")
    with serving(lambda body: chat_reply("text")) as server:
        go(tmp_path, reviews, f"openai:{server.url}#tiny", "rag", *words)
    expected = {"date_string": "31 Jan 2025", "thinks": False}
    assert all(body["chat_template_kwargs"] == expected for body in server.requests)
