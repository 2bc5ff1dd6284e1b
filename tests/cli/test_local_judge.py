"""harness judge: a model on this machine."""

import json
import re

from harness.record.judged import judgings_of


def test_a_model_on_this_machine_is_a_judge_too(call, runs, backbone, monkeypatch):
    """A tiny random model has no opinion, but its replies are kept as any other's."""
    monkeypatch.setattr("harness.judges.local.MAX_TOKENS", 4)
    words = ["--judge", backbone, "--limit", "2", "--json"]
    code, out, err = call("judge", runs["rich"], *words)
    assert code == 1, err
    (cost,) = json.loads(out)["product_review"]["judged"]["costs"]
    assert cost["questions"] == 2
    assert cost["failures"] == {"cut off": 2}
    (kept,) = judgings_of(runs["rich"])
    assert re.fullmatch(r".+@[0-9a-f]{12}", kept.judging.judge)
    assert all(reply.prompt_tokens for reply in kept.replies)
    assert {reply.completion_tokens for reply in kept.replies} == {4}


def test_a_request_that_a_model_on_this_machine_cannot_read_has_no_reply(
    call, runs, backbone, monkeypatch
):
    def too_long(self, prompts, max_new_tokens):
        raise IndexError("index out of range in self")

    monkeypatch.setattr(
        "harness.pipeline.evaluate.metric_models.BackboneModel.answer_ids", too_long
    )
    code, _, err = call("judge", runs["rich"], "--judge", backbone, "--limit", "1")
    assert code == 1, err
    (kept,) = judgings_of(runs["rich"])
    (reply,) = kept.replies
    assert (reply.reply, reply.failure) == (None, "request refused")
    assert reply.detail == "IndexError: index out of range in self"
