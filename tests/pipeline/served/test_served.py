"""Runs of a model behind an API: the same numbers as from its weights, where the server tells."""

import json
import re

import pytest
import torch
from transformers import AutoModelForCausalLM

from harness.engine.backbone_tokenizer import tokenizer_of
from harness.engine.text import encode_prompt
from harness.errors import UsageError
from harness.pipeline.served import generate as generate_module
from harness.record import PREDICTIONS, read_predictions, read_record
from tests.support.api_server import chat_reply, refusal, serving, text_reply
from tests.support.runs import go
from tests.support.runs import texts as texts_of

pytestmark = pytest.mark.usefixtures("at_once")


@pytest.fixture(scope="module")
def tiny(backbone):
    """The backbone as a server holds it."""
    return AutoModelForCausalLM.from_pretrained(backbone), tokenizer_of(str(backbone))


@torch.inference_mode()
def greedy(tiny, ids, most):
    """The text after token ids, by transformers; and why it ended."""
    model, tokenizer = tiny
    out = model.generate(
        torch.tensor([ids]), max_new_tokens=most, do_sample=False, pad_token_id=0,
        eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    made = out[0, len(ids) :].tolist()
    text = tokenizer.decode(made, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return text, "length" if len(made) == most else "stop"


@torch.inference_mode()
def logprobs(tiny, ids):
    """Log-prob of each token after those before it; None for the first."""
    logits = tiny[0](torch.tensor([ids])).logits[0].log_softmax(-1)
    return [None, *(logits[at - 1, ids[at]].item() for at in range(1, len(ids)))]


def completions(tiny):
    """A server of /completions that echoes log-probs."""

    def answer(body):
        ids = body["prompt"]
        if body.get("echo"):
            return text_reply("…", logprobs={"token_logprobs": [*logprobs(tiny, ids), -1.0]})
        return text_reply(*greedy(tiny, ids, body["max_tokens"]))

    return answer


def chat(tiny):
    """A server of /chat/completions as vLLM is one, with the model's template."""

    def answer(body):
        asked = body["messages"][0]["content"]
        ids = encode_prompt(tiny[1], asked)
        if "prompt_logprobs" in body:
            ids = ids + tiny[1](body["messages"][1]["content"])["input_ids"]
            found = [each and {str(token): {"logprob": each}}
                     for token, each in zip(ids, logprobs(tiny, ids), strict=True)]  # fmt: skip
            return {**chat_reply("…"), "prompt_logprobs": found}
        return chat_reply(*greedy(tiny, ids, body["max_tokens"]))

    return answer


def name_of(server, end=""):
    return f"openai:{server.url}{end}#tiny"


ENDPOINTS = {"completions": (completions, "/completions"), "chat": (chat, "")}


@pytest.mark.parametrize(("kind", "end"), ENDPOINTS.values(), ids=ENDPOINTS)
def test_a_server_of_a_model_gives_the_numbers_of_its_weights(
    tmp_path, reviews, backbone, tiny, kind, end
):
    swaps = ("eval.lift=likelihood,texts", "eval.donors=1")
    own = go(tmp_path, reviews, backbone, "rag", *swaps)
    with serving(kind(tiny)) as server:
        served = go(
            tmp_path, reviews, name_of(server, end), "rag", *swaps, f"model.tokenizer={backbone}"
        )
    record = served.record
    assert record.status == "complete"
    assert sorted(texts_of(served)) == sorted(texts_of(own))
    assert record.metrics == own.record.metrics
    assert record.n == own.record.n
    assert record.likelihood.value == pytest.approx(own.record.likelihood.value, abs=1e-5)
    for kind_of_donor, found in own.record.lift.likelihood.items():
        theirs = record.lift.likelihood[kind_of_donor]["all"].own_other.value
        assert theirs == pytest.approx(found["all"].own_other.value, abs=1e-5)
    assert record.lift.texts == own.record.lift.texts
    assert read_record(served.folder) == record


def test_the_record_says_what_the_server_said_and_nothing_of_a_key(tmp_path, reviews, monkeypatch):
    monkeypatch.setenv("MY_KEY", "sk-secret")
    with serving(lambda body: chat_reply("a text"), [refusal(500)]) as server:
        outcome = go(
            tmp_path, reviews, name_of(server), "rag", "api.key=MY_KEY", "api.concurrent=2"
        )
    record = outcome.record
    api = record.backbone.api
    assert (api.url, api.chat) == (f"{server.url}/chat/completions", True)
    assert (api.models, api.fingerprints) == (("tiny-model",), ("fp_1",))
    assert (api.repeated, api.concurrent) == (1, 2)
    assert record.backbone.parameters is record.backbone.fingerprint is None
    assert record.backbone.method_parameters is record.peak_memory_mib is None
    assert record.device.device == "api"
    assert record.inference.batches_timed == record.n.scored == 8
    assert record.inference.visible_tokens == 8 * 7  # as the server counts
    assert record.inference.time_to_first_token_s is None
    assert server.keys == ["Bearer sk-secret"] * 9
    assert server.most_at_once <= 2
    for file in outcome.folder.rglob("*"):
        assert not file.is_file() or "sk-secret" not in file.read_text()


def test_every_setting_of_sampling_is_sent_and_each_example_has_its_seed(tmp_path, reviews):
    drawing = ("decode.temperature=0.8", "decode.top_p=0.9", 'decode.stop=["###", 5]')
    with serving(lambda body: chat_reply("one ### two")) as server:
        outcome = go(
            tmp_path, reviews, name_of(server), "rag", *drawing, "decode.samples=2",
            "model.template_args.enable_thinking=false",
        )  # fmt: skip
    sent = server.requests
    same = {"model": "tiny", "max_tokens": 6, "temperature": 0.8, "top_p": 0.9, "top_k": -1,
            "repetition_penalty": 1.0, "stop": ["###"], "stop_token_ids": [5],
            "chat_template_kwargs": {"enable_thinking": False}}  # fmt: skip
    for body in sent:
        assert {key: body[key] for key in same} == same
        assert body.keys() - same.keys() == {"messages", "seed"}
    assert len({body["seed"] for body in sent}) == len(sent) == 16
    assert all(0 <= body["seed"] < 2**31 for body in sent)
    assert {text.output for text in read_predictions(outcome.folder)} == {"one "}


def test_nonpers_sends_the_input_alone(tmp_path, reviews):
    with serving(lambda body: chat_reply("text")) as server:
        go(tmp_path, reviews, name_of(server), "nonpers")
    assert all("Generate the review" in body["messages"][0]["content"] for body in server.requests)
    assert not any("My " in body["messages"][0]["content"] for body in server.requests)


def test_finished_texts_are_kept_and_not_asked_for_again(tmp_path, reviews, monkeypatch):
    monkeypatch.setattr(generate_module, "MOST_FAILURES", 1)
    lives = []

    def dies_after_three(body):
        lives.append(body)
        return chat_reply("kept") if len(lives) <= 3 else refusal(500)

    with serving(dies_after_three) as server:
        name = name_of(server)
        with pytest.raises(UsageError, match=r"(?s)1 requests in a row failed.*HTTP 500"):
            go(tmp_path, reviews, name, "rag", "api.concurrent=1", "api.attempts=2")
        stored = next((tmp_path / "results").rglob(PREDICTIONS)).read_text().splitlines()
        assert sum(not json.loads(line)["error"] for line in stored) == 3
        server.answer = lambda body: chat_reply("new")
        before = len(server.requests)
        outcome = go(tmp_path, reviews, name, "rag", "api.concurrent=4")
        assert len(server.requests) - before == 5
        # complete: the same command asks for nothing
        assert go(tmp_path, reviews, name, "rag").repeated
        assert len(server.requests) - before == 5
    assert outcome.record.status == "complete"
    assert outcome.record.backbone.api.repeated >= 1  # of both runs
    assert sorted(text for _, _, text in texts_of(outcome)) == ["kept"] * 3 + ["new"] * 5


def test_an_example_that_the_server_refuses_is_empty_and_counted(tmp_path, reviews):
    def refuses_one(body):
        if "kettle 1" in body["messages"][0]["content"].rpartition("description")[2]:
            return refusal(400, "maximum context length")
        return chat_reply("fine")

    with serving(refuses_one) as server:
        outcome = go(tmp_path, reviews, name_of(server), "rag")
    failed = [text for text in read_predictions(outcome.folder) if text.error]
    assert len(failed) == outcome.record.n.failed == 1
    assert re.search(r"(?s)HTTP 400: maximum context length.*mend", failed[0].error)
    assert (outcome.record.status, outcome.exit_code) == ("failed", 1)


def test_reasoning_is_hidden_whether_the_server_takes_it_out_or_not(tmp_path, reviews):
    replies = [
        chat_reply("<think>so</think>\n\nseen"),
        chat_reply("so</think>seen"),
        chat_reply("seen", reasoning_content="so"),
        chat_reply(None, "length", reasoning_content="so and so"),
    ]
    with serving(lambda body: replies.pop(0)) as server:
        outcome = go(tmp_path, reviews, name_of(server), "rag", "data.limit=4", "api.concurrent=1")
    found = read_predictions(outcome.folder)
    assert [text.output for text in found] == ["seen", "seen", "seen", ""]
    assert [bool(text.reasoning) for text in found] == [True] * 4
    assert [text.unclosed for text in found] == [False, False, False, True]
    assert [text.capped for text in found] == [False, False, False, True]


def test_a_text_that_the_server_withholds_is_a_failure(tmp_path, reviews):
    with serving(lambda body: chat_reply("", "content_filter")) as server:
        outcome = go(tmp_path, reviews, name_of(server), "rag", "data.limit=2")
    assert outcome.record.n.failed == 2


NO_LOGPROBS = {
    "no tokenizer": ("", False, None, "model.tokenizer=FOLDER"),
    "a chat server that ignores the wish": ("", True, chat_reply("x"), "gave no prompt_logprobs"),
    "a server that refuses it": ("/completions", True, refusal(400, "no echo"), "HTTP 400"),
    "a server that echoes nothing": ("/completions", True, text_reply("x"), "gave no log-probs"),
    "too few log-probs": (
        "/completions", True, text_reply("x", logprobs={"token_logprobs": [None, -1.0]}),
        "gave 2 log-probs for",
    ),
    "another template": (
        "", True, {**chat_reply("x"), "prompt_logprobs": [None, {"5": {"logprob": -1.0}}]},
        "gave 2 tokens of prompt and reference",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("end", "tokens", "answer", "said"), NO_LOGPROBS.values(), ids=NO_LOGPROBS)
def test_without_logprobs_likelihood_is_null_with_the_remedy(
    tmp_path, reviews, backbone, end, tokens, answer, said
):
    def answers(body):
        if "echo" in body or "prompt_logprobs" in body:
            return answer
        return text_reply("text") if end else chat_reply("text")

    more = [f"model.tokenizer={backbone}"] if tokens else []
    with serving(answers) as server:
        outcome = go(tmp_path, reviews, name_of(server, end), "rag", "eval.lift=likelihood", *more)
    record = outcome.record
    assert record.status == "complete"
    assert record.likelihood is record.lift is None
    assert said in record.backbone.api.no_logprobs
    assert "model.tokenizer" in record.backbone.api.no_logprobs or "vLLM" in (
        record.backbone.api.no_logprobs
    )


def test_completions_without_a_tokenizer_get_the_text_and_a_newline(tmp_path, reviews):
    with serving(lambda body: text_reply("text")) as server:
        go(tmp_path, reviews, name_of(server, "/completions"), "nonpers", "data.limit=1")
    assert server.paths == ["/v1/completions"]
    assert server.requests[0]["prompt"].endswith('".\n')


def test_budgets_count_four_bytes_as_a_token_or_the_models_tokens(tmp_path, reviews, backbone):
    with serving(lambda body: chat_reply("text")) as server:
        rough = go(tmp_path, reviews, name_of(server), "rag", "budget.profile=20")
        bytes_sent = [body["messages"][0]["content"] for body in server.requests]
        exact = go(
            tmp_path, reviews, name_of(server), "rag", "budget.profile=20",
            f"model.tokenizer={backbone}", "eval.likelihood=false",
        )  # fmt: skip
    own = go(tmp_path, reviews, backbone, "rag", "budget.profile=20", "eval.likelihood=false")
    assert exact.record.n.input_cut == own.record.n.input_cut
    assert rough.record.n.input_cut == 8
    profiles = [text.partition(". Following the given patterns")[0] for text in bytes_sent]
    assert all(60 <= len(text) <= 80 for text in profiles)  # 20 tokens of 4 bytes


@pytest.mark.parametrize("method", ["sft", "cot", "coconut", "flythinker"])
def test_methods_that_train_are_refused_by_name(tmp_path, reviews, method):
    with pytest.raises(UsageError, match=rf"(?s)method '{method}' trains.*nonpers or rag.*FOLDER"):
        go(tmp_path, reviews, "openai:http://127.0.0.1:9/v1#m", method)
    assert not (tmp_path / "results").exists()


def test_continuations_are_refused(tmp_path, reviews):
    with pytest.raises(UsageError, match=r"eval.forced: continuations need the weights"):
        go(tmp_path, reviews, "openai:http://127.0.0.1:9/v1#m", "rag", "eval.forced=true")


def test_a_tokenizer_is_for_a_model_behind_an_api(tmp_path, reviews, backbone):
    with pytest.raises(UsageError, match=r"model.tokenizer is for a backbone openai:URL#MODEL"):
        go(tmp_path, reviews, backbone, "rag", f"model.tokenizer={backbone}")
