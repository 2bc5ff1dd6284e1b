"""A trained model in a folder that transformers and servers such as vLLM load.

Weights of the run, adapters merged, with the backbone's tokenizer. For methods that generate
plainly (sft): what a reasoner or latent thoughts add is no part of any server's model.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.errors import UsageError, counted
from harness.exports import Source, refuse_unknown
from harness.settings import RunSettings, validate

UNFINISHED = True
"""A run that stopped after training has all that is needed."""


def write(runs: Sequence[Source], out: Path) -> list[Path]:
    """Save the model of one run. Raises UsageError for several runs, and where it is not plain."""
    import torch

    from harness.engine.adapters import add_adapters, ready_to_generate
    from harness.engine.backbone import Backbones
    from harness.engine.four_bits import refuse_four_bits
    from harness.engine.lm import CausalLM
    from harness.engine.weight_files import WEIGHTS, load_weights
    from harness.method import Method
    from harness.registry import find

    if len(runs) != 1:
        raise UsageError(f"--to model: found {counted(len(runs), 'run')}; expected one")
    (run,) = runs
    record, weights = run.record, run.folder / WEIGHTS
    if record.no_method:
        raise UsageError(f"{run.folder}: {record.no_method}; expected a run of a trained method")
    if not weights.is_file():
        raise UsageError(
            f"{run.folder}: found no {WEIGHTS}; expected a trained run that keeps its weights"
            " (train.keep_weights=true)"
        )
    refuse_unknown("method", record.method, record)
    settings = validate(RunSettings, dict(record.settings))
    method: Method = find("method", record.method)(settings)
    backbones = Backbones(settings.model)
    lm = method.build(backbones)
    changed = any(
        getattr(type(method), it) is not getattr(Method, it) for it in ("adapt", "preface")
    )
    if changed or type(lm) is not CausalLM:
        raise UsageError(
            f"{run.folder}: {record.method} does not generate plainly; expected a method such as"
            " sft, whose texts come from one model alone"
        )
    add_adapters(lm, settings.model, settings.seed)
    refuse_four_bits(lm, "--to model")  # adapters cannot be merged into such weights
    load_weights(lm, weights)
    training, generation = (
        getattr(torch, name)
        for name in (record.device.dtype, record.device.generation_dtype or record.device.dtype)
    )
    ready_to_generate(lm, training, torch.float32)  # merged for every type; rounded after that
    model: Any = lm.model
    tokenizer: Any = backbones.tokenizer
    out.mkdir(parents=True, exist_ok=True)
    model.to(generation).save_pretrained(out)
    tokenizer.save_pretrained(out)
    return sorted(path for path in out.iterdir() if path.is_file())
