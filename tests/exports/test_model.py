"""The export of a trained model: the texts of the run, from transformers' loader alone."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from baselines.sft import Sft
from harness.errors import UsageError
from harness.exports import Source, export, remarks
from harness.pipeline.plan import Plan
from harness.pipeline.single import run
from harness.record import read_predictions
from tests.support.runs import go, settings
from tests.support.saved_backbones import TEMPLATE, save_backbone

DATED = (
    "{% set today = date_string if date_string is defined else strftime_now('%d %b %Y') %}"
    "{{ today }} {{ strftime_now('%Y') }}{{ '' if enable_thinking|default(true) else '/no' }}\n"
)


def source(outcome):
    return Source(outcome.folder, outcome.record)


def test_the_exported_model_generates_the_texts_of_its_run(tmp_path, reviews, backbone):
    """Adapters are merged; a run that stopped after training is enough."""
    words = ("model.adapter=lora", "model.lora_rank=4", "train.lr=1e-2")
    chosen = settings(reviews, backbone, "sft", *words)
    trained = run(chosen, "sft", tmp_path / "results", until="trained")
    out = tmp_path / "served"
    files = export("model", [source(trained)], out)
    assert {"config.json", "tokenizer.json"} <= {path.name for path in files}
    assert not list(out.glob("adapter*"))
    done = run(chosen, "sft", tmp_path / "results")
    model = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32)
    # rag with the exported model as its backbone reads sft's prompts
    again = go(tmp_path, reviews, out, "rag", "model.adapter=none")
    texts = {text.id: text.output for text in read_predictions(done.folder)}
    assert {text.id: text.output for text in read_predictions(again.folder)} == texts
    assert len(AutoTokenizer.from_pretrained(out)) <= model.get_input_embeddings().weight.size(0)


def test_what_no_server_can_generate_is_refused(tmp_path, reviews, backbone, monkeypatch):
    chosen = settings(reviews, backbone, "flythinker")
    trained = run(chosen, "flythinker", tmp_path / "results", until="trained")
    with pytest.raises(UsageError, match="flythinker does not generate plainly; expected a method"):
        export("model", [source(trained)], tmp_path / "served")
    with monkeypatch.context() as patch:  # a method whose texts need its users' adapters
        patch.setattr(Sft, "adapt", lambda self, lm, examples: None)
        adapted = Source(trained.folder, replace(trained.record, method="sft"))
        with pytest.raises(UsageError, match="sft does not generate plainly; expected a method"):
            export("model", [adapted], tmp_path / "served")
    with pytest.raises(UsageError, match="found 2 runs; expected one"):
        export("model", [source(trained)] * 2, tmp_path / "served")
    (trained.folder / "model.safetensors").unlink()
    with pytest.raises(UsageError, match=r"found no model.safetensors; expected a trained run"):
        export("model", [source(trained)], tmp_path / "served")


def test_adapters_over_weights_in_four_bits_are_refused(
    tmp_path, reviews, backbone, monkeypatch, complete
):
    """They cannot be merged, so that a server would load neither."""
    done = complete("sft")
    model = {**done.record.settings["model"], "adapter": "qlora"}
    record = replace(done.record, settings={**done.record.settings, "model": model})
    monkeypatch.setattr(
        "harness.engine.adapters.quantize", lambda model: setattr(model, "is_loaded_in_4bit", True)
    )
    with pytest.raises(UsageError, match=r"--to model: CausalLM has weights in 4 bits"):
        export("model", [Source(done.folder, record)], tmp_path / "served")


def edit(path, **fields):
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_a_server_stops_where_the_runs_texts_end(tmp_path, reviews):
    """The usual base model: its end token is not that of its chat template."""
    base = save_backbone(tmp_path / "base")
    edit(base / "tokenizer_config.json", eos_token="<|endoftext|>")
    edit(base / "generation_config.json", eos_token_id=0)
    chosen = settings(reviews, base, "sft", 'decode.stop=[7,"so."]')
    trained = run(chosen, "sft", tmp_path / "results", until="trained")
    out = tmp_path / "served"
    export("model", [source(trained)], out)
    # 2 is <|im_end|>, the trained end; 0 the tokenizer's, 7 of decode.stop
    assert json.loads((out / "generation_config.json").read_text())["eos_token_id"] == [2, 0, 7]
    (said,) = remarks("model", out)
    assert "the run's texts also end at 'so.'" in said
    assert "stop=['so.']" in said


def test_an_exported_template_renders_the_prompts_of_the_run(tmp_path, reviews):
    base = save_backbone(tmp_path / "base")
    (base / "chat_template.jinja").write_text(DATED + TEMPLATE)
    words = ("model.template_args.enable_thinking=false", "model.template_date=2025-01-31")
    for name, said in (("fixed", words), ("default", ())):
        chosen = settings(reviews, base, "sft", *said)
        trained = run(chosen, "sft", tmp_path / name, until="trained")
        out = tmp_path / f"served-{name}"
        export("model", [source(trained)], out)
        plan = Plan(chosen, "sft", tmp_path / name)
        prompt = plan.test_prompts[0]
        # AutoTokenizer would split digits as Qwen2 does
        tokenizer = PreTrainedTokenizerFast.from_pretrained(out)
        turn = [{"role": "user", "content": prompt.text}]
        served = tokenizer.apply_chat_template(turn, add_generation_prompt=True)["input_ids"]
        assert served == list(prompt.prompt)
        assert plan.backbones.tokenizer.chat_template == DATED + TEMPLATE  # runs go on with it
    # a request may still ask for another argument
    turn = [{"role": "user", "content": "x"}]
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "served-fixed")
    for thinks in (True, False):
        text = tokenizer.apply_chat_template(turn, tokenize=False, enable_thinking=thinks)
        assert text.startswith("31 Jan 2025 2025" + ("\n" if thinks else "/no\n"))


def test_an_export_replaces_an_earlier_one_and_nothing_else(tmp_path, reviews, backbone):
    bare = save_backbone(tmp_path / "bare")
    (bare / "chat_template.jinja").unlink()
    out = tmp_path / "served"
    for base in (backbone, bare):
        trained = run(settings(reviews, base, "sft"), "sft", tmp_path / "results", until="trained")
        files = export("model", [source(trained)], out)
    assert AutoTokenizer.from_pretrained(out).chat_template is None
    assert files == sorted(out.iterdir())
    assert not list(tmp_path.glob("*.draft"))
    (out / "harness_export.json").unlink()
    with pytest.raises(
        UsageError, match=r"found other files; expected a new folder, or an earlier"
    ):
        export("model", [source(trained)], out)
    with pytest.raises(UsageError, match=r"found a file; expected a new folder"):
        export("model", [source(trained)], out / "config.json")


def test_an_export_keeps_what_adapters_add_in_bfloat16(tmp_path, reviews, backbone):
    """Rounded to bfloat16, most of a small addition is lost; the run keeps adapters apart."""
    words = ("model.adapter=lora", "model.dtype=bfloat16", "train.lr=1e-4")
    trained = run(
        settings(reviews, backbone, "sft", *words), "sft", tmp_path / "results", until="trained"
    )
    out = tmp_path / "served"
    export("model", [source(trained)], out)
    assert json.loads((out / "config.json").read_text())["dtype"] == "float32"
    (said,) = remarks("model", out)
    assert said.startswith("weights in float32: bfloat16, in which the run generated")
    model, base = (AutoModelForCausalLM.from_pretrained(each) for each in (out, backbone))
    name = "model.layers.0.self_attn.q_proj"
    kept = model.get_submodule(name).weight - base.get_submodule(name).weight.bfloat16().float()
    [tensors] = (trained.folder / "adapters").glob("*/adapter_model.safetensors")
    parts = load_file(tensors)
    a, b = (parts[f"base_model.model.{name}.lora_{each}.weight"] for each in "AB")
    torch.testing.assert_close(kept, b @ a * 32 / 16, atol=1e-7, rtol=1e-2)
