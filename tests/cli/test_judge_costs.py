"""harness judge: what failed, and what all questions cost."""

from __future__ import annotations

import pytest

from tests.support.judge_stub import Stub, fair, pair_reply, served


def test_failures_are_counted_and_asked_again_only_without_a_reply(ask, monkeypatch):
    replies = iter(["no JSON", "I'm sorry, I cannot", pair_reply("3")])
    with served(Stub(lambda prompt: next(replies, None) or fair(prompt))) as stub:
        stub.faults = [None, None, None, 400, "null", 429]
        code, found = ask(stub, "--parallel", "1")
        (cost,) = found["costs"]
        assert code == 1
        assert cost["failures"] == {
            "bad JSON": 2, "refusal": 1, "out of range": 1, "request refused": 1
        }  # fmt: skip
        assert cost["retries"] == {"rate limit": 1}
        assert cost["requests"] == 13
        assert found["pairs"][0]["decided"] < 8
        asked = len(stub.prompts)
        assert ask(stub)[0] == 1  # still without a verdict, and nothing is asked
        assert len(stub.prompts) == asked
        code, found = ask(stub, "--again")
        assert (code, len(stub.prompts) - asked) == (0, 5)
        assert found["costs"][0]["failures"] == {}
        assert found["pairs"][0]["decided"] == 8


def test_costs_are_of_every_time_that_a_question_was_asked(ask):
    with served(Stub(lambda prompt: "no JSON")) as stub:
        stub.faults = [429]
        _, before = ask(stub, of=("rich",))
        assert before["costs"][0]["requests"] == len(stub.prompts) == 9
        stub.opinion = fair
        _, found = ask(stub, "--again", of=("rich",))
        assert len(stub.prompts) == 17
    (cost,) = found["costs"]
    assert (cost["questions"], cost["failures"], cost["evidence"]) == (8, {}, 100)
    assert (cost["requests"], cost["retries"]) == (17, {"rate limit": 1})
    assert (cost["prompt_tokens"], cost["completion_tokens"]) == (1600, 160)
    assert cost["seconds"] > before["costs"][0]["seconds"] > 0


@pytest.mark.parametrize(
    ("without", "counted", "tokens", "shown"),
    [(8, 0, (None, None), ("–", "–")), (6, 2, (200, 20), ("200", "20"))],
)
def test_tokens_that_the_endpoint_does_not_count_are_unknown(
    ask, call, tmp_path, without, counted, tokens, shown
):
    with served(Stub(fair)) as stub:
        stub.faults = ["no usage"] * without
        _, found = ask(stub, of=("rich",))
    (cost,) = found["costs"]
    assert (cost["replies"], cost["counted"]) == (8, counted)
    assert (cost["prompt_tokens"], cost["completion_tokens"]) == tokens
    call("compare", tmp_path / "out", "--out", tmp_path / "report")
    said = f"rich, aspects: the endpoint of tiny counted the tokens of {counted} of 8 replies"
    page = (tmp_path / "report" / "report.md").read_text()
    assert said in page
    (row,) = [line for line in page.splitlines() if line.startswith("| rich | aspects |")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert tuple(cells[6:8]) == shown
