"""harness run --dry-run: what would run, the memory it needs, and one full prompt."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from torch import nn
from transformers import PreTrainedModel

from harness.cli.jobs import Job
from harness.engine.endpoint.client import Client
from harness.engine.lm import LOGITS_AT_ONCE, PersonalLM, embedding_matrix
from harness.engine.micro_batches import TrainRow, micro_batches
from harness.engine.train import plan_steps
from harness.errors import counted
from harness.pipeline.estimate import (
    Rates,
    UnknownSizeError,
    estimate,
    phase_seconds,
    rates_for,
    rough,
)
from harness.pipeline.needs import refuse_long_tests, refuse_long_training
from harness.pipeline.plan import EncodedPrompt, Plan
from harness.pipeline.served.plan import ServedPlan, plan_of
from harness.planning.memory import disk_bytes
from harness.reports.render.table import Column, Table
from harness.reports.render.terminal import print_table
from harness.settings import RunSettings
from harness.types import Target

BYTES = 4
"""Bytes of a number in fp32."""
PROCESS = 500 * 2**20
"""Bytes of Python with torch, transformers and datasets loaded, before any model."""


def print_plan(console: Console, job: Job, out: Path) -> None:
    """Print a run's examples, tokens, cuts, parameters, memory, and its first test prompt."""
    # 1. Data and prompts.
    settings = job.settings
    plan = plan_of(settings, job.method, out, job.factory)
    prompts = plan.test_prompts
    facts = {"folder": str(plan.folder)}
    data = plan.source
    kind = "" if data.kind == data.source else data.kind
    source = (data.source, kind, f"{data.setting} setting", data.revision)
    facts["data"] = ", ".join(filter(None, source))
    for name, split in plan.splits.items():
        users = len({example.user_id for example in split.examples})
        facts[name] = (
            f"{counted(len(split.examples), 'example')}, {counted(users, 'user')}, fingerprint"
            f" {split.fingerprint[:12]}"
        )
    lengths = sorted(map(partial(prompt_tokens, plan), prompts))
    facts["test prompts"] = (
        f"{sum(lengths):,} tokens; median {lengths[len(lengths) // 2]}, longest {lengths[-1]}"
    )
    cut = [each.cut for each in prompts if each.cut]
    facts["cut to budget"] = (
        f"{counted(len(cut), 'prompt')}:"
        f" {counted(sum(c.entries for c in cut), 'entry', 'entries')} and"
        f" {counted(sum(c.tokens for c in cut), 'token')} dropped"
    )
    # 2. Training.
    rows: list[TrainRow] = []
    if plan.method.trains:
        pairs = plan.pairs("train")
        targets = [Target(pair.example.id, pair.reference.text) for pair in pairs]
        rows, shortened = plan.rows(pairs, targets, plan.encoded("train"))
        train = settings.train
        steps = plan_steps(len(rows), train.epochs, train.batch_size, settings.seed)
        tokens = sum(len(rows[index]) for step in steps for index in step)
        facts["training"] = (
            f"{counted(len(steps), 'step')} of {counted(train.batch_size, 'example')},"
            f" {tokens:,} tokens without prefaces; {counted(shortened, 'target')} cut"
        )
    # 3. Model and memory, or the server.
    facts |= server_facts(plan) if isinstance(plan, ServedPlan) else model_facts(plan, rows)
    facts["time"] = estimate([(job.method, settings)], out).shown
    rates, _ = rates_for(job.method, settings, out)
    if rates is not None:
        facts["by phase"] = _by_phase(job.method, settings, rates)
    # 4. Print.
    title = f"{job.method} on {settings.task}, dry run"
    table = Table("dry_run", title, (Column("", kind="note"), Column("")), tuple(facts.items()))
    print_table(console, table)
    console.print(f"\nThe first test prompt, as the model gets it ({prompts[0].example.id}):",
                  style="bold")  # fmt: skip
    first = prompts[0]
    whole = first.text
    if not isinstance(plan, ServedPlan):
        whole = plan.backbones.tokenizer.decode(list(first.prompt), skip_special_tokens=False)
    console.print(whole, soft_wrap=True)


def _by_phase(method: str, settings: RunSettings, rates: Rates) -> str:
    """`training 3 min, generation 20 s, …`."""
    try:
        phases = phase_seconds(method, settings, rates)
    except UnknownSizeError as error:
        return str(error)
    return ", ".join(f"{name} {rough(seconds)}" for name, seconds in phases.items() if seconds)


def prompt_tokens(plan: Plan, encoded: EncodedPrompt) -> int:
    """Tokens of a prompt, counted as budgets count them where only the server knows."""
    return plan.count(encoded.text) if isinstance(plan, ServedPlan) else len(encoded.prompt)


def server_facts(plan: ServedPlan) -> dict[str, str]:
    """Where requests will go, and how many there are; none is sent."""
    options, address = plan.settings.eval, plan.address
    texts = len(plan.test_prompts) * plan.settings.decode.samples
    swaps = (2 * options.donors + 1) * len(plan.test_prompts)
    reads = options.likelihood and plan.has_tokens
    more = {
        "log-probs": len(plan.test_prompts) * reads,
        "lift on likelihood": swaps * ("likelihood" in options.lift and reads),
        "lift on texts": swaps * ("texts" in options.lift),
    }
    parts = [f"{count:,} for {what}" for what, count in {"texts": texts, **more}.items() if count]
    known = f"${plan.settings.api.key}" if Client(address, plan.settings.api).key else "none"
    return {"server": address.url, "model": address.model, "key": known,
            "requests": ", ".join(parts)}  # fmt: skip


def model_facts(plan: Plan, rows: Sequence[TrainRow]) -> dict[str, str]:
    """Parameters and memory. rows: of training."""
    lm = plan.build()
    refuse_long_tests(plan, lm)
    if plan.method.trains:
        refuse_long_training(plan, lm)
    parts = {name: size(part) for name, part in lm.named_children()}
    each = f" ({', '.join(f'{name} {count:,}' for name, count in parts.items())})"
    return {
        "parameters": f"{size(lm):,}{each if len(parts) > 1 else ''}",
        "memory": f"about {memory_bytes(plan, lm, rows) / 2**30:.1f} GiB",
        **({"disk": _disk(plan, lm)} if rows else {}),
    }


def _disk(plan: Plan, lm: PersonalLM) -> str:
    """What the weights keep, and what a checkpoint takes while training is at work."""
    trained = sum(part.numel() for part in lm.parameters() if part.requires_grad)
    kept, checkpoint = disk_bytes(trained, plan.settings)
    return f"{kept / 1e9:.1f} GB kept; a checkpoint in training {checkpoint / 1e9:.1f} GB"


def size(part: nn.Module) -> int:
    """Parameters of a model."""
    return sum(each.numel() for each in part.parameters())


def memory_bytes(plan: Plan, lm: PersonalLM, rows: Sequence[TrainRow]) -> int:
    """Estimated peak in fp32: process, weights, and the largest batch of training or generation.

    Training stores gradients and AdamW's two moments of what it changes and, for each layer and
    token of a micro-batch, about 8 numbers per unit of width and 5 per unit of inner width (norms,
    attention, gated feed-forward; no attention weights), plus three times the logits. Generation
    stores one layer's numbers for the longest prompts, and the key-value cache. Measured peaks of
    full training are within 25 % of it.
    """
    settings, weights = plan.settings, BYTES * size(lm)
    trained = BYTES * sum(part.numel() for part in lm.parameters() if part.requires_grad)
    models = [
        part for part in lm.modules() if isinstance(part, PreTrainedModel) and part.can_generate()
    ]
    sizes = [_sizes(model) for model in models]
    prompt_tokens = settings.decode.batch_size * max(len(each.prompt) for each in plan.test_prompts)
    cached_tokens = prompt_tokens + settings.decode.batch_size * settings.decode.max_new_tokens
    generation = sum(prompt_tokens * kept + cached_tokens * cached for _, kept, cached in sizes)
    if not rows:
        return PROCESS + weights + generation
    widest = max(micro_batches(rows, settings.train.micro_tokens), key=_padded)
    one_layer = settings.train.gradient_checkpointing
    activations = _padded(widest) * sum(
        kept * (1 if one_layer else layers) for layers, kept, _ in sizes
    )
    vocabulary = embedding_matrix(models[0]).size(0) if models else 0
    answers = sum(len(row.response) for row in widest)
    logits = 3 * BYTES * min(LOGITS_AT_ONCE, answers * vocabulary)
    trial = weights if settings.train.lr == "auto" else 0
    return PROCESS + weights + 3 * trained + trial + max(activations + logits, generation)


def _padded(rows: Sequence[TrainRow]) -> int:
    return len(rows) * max(map(len, rows))


def _sizes(model: PreTrainedModel) -> tuple[int, int, int]:
    """Layers; bytes that one layer stores for a token until its backward pass; bytes of keys and
    values for a token, over all layers."""
    config: Any = model.config.get_text_config(decoder=True)  # Gemma 3 nests it
    width, layers, heads = config.hidden_size, config.num_hidden_layers, config.num_attention_heads
    inner = getattr(config, "intermediate_size", None) or 4 * width
    wide = getattr(config, "head_dim", None) or width // heads
    shared = getattr(config, "num_key_value_heads", None) or heads
    return layers, BYTES * (8 * width + 5 * inner), BYTES * 2 * layers * shared * wide
