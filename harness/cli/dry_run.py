"""harness run --dry-run: what would run, the memory it needs, and one full prompt."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.console import Console
from torch import nn

from harness.cli.jobs import Job
from harness.cli.screen import warn
from harness.engine.devices import uses_gpu
from harness.engine.endpoint.client import Client
from harness.engine.lm import PersonalLM
from harness.engine.micro_batches import TrainRow
from harness.engine.schedule import plan_steps
from harness.errors import counted
from harness.method import reference_targets
from harness.pipeline.encoded_prompt import EncodedPrompt
from harness.pipeline.estimate import (
    Rates,
    UnknownSizeError,
    estimate,
    phase_seconds,
    rates_for,
    rough,
)
from harness.pipeline.method_training import unused_reasoner
from harness.pipeline.needs import refuse_long_tests, refuse_long_training
from harness.pipeline.plan import Plan
from harness.pipeline.served.plan import ServedPlan, plan_of
from harness.planning.memory import CPU, GPU, Rows, disk_bytes, peak_bytes
from harness.planning.shapes import shapes_in
from harness.reports.render.table import Column, Table
from harness.reports.render.terminal import print_table
from harness.settings import RunSettings


def print_plan(console: Console, job: Job, out: Path, processes: int = 1) -> None:
    """Print a run's examples, tokens, cuts, parameters, memory, and its first test prompt.

    job: the run. out: the folder of all runs. processes: how many share the run.
    """
    settings = job.settings
    plan = plan_of(settings, job.method, out, job.factory)
    prompts = plan.test_prompts
    rows, shortened = _training_rows(plan)
    facts = _data_facts(plan)
    passes = None
    if isinstance(plan, ServedPlan):
        model = server_facts(plan)
    else:
        lm = plan.build()
        model = model_facts(plan, lm, rows, processes)
        taken = plan.backbones.reasoner_taken
        if message := unused_reasoner(job.method, job.factory, settings, taken):
            warn(console, [message])
        if rows:
            plan.method.rows_of = plan.rows_of
            passes = plan.method.epochs(lm, rows)
            facts["training"] = _training(plan, rows, passes, shortened)
    facts |= model
    facts["time"] = estimate([(job.method, settings)], out, passes).shown
    rates, _ = rates_for(job.method, settings, out)
    if rates is not None:
        facts["by phase"] = _by_phase(job.method, settings, rates, passes)
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


def _data_facts(plan: Plan) -> dict[str, str]:
    """The source, the splits, and the lengths and cuts of the test prompts."""
    data, prompts = plan.source, plan.test_prompts
    kind = "" if data.kind == data.source else data.kind
    source = (data.source, kind, f"{data.setting} setting", data.revision)
    facts = {"folder": str(plan.folder), "data": ", ".join(filter(None, source))}
    for name, split in plan.splits.items():
        facts[name] = (
            f"{counted(len(split.examples), 'example')}, {counted(split.user_count, 'user')},"
            f" fingerprint {split.fingerprint[:12]}"
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
    return facts


def _training_rows(plan: Plan) -> tuple[list[TrainRow], int]:
    """The rows of training without prefaces, and how many targets are cut."""
    if not plan.method.trains:
        return [], 0
    pairs = plan.pairs("train")
    return plan.rows(pairs, reference_targets(pairs), plan.encoded("train"))


def _training(plan: Plan, rows: Sequence[TrainRow], passes: float, shortened: int) -> str:
    """Steps and tokens of training.

    passes: over the rows. shortened: targets that are cut.
    """
    train = plan.settings.train
    steps = plan_steps(len(rows), passes, train.batch_size, plan.settings.seed)
    tokens = sum(len(rows[index]) for step in steps for index in step)
    return (
        f"{counted(len(steps), 'step')} of {counted(train.batch_size, 'example')},"
        f" {tokens:,} tokens without prefaces; {counted(shortened, 'target')} cut"
    )


def _by_phase(method: str, settings: RunSettings, rates: Rates, passes: float | None) -> str:
    """`training 3 min, generation 20 s, …`."""
    try:
        phases = phase_seconds(method, settings, rates, passes)
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


def model_facts(
    plan: Plan, lm: PersonalLM, rows: Sequence[TrainRow], processes: int
) -> dict[str, str]:
    """Parameters, memory and disk.

    plan: of the run. lm: its model. rows: of training. processes: how many share the run.
    """
    refuse_long_tests(plan, lm)
    if plan.method.trains:
        refuse_long_training(plan, lm, "train")
        refuse_long_training(plan, lm, "val")
    parts = {name: size(part) for name, part in lm.named_children()}
    each_process = " in each process" if processes > 1 else ""
    each = f" ({', '.join(f'{name} {count:,}' for name, count in parts.items())})"
    return {
        "parameters": f"{size(lm):,}{each if len(parts) > 1 else ''}",
        "memory": f"about {memory_bytes(plan, lm, rows, processes) / 2**30:.1f} GiB{each_process}",
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


def memory_bytes(plan: Plan, lm: PersonalLM, rows: Sequence[TrainRow], processes: int = 1) -> float:
    """Bytes of one process at its peak, by the formula of `harness plan` for the rows of the data.

    plan: of the run. lm: its model. rows: of training. processes: how many share the run.
    """
    card = GPU if uses_gpu(plan.settings.model.device) else CPU
    longest = Rows(
        max(len(each.prompt) for each in plan.test_prompts), max(map(len, rows), default=None)
    )
    return peak_bytes(shapes_in(lm), plan.settings, card, longest, processes)
