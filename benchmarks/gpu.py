"""What a GPU does with the shapes of Qwen2.5: decoding and training, against what it could do.

    python -m benchmarks.gpu --out gpu.json

Weights are random, which does not change the times, and nothing is downloaded. Each finished part
is written to --out; the same command continues with what is missing. `--shapes tiny --device cpu`
tries all parts in seconds.

The floor of a decoding step is the bytes of the weights that it reads over the copy bandwidth
measured here; a training step's is its FLOPs (harness.engine.flops) over the rate of a large bf16
product measured here.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import subprocess
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import nn
from transformers import AutoModelForCausalLM, Qwen2Config

from baselines.coconut import CoconutLM
from flythinker import FlyThinkerLM
from harness.engine import CausalLM, PersonalLM, generate
from harness.engine.clock import DecodeClock, interleaved, now, repeat
from harness.engine.flops import training_flops
from harness.engine.micro_batches import TrainRow
from harness.engine.peak_memory import PeakMemory
from harness.engine.quiet import quiet_libraries
from harness.engine.train import train
from harness.settings import TrainSettings

SHAPES = {  # from the models' config.json
    "tiny": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
                 "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 512},
    "0.5B": {"hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24,
                 "num_attention_heads": 14, "num_key_value_heads": 2, "vocab_size": 151936},
    "1.5B": {"hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28,
                 "num_attention_heads": 12, "num_key_value_heads": 2, "vocab_size": 151936},
    "3B": {"hidden_size": 2048, "intermediate_size": 11008, "num_hidden_layers": 36,
               "num_attention_heads": 16, "num_key_value_heads": 2, "vocab_size": 151936},
}  # fmt: skip
MIB = 1 << 20
CONTEXT, TOKENS, ROUNDS = 1024, 32, 3
BATCHES = (1, 8, 32)
TRAINED = ((1536, 512), 4)
"""Prompt and target tokens of a training example, and the examples of a step."""
Part = Callable[[], dict[str, Any]]


def model(shape: str, device: torch.device, dtype: torch.dtype, seed: int = 0) -> nn.Module:
    """A Qwen2 of a shape with random weights, made on the device."""
    config = Qwen2Config(
        **SHAPES[shape], max_position_embeddings=32768, tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
    )  # fmt: skip
    torch.manual_seed(seed)
    with torch.device(device):
        made: nn.Module = AutoModelForCausalLM.from_config(config, dtype=dtype)
    return made.eval()


def rows(batch: int, length: int, vocabulary: int) -> list[list[int]]:
    draw = random.Random(f"{batch} {length}")
    return [[draw.randrange(vocabulary) for _ in range(length)] for _ in range(batch)]


def weight_bytes(*models: nn.Module) -> int:
    """Bytes of weights that a decoding step reads; a tied embedding is read once, as the head."""
    return sum(part.numel() * part.element_size() for each in models for part in each.parameters())


def ceilings(device: torch.device) -> dict[str, Any]:
    """Bytes a second of a large copy (read and written), and FLOPs a second of a bf16 product."""
    side = 8192 if device.type == "cuda" else 256
    one = torch.randn(side, side, device=device, dtype=torch.bfloat16)
    other = torch.randn(side, side, device=device, dtype=torch.bfloat16)
    source = torch.empty(side * side * 16, device=device, dtype=torch.uint8)
    target = torch.empty_like(source)
    copied = median(repeat(lambda: target.copy_(source), warmup=3, times=10))
    multiplied = median(repeat(lambda: one @ other, warmup=3, times=10))
    return {
        "copy_bytes_per_s": 2 * source.numel() / copied,
        "bf16_flops_per_s": 2 * side**3 / multiplied,
    }


def decoding(shape: str, reasoner: str, device: torch.device) -> dict[str, Any]:
    """Seconds of a step and to the first token: ours, both models, and transformers' generate."""
    first = model(shape, device, torch.bfloat16)
    second = model(reasoner, device, torch.bfloat16, seed=1)
    vocabulary = SHAPES[shape]["vocab_size"]
    lms: dict[str, PersonalLM] = {
        "sft": CausalLM(first),
        "flythinker, one after the other": FlyThinkerLM(first, second, concurrent=False),
        "flythinker": FlyThinkerLM(first, second, concurrent=True),
        "flythinker, stacked": FlyThinkerLM(first, second),
        "coconut": CoconutLM(first),
    }
    context, tokens = (CONTEXT, TOKENS) if shape != "tiny" else (32, 8)
    found: dict[str, Any] = {"weight_bytes": {
        "sft": weight_bytes(first), "flythinker": weight_bytes(first, second)
    }}  # fmt: skip
    for batch in BATCHES:
        prompts = rows(batch, context, vocabulary)
        work = {name: partial(_timed, lm, prompts, tokens) for name, lm in lms.items()}
        work["transformers"] = partial(_timed_transformers, first, prompts, tokens)
        timed = interleaved(work, times=ROUNDS)
        found[str(batch)] = {
            name: {
                "step_s": median(each[0] for each in rounds),
                "first_token_s": median(each[1] for each in rounds),
                "steps_s": [each[0] for each in rounds],
            }
            for name, rounds in timed.items()
        }
        texts = {name: [each[2] for each in rounds] for name, rounds in timed.items()}
        serial, both = texts["flythinker, one after the other"], texts["flythinker"]
        stacked = texts["flythinker, stacked"]
        found[str(batch)]["equal_texts"] = {
            "serial, twice": _equal(serial[0], serial[1]),
            "two streams, twice": _equal(both[0], both[1]),
            "serial and two streams": _equal(serial[0], both[0]),
            "stacked, twice": _equal(stacked[0], stacked[1]),
            "sft and transformers": _equal(texts["sft"][0], texts["transformers"][0]),
        }
    return found


def _equal(texts: list[list[int]], others: list[list[int]]) -> float:
    """The share of texts that are the same to the last token."""
    pairs = list(zip(texts, others, strict=True))
    return sum(one == other for one, other in pairs) / len(pairs)


def _timed(lm: PersonalLM, prompts: list[list[int]], tokens: int) -> tuple[float, float, Any]:
    clock = DecodeClock()
    written = generate(lm, prompts, max_new_tokens=tokens, clock=clock)
    return clock.per_step[0], clock.first[0], written


@torch.inference_mode()
def _timed_transformers(lm: Any, prompts: list[list[int]], tokens: int) -> tuple[float, float, Any]:
    """A step of `generate`: the time of `tokens` less that of one, over the steps between."""
    ids = torch.tensor(prompts, device=lm.device)
    options: dict[str, Any] = {
        "attention_mask": torch.ones_like(ids), "do_sample": False, "eos_token_id": None,
        "pad_token_id": 0,
    }  # fmt: skip
    begin = now()
    lm.generate(ids, max_new_tokens=1, **options)
    first = now() - begin
    begin = now()
    written = lm.generate(ids, max_new_tokens=tokens, **options)
    whole = now() - begin
    return (whole - first) / (tokens - 1), first, written[:, ids.size(1) :].tolist()


def training(
    shape: str, reasoner: str | None, checkpointing: bool, device: torch.device
) -> dict[str, Any]:
    """Optimizer steps of AdamW in bf16 autocast over fp32 weights, as `harness run` takes them."""
    (prompt, target), batch = TRAINED if shape != "tiny" else ((24, 8), 2)
    vocabulary = SHAPES[shape]["vocab_size"]
    draw = rows(batch, prompt + target, vocabulary)
    examples = [
        TrainRow(str(at), tuple(row[:prompt]), tuple(row[prompt:])) for at, row in enumerate(draw)
    ]
    lm: PersonalLM = CausalLM(model(shape, device, torch.float32))
    if reasoner is not None:
        lm = FlyThinkerLM(lm.model, model(reasoner, device, torch.float32, seed=1))
    steps = 5
    settings = TrainSettings(
        epochs=steps, batch_size=batch, micro_tokens=2 * (prompt + target),
        gradient_checkpointing=checkpointing, lr=5e-6,
    )  # fmt: skip
    try:
        with PeakMemory([device]) as memory:
            log = train(lm, examples, settings, lr=5e-6, seed=0, dtype=torch.bfloat16)
    except torch.OutOfMemoryError as error:
        return {"out_of_memory": str(error).partition(".")[0]}
    seconds = median(step.seconds for step in log.curve[1:])
    flops = training_flops(lm, examples)
    return {
        "step_s": seconds,
        "steps_s": [step.seconds for step in log.curve],
        "tokens_per_s": batch * (prompt + target) / seconds,
        "peak_memory_mib": memory.peak_mib,
        "flops": flops,
        "losses": [step.loss for step in log.curve],
        "parameters": sum(part.numel() for part in lm.parameters()),
    }


def parts(shapes: Sequence[str], device: torch.device) -> Iterator[tuple[str, Part]]:
    """Every part by name, decoding first; a reasoner as large as its generator, then half."""
    yield "ceilings", partial(ceilings, device)
    halves = {shape: shapes[max(at - 1, 0)] for at, shape in enumerate(shapes)}
    for shape in shapes:
        for reasoner in dict.fromkeys((shape, halves[shape])):
            yield f"decoding {shape} + {reasoner}", partial(decoding, shape, reasoner, device)
    for shape in shapes:
        for checkpointing in (False, True):
            more = ", checkpointing" if checkpointing else ""
            for reasoner in dict.fromkeys((None, shape, halves[shape])):
                name = f"flythinker {shape} + {reasoner}" if reasoner else f"sft {shape}"
                yield (
                    f"training {name}{more}",
                    partial(training, shape, reasoner, checkpointing, device),
                )


def machine(device: torch.device) -> dict[str, Any]:
    import transformers

    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    driver = None
    if device.type == "cuda":
        asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        driver = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return {"device": name, "driver": driver, "torch": torch.__version__,
            "transformers": transformers.__version__, "dtype": "bfloat16",
            "CUBLAS_WORKSPACE_CONFIG": os.environ.get("CUBLAS_WORKSPACE_CONFIG")}  # fmt: skip


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        "python -m benchmarks.gpu", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("gpu.json"), help="results, as JSON")
    parser.add_argument("--shapes", default="0.5B,1.5B,3B", help=f"of {', '.join(SHAPES)}")
    parser.add_argument("--only", default="", help="parts whose names begin so, e.g. decoding")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=1e9,
                        help="begin no further part after this time")  # fmt: skip
    chosen = parser.parse_args(given)
    device, begin = torch.device(chosen.device), now()
    quiet_libraries()
    found: dict[str, Any] = {}
    if chosen.out.is_file():
        found = json.loads(chosen.out.read_text(encoding="utf-8"))
    found.setdefault("machine", machine(device))
    for name, part in parts(chosen.shapes.split(","), device):
        if name in found or not name.startswith((chosen.only, "ceilings")):
            continue
        if now() - begin > chosen.seconds:
            print(f"{name}: left for the next call", flush=True)
            continue
        started = now()
        found[name] = part()
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()
        chosen.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(f"{name}: {now() - started:.1f} s", flush=True)


if __name__ == "__main__":
    main()
