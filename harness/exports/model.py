"""A trained model in a folder that transformers and servers such as vLLM load.

Weights of the run, adapters merged, with the backbone's tokenizer; the run's ends, arguments and
date of the chat template are in the folder. For methods that generate plainly (sft): what a
reasoner or latent thoughts add is no part of any server's model.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.errors import UsageError, counted
from harness.exports import Source, refuse_unknown
from harness.settings import RunSettings, validate

UNFINISHED = True
"""A run that stopped after training has all that is needed."""
NOTE = "harness_export.json"
"""In the folder: the run, and what a server must be told. It also marks the folder as an export."""


def write(runs: Sequence[Source], out: Path) -> list[Path]:
    """Save the model of one run, in place of an earlier export.

    Raises UsageError for several runs, where the method is not plain, and for a folder with other
    files.
    """
    import torch

    from harness.engine.adapters import add_adapters, ready_to_generate
    from harness.engine.backbone import Backbones
    from harness.engine.four_bits import refuse_four_bits
    from harness.engine.lm import CausalLM
    from harness.engine.served_folder import give_ends, with_fixed_template
    from harness.engine.visible_text import rules_of
    from harness.engine.weight_files import WEIGHTS, drafted, load_weights
    from harness.method import Method
    from harness.registry import find

    # 1. What cannot be exported
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
    _refuse_other_files(out)
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
    # 2. The model that generated
    add_adapters(lm, settings.model, settings.seed)
    refuse_four_bits(lm, "--to model")  # adapters cannot be merged into such weights
    load_weights(lm, weights)
    training, generation = (
        getattr(torch, name)
        for name in (record.device.dtype, record.device.generation_dtype or record.device.dtype)
    )
    ready_to_generate(lm, training, torch.float32)  # merged for every type
    model: Any = lm.model
    if not lm.adapted:  # bfloat16 would round away most of what adapters add
        model.to(generation)
    # 3. How it was prompted and stopped
    tokenizer: Any = with_fixed_template(backbones.tokenizer)
    ends = rules_of(settings, trained=True).ends
    give_ends(model, ends)
    saved, generated = (
        str(each).removeprefix("torch.") for each in (next(model.parameters()).dtype, generation)
    )
    note = {
        "method": record.method,
        "run_id": record.run_id,
        "stop": list(ends.strings),
        "generated_in": generated,
        "saved_in": saved,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    with drafted(out) as draft:
        model.save_pretrained(draft)
        tokenizer.save_pretrained(draft)
        (draft / NOTE).write_text(json.dumps(note, indent=1) + "\n", "utf-8")
    return sorted(path for path in out.iterdir() if path.is_file())


def remarks(out: Path) -> list[str]:
    """What the user of an export must know, a line each."""
    note, lines = json.loads((out / NOTE).read_text("utf-8")), list[str]()
    if stop := note["stop"]:
        ends = ", ".join(map(repr, stop))
        lines.append(
            f"the run's texts also end at {ends}: no file tells a server so; send stop={stop!r}"
        )
    if note["generated_in"] != note["saved_in"]:
        lines.append(
            f"weights in {note['saved_in']}: {note['generated_in']}, in which the run generated"
            " with its adapters apart, would round away much of what they add. Serve them so"
            f" (vLLM: --dtype {note['saved_in']})"
        )
    return lines


def _refuse_other_files(out: Path) -> None:
    """Raises UsageError unless `out` is new, empty, or an earlier export, which is replaced."""
    if out.is_dir() and (not any(out.iterdir()) or (out / NOTE).is_file()):
        return
    if out.exists():
        found = "other files" if out.is_dir() else "a file"
        raise UsageError(
            f"--out {out}: found {found}; expected a new folder, or an earlier export (with"
            f" {NOTE}), which is replaced\n  mend      name another folder"
        )
