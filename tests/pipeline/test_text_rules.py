"""Ends, stop strings, reasoning blocks and logits without numbers, in a whole run."""

import json
import shutil

import pytest
import torch

from harness.engine.backbone_tokenizer import tokenizer_of
from harness.engine.flops import generation_flops
from harness.engine.lm import CausalLM
from harness.engine.text import decode, encode_response
from harness.method import Method
from harness.pipeline import generate, generation_costs
from harness.pipeline.generator import Generator
from harness.pipeline.plan import Plan
from harness.pipeline.single import run
from harness.progress import Bars
from harness.record import read_predictions
from tests.support.chat_templates import DATED
from tests.support.runs import StopNowError, settings, stop_now

TEXT = "This lamp is good. ### And more"
REASONED = "<think>a lamp, and a kettle, and a chair, hm, and so on</think>good"


class Scripted(CausalLM):
    """Writes the same tokens after every prompt, then ends; NaN for the prompts in `broken`."""

    def prefill(self, prompts, prefixes=None, views=None):
        state = [(0, tuple(prompt) in self.broken) for prompt in prompts]
        return self._logits(state), state

    def step(self, tokens, state):
        state = [(at + 1, bad) for at, bad in state]
        return self._logits(state), state

    def _logits(self, state):
        logits = torch.zeros(len(state), self.model.config.vocab_size)
        for row, (at, bad) in enumerate(state):
            logits[row, self.script[min(at, len(self.script) - 1)]] = 1.0
            if bad and at == 2:
                logits[row] = float("nan")
        return logits


class Speaker(Method):
    name = "speaker"
    says = TEXT
    breaks = ()

    def build(self, backbones):
        lm = Scripted(backbones.main)
        plan = Plan(self.settings, self.name, "", type(self))
        lm.broken = {plan.test_prompts[at].prompt for at in self.breaks}
        lm.script = (*encode_response(backbones.tokenizer, self.says).ids, *plan.ends.trained)
        return lm


@pytest.fixture(autouse=True)
def untried(monkeypatch):
    """Models whose next tokens are known by heart do not pass the trial of a real one's ways."""
    monkeypatch.setattr("harness.pipeline.local.refuse_wrong_ways", lambda *_, **__: None)


@pytest.fixture
def spoken(tmp_path, reviews, backbone):
    def go(*more, bars=None, says=TEXT, breaks=(), fresh=True):
        factory = type("Speaker", (Speaker,), {"says": says, "breaks": breaks})
        options = ("eval.likelihood=false", "decode.max_new_tokens=60", *more)
        chosen = settings(reviews, backbone, "rag", *options)
        done = run(chosen, "speaker", tmp_path / "results", factory=factory, bars=bars, fresh=fresh)
        return done.record, read_predictions(done.folder)

    return go


def test_a_stop_string_ends_a_text_and_is_cut_off(spoken):
    record, texts = spoken("decode.stop='. ###'")
    assert {text.output for text in texts} == {"This lamp is good"}
    assert record.n.capped == 0
    assert record.backbone.text["ends"]["strings"] == [". ###"]
    whole, _ = spoken()
    assert whole.run_id != record.run_id


def test_a_text_that_ends_at_the_cap_by_a_string_is_not_capped(spoken, backbone):
    tokenizer = tokenizer_of(str(backbone))
    ids = encode_response(tokenizer, TEXT).ids
    whole = next(count for count in range(len(ids)) if "###" in decode(tokenizer, ids[:count]))
    for cap, capped in [(whole, 0), (whole - 1, 8)]:
        record, _ = spoken("decode.stop=###", f"decode.max_new_tokens={cap}")
        assert record.n.capped == capped


def test_reasoning_is_counted_and_never_scored(spoken):
    record, texts = spoken(says="<think>a lamp, hm</think>\n\nThis lamp is good.")
    assert {text.output for text in texts} == {"This lamp is good."}
    assert {text.reasoning for text in texts} == {"<think>a lamp, hm</think>"}
    each = texts[0].reasoning_tokens
    assert each > 0
    assert record.inference.reasoning_tokens == each * len(texts)
    assert record.inference.hidden_tokens == each * len(texts)
    assert record.inference.unclosed_reasoning == record.n.empty == 0


@pytest.mark.parametrize(
    ("broken", "interrupted"), [((), False), ((1,), False), ((), True)],
    ids=["whole", "a failed row", "interrupted"],
)  # fmt: skip
def test_reasoning_takes_time_and_work_but_is_no_speed(spoken, monkeypatch, broken, interrupted):
    """Of the tokens of each text, few are visible."""
    lengths = []

    def noted(lm, prompts, texts, views=None):
        lengths.extend(map(len, texts))
        return generation_flops(lm, prompts, texts, views)

    monkeypatch.setattr(generation_costs, "generation_flops", noted)
    if interrupted:  # after the first of three batches
        real, made = generate.append_lines, []

        def once(*given):
            return stop_now() if made else made.append(real(*given))

        monkeypatch.setattr(generate, "append_lines", once)
        with pytest.raises(StopNowError):
            spoken(says=REASONED, breaks=broken)
        monkeypatch.setattr(generate, "append_lines", real)
    record, texts = spoken(says=REASONED, breaks=broken, fresh=not interrupted)
    cost = record.inference
    whole = [text.tokens + text.reasoning_tokens for text in texts]
    assert 0 < cost.visible_tokens < sum(whole) / 4
    seconds = cost.seconds_per_example * cost.examples_timed
    untimed = 2 if broken else 0  # the batch of the failed row has two more, of one token each
    assert cost.tokens_per_s * seconds == pytest.approx(cost.visible_tokens - untimed)
    assert sorted(lengths) == sorted(whole)
    assert cost.hidden_tokens == cost.reasoning_tokens == sum(whole) - cost.visible_tokens


def test_unclosed_reasoning_is_an_empty_text_and_counted(spoken):
    record, texts = spoken(says="<think>a lamp, hm")
    assert {text.output for text in texts} == {""}
    assert record.inference.unclosed_reasoning == record.n.empty == len(texts)
    assert record.inference.visible_tokens == 0
    kept, texts = spoken("decode.strip=none", says="<think>a lamp, hm")
    assert {text.output for text in texts} == {"<think>a lamp, hm"}
    assert kept.inference.unclosed_reasoning == 0


@pytest.mark.parametrize("more", [(), ("decode.temperature=0.5",)])
def test_logits_without_numbers_fail_their_example_alone(spoken, monkeypatch, more):
    real, made = Generator.predictions, []

    def noted(self, batch, sample):
        made.append(len(batch))
        return real(self, batch, sample)

    monkeypatch.setattr(Generator, "predictions", noted)
    record, texts = spoken("decode.batch_size=8", "eval.forced=true", *more, breaks=(1,))
    failed = [text for text in texts if text.error]
    assert (record.n.failed, record.n.empty, len(failed)) == (1, 1, 1)
    assert failed[0].output == ""
    assert failed[0].error.startswith("logits after 2 new tokens are not finite; expected numbers")
    if not more:
        assert {text.output for text in texts if not text.error} == {TEXT}
    assert made == [8]  # one batch was enough: the neighbours were not written again
    assert record.inference.batches_timed == 0  # that of a failed text is not timed


def test_unapplied_generation_config_is_reported_once_and_recorded(spoken, backbone, monkeypatch):
    path = backbone / "generation_config.json"
    before = path.read_text()
    said = []
    monkeypatch.setattr(Bars, "say", lambda self, text: said.append(text))
    try:
        path.write_text(json.dumps({"do_sample": True, "temperature": 0.7, "top_k": 20}))
        record, _ = spoken("decode.top_k=20")
    finally:
        path.write_text(before)
    facts = record.backbone.text["generation_config"]
    assert facts["asks"] == {"temperature": 0.7, "top_k": 20}
    assert facts["not_applied"] == {"temperature": 0.7}
    assert (
        sum("generation_config requests temperature=0.7; not applied" in one for one in said) == 1
    )


def test_settings_of_the_template_reach_the_prompts_and_the_record(tmp_path, reviews, backbone):
    dated = shutil.copytree(backbone, tmp_path / "dated")
    (dated / "chat_template.jinja").write_text(DATED, encoding="utf-8")
    chosen = settings(reviews, dated, "nonpers", "model.template_date=2025-01-31")
    plan = Plan(chosen, "nonpers", tmp_path)
    shown = decode(plan.backbones.tokenizer, plan.test_prompts[0].prompt)
    assert "Today is 31 Jan 2025 (31 Jan 2025)." in shown
    about = plan.about_text["template"]
    assert (about["date"], about["arguments"]) == ("2025-01-31", {})
    assert len(about["rendered"]) == 16
