"""The export of a trained model: the texts of the run, from transformers' loader alone."""

from dataclasses import replace

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from baselines.sft import Sft
from harness.errors import UsageError
from harness.exports import Source, export
from harness.pipeline.single import run
from harness.record import read_predictions
from tests.support.runs import go, settings


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
