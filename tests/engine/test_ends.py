"""The ends of a text: from the template, the model's files and the settings."""

import json

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from harness.engine import CausalLM, generate
from harness.engine.ends import declared_ends, ends_of
from harness.engine.text import encode_prompt
from harness.errors import UsageError
from harness.pipeline.plan import Plan
from harness.pipeline.single import run
from harness.record import read_predictions
from tests.support.chat_templates import CHATML, GEMMA, PHI, tokenizer
from tests.support.runs import settings


def tokens(tok, ids):
    return [tok.convert_ids_to_tokens(each) for each in ids]


REGISTRATIONS = {  # template, added tokens, trained end; special, added only, ordinary added
    "special among added tokens, as Gemma 3": (
        GEMMA, ("<start_of_turn>", "<end_of_turn>"), ["<end_of_turn>"],
    ),
    "with the tokenizer's end after it, as Phi-3": (PHI, ("<|end|>", "<|assistant|>"), ["<|end|>"]),
    "added but not special": (CHATML, ("<|im_start|>!", "<|im_end|>!"), ["<|im_end|>"]),
    "after white space, as Llama 2": (
        "{% for m in messages %}{{ m['content'] }} {{ eos_token }}{% endfor %}", (), ["<eos>"],
    ),
    "a newline that is an added token is none": (
        CHATML.replace("<|im_end|>\n", "\n<|im_end|>"), ("\n!", "<|im_end|>"), ["<|im_end|>"],
    ),
    "ordinary tokens": (CHATML, (), list("<|im_end|>")),
    "a template that ends no turn": (
        "{% for m in messages %}{{ m['content'] }}\n{% endfor %}", (), ["<eos>"],
    ),
    "no template": (None, (), ["<eos>"]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("template", "added", "trained"), REGISTRATIONS.values(), ids=REGISTRATIONS
)
def test_the_trained_end_is_the_templates_end_of_an_answer(template, added, trained):
    tok = tokenizer(template, added)
    found = ends_of(tok)
    assert tokens(tok, found.trained) == trained
    assert tok.eos_token_id in found.ids
    if len(trained) == 1:
        assert set(found.trained) <= found.ids
    else:  # several tokens, so decoding looks for the string
        assert found.strings == ("<|im_end|>",)


def test_every_declared_end_stops_and_has_its_origin():
    tok = tokenizer(GEMMA, ("<start_of_turn>", "<end_of_turn>"))
    turn = tok.convert_tokens_to_ids("<end_of_turn>")
    found = ends_of(
        tok, {"generation_config.json": (7, turn), "config.json": (8,)}, [9, "##", "<bos>"]
    )
    assert found.trained == (turn,)
    assert found.ids == {turn, tok.eos_token_id, 7, 8, 9, tok.bos_token_id}
    assert found.strings == ("##",)  # a special token counts as its id
    assert found.origins[f"{turn} <end_of_turn>"] == ("chat template", "generation_config.json")
    assert found.described(tok)["trained"] == {"ids": [turn], "text": "<end_of_turn>"}


def test_without_an_end_of_template_or_tokenizer_the_declared_one_is_trained():
    tok = tokenizer(None, (), eos=None)
    assert ends_of(tok, {"config.json": (5, 6)}).trained == (5,)
    assert ends_of(tok, {}, ["###"]).trained == tuple(tok("###")["input_ids"])
    with pytest.raises(UsageError, match=r"has no end token; expected eos_token.*decode\.stop"):
        ends_of(tok)


def test_an_id_beyond_the_vocabulary_is_refused():
    tok = tokenizer()
    with pytest.raises(
        UsageError, match=rf"decode\.stop: found id 999; expected ids from 0 to {len(tok) - 1}"
    ):
        ends_of(tok, {}, [999])


CONFIGS = [  # generation_config.json, config.json, what they declare
    (
        {"eos_token_id": [3, 4]}, {"eos_token_id": 5},
        {"generation_config.json": (3, 4), "config.json": (5,)},
    ),
    (None, {"text_config": {"eos_token_id": [6, 6]}}, {"config.json": (6,)}),
    ({"eos_token_id": None}, {"model_type": "llama"}, {}),  # LlamaConfig's own default is 2
    ({"eos_token_id": -1}, {"eos_token_id": True}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("generation", "config", "declared"), CONFIGS)
def test_declared_ends_are_those_in_the_files(tmp_path, generation, config, declared):
    (tmp_path / "config.json").write_text(json.dumps(config))
    if generation is not None:
        (tmp_path / "generation_config.json").write_text(json.dumps(generation))
    assert declared_ends(str(tmp_path)) == declared


@pytest.mark.parametrize("template", [None, CHATML])
def test_a_tokenizer_that_appends_an_end_does_not_end_the_prompt(template):
    from tokenizers.processors import TemplateProcessing

    tok = tokenizer(template)
    names = [("<bos>", tok.bos_token_id), ("<eos>", tok.eos_token_id)]
    tok.backend_tokenizer.post_processor = TemplateProcessing(
        "<bos> $A <eos>", special_tokens=names
    )
    ids = encode_prompt(tok, "a lamp")
    assert tok("a lamp")["input_ids"][-1] == tok.eos_token_id
    assert tok.eos_token_id not in ids
    if template is None:
        assert ids == [tok.bos_token_id, *tok("a lamp\n", add_special_tokens=False)["input_ids"]]


@pytest.fixture
def several_ends(tmp_path):
    """A tiny Llama whose files declare more ends than its template has."""
    tok = tokenizer(CHATML)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tok), hidden_size=32, intermediate_size=48, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=4096, initializer_range=0.3,
        bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    folder = tmp_path / "several"
    LlamaForCausalLM(config).save_pretrained(folder)
    tok.save_pretrained(folder)
    return folder


def test_a_run_stops_at_every_end_and_records_them(tmp_path, reviews, several_ends):
    greedy = ("decode.max_new_tokens=30", "decode.temperature=0")
    chosen = settings(reviews, several_ends, "nonpers", *greedy)
    plan = Plan(chosen, "nonpers", tmp_path)
    prompts = [reading.prompt for reading in plan.test_prompts]
    free = generate(CausalLM(plan.backbones.main), prompts, max_new_tokens=30)
    declared = {row[8] for row in free[:4]}
    (several_ends / "generation_config.json").write_text(
        json.dumps({"eos_token_id": sorted(declared)})
    )
    done = run(chosen, "nonpers", tmp_path / "results")
    ends = {*declared, *plan.ends.ids}
    assert set(done.record.backbone.text["ends"]["ids"]) == ends
    written = {text.id: text for text in read_predictions(done.folder)}
    for reading, row in zip(plan.test_prompts, free, strict=True):
        stop = next((at for at, token in enumerate(row) if token in ends), 30)
        text = written[reading.example.id]
        assert (text.tokens, text.capped) == (stop, stop == 30)


def test_a_missing_end_is_reported_before_training(tmp_path, reviews, several_ends, monkeypatch):
    for name in ("tokenizer_config.json", "chat_template.jinja", "generation_config.json"):
        path = several_ends / name
        if name == "tokenizer_config.json":
            kept = {
                key: value
                for key, value in json.loads(path.read_text()).items()
                if key != "eos_token"
            }
            path.write_text(json.dumps(kept))
        else:
            path.unlink(missing_ok=True)
    monkeypatch.setattr("harness.pipeline.local.train_or_load", lambda *_: pytest.fail("trained"))
    with pytest.raises(UsageError, match="has no end token"):
        run(settings(reviews, several_ends, "sft"), "sft", tmp_path / "results")
