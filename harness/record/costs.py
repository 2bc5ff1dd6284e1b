"""What training and generating cost: wall seconds, memory, tokens, estimated FLOPs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.record.adapter import AdapterInfo
from harness.record.estimates import Json, View
from harness.record.sources import DeviceInfo


@dataclass(frozen=True, kw_only=True)
class Step(View):
    """One optimizer step."""

    step: int
    """Its number, from 1."""
    loss: float
    """Mean loss per response token before the step, in nats."""
    lr: float
    """Learning rate."""
    grad_norm: float
    """Norm of the gradient before clipping."""
    seconds: float = field(default=0.0, compare=False)
    """Wall seconds; ignored when steps are compared."""


@dataclass(frozen=True, kw_only=True)
class Trial(View):
    """A short training with one learning rate of the grid."""

    lr: float
    """Learning rate."""
    val_loss: float | None
    """Loss on val after it; null where it diverged."""
    curve: tuple[float, ...]
    """Loss before each step."""
    seconds: float
    """Wall seconds."""


@dataclass(frozen=True, kw_only=True)
class LrSearch(View):
    """The search of a learning rate (`train.lr = auto`)."""

    chosen: float
    """The rate with the lowest loss on val."""
    trials: tuple[Trial, ...]
    """All rates tried."""


@dataclass(frozen=True, kw_only=True)
class Training(View):
    """Cost and result of training. Times are wall seconds, across resumed runs."""

    seconds: Mapping[str, float]
    """Phase → seconds: `targets` (CoT's analyses; preparing the targets), `val_targets`,
    `lr_search`, `steps`, `between_steps` (setting up the optimizer, checkpoints), `evaluation`
    (loss on val), `saving`. Steps that an interruption lost count nowhere. Where times were lost
    with a damaged file, those of steps and search alone.
    """
    seconds_total: float | None
    """Their sum; null where times were lost."""
    steps: int
    """Optimizer steps."""
    examples: int
    """Training examples."""
    epochs: float
    """Passes over them."""
    target_cut: int
    """Examples whose target was shortened to its budget."""
    tokens: int
    """Tokens read in all steps, prompts included."""
    response_tokens: int
    """Those of them that were imitated."""
    lr: float
    """The learning rate used."""
    trainable_parameters: int
    """Parameters that training changes."""
    curve: tuple[Step, ...]
    """One entry for each optimizer step."""
    peak_memory_mib: float | None
    """Highest memory during training, targets and search included, across resumed runs: CUDA's
    allocator summed over GPUs, or this process's resident memory on a CPU; null where it was lost.
    """
    step_s: float | None = None
    """Median seconds of one optimizer step."""
    step_quartiles_s: tuple[float, float] | None = None
    """Quartiles of the same."""
    tokens_per_s: float | None = None
    """`tokens` over the seconds of `steps`."""
    flops: Mapping[str, int] | None = None
    """Estimated FLOPs of `targets`, `lr_search`, `steps` and `evaluation`."""
    flops_total: int | None = None
    """Their sum."""
    flops_missing: str | None = None
    """Why there is no estimate."""
    lr_search: LrSearch | None = None
    """How `lr` was chosen; null where it was given."""
    val_loss: float | None = None
    """Loss on val after training; null without val examples."""
    method: Mapping[str, Json] = field(default_factory=dict)
    """Counts that the method made while preparing its targets."""
    micro_tokens: int | None = None
    """Padded tokens in a micro-batch after memory ran out; null if `train.micro_tokens` fitted."""
    adapter: AdapterInfo | None = None
    """The adapters that training changed; null where it changed the weights themselves."""
    machine: DeviceInfo | None = None
    """The machine that trained, whose times and memory these are; null where it is the record's
    `device`.
    """
    reused_from: str | None = None
    """The run whose training this one shares. All of the above is that run's; `phases.training` is
    what this run spent.
    """


@dataclass(frozen=True, kw_only=True)
class Inference(View):
    """What generating the texts cost.

    Texts are generated in batches planned by prompt length, after an untimed warm-up of a few
    tokens. A resumed run times only what it generated itself. Behind an API each text is a batch of
    its own, timed from its request to its reply: the server's latency, with its load and network.
    """

    time_to_first_token_s: float | None = None
    """From a batch's prompts to the first token of its texts, with prefaces and latent thoughts;
    median over batches. A reasoning block is part of the text here, so its first token counts.
    """
    time_to_first_token_quartiles_s: tuple[float, float] | None = None
    """Quartiles of the same."""
    time_per_step_s: float | None = None
    """Per output token of a text: a batch's seconds after the first token over its steps, each of
    which gives one token of every text that has not ended; median over batches.
    """
    time_per_step_quartiles_s: tuple[float, float] | None = None
    """Quartiles of the same."""
    decode_s: float | None = None
    """Seconds of the texts with their reasoning blocks, without prefaces; null where no batch was
    timed.
    """
    end_to_end_s: float | None = None
    """A whole batch, which is how long each of its texts is waited for; median over batches.
    Batches whose rows took each other's places count as the mean of them.
    """
    end_to_end_quartiles_s: tuple[float, float] | None = None
    """Quartiles of the same."""
    seconds_per_example: float | None = None
    """Seconds of all batches over their texts."""
    tokens_per_s: float | None = None
    """Visible tokens over the seconds of all batches: hidden text counts in the time, not in the
    tokens.
    """
    step: str | None = None
    """What computed the decoding steps: `lean`, `lean, stacked` (two models as one batched pass),
    or `transformers`, with the reason where `decode.step` was `auto`.
    """
    batches_timed: int
    """Batches that the times are of, without failed texts; 0 where none is, or times were lost."""
    examples_timed: int
    """Texts in them."""
    batch_size: int
    """Texts in a full batch."""
    tokens_at_once: int | None = None
    """Most tokens of a batch: `decode.tokens_at_once`, or what free memory held; null: no bound."""
    peak_memory_mib: float | None = None
    """Highest memory while generating, measured as in training; null for a model behind an API, and
    where it was lost.
    """
    visible_tokens: int
    """Tokens of all texts."""
    hidden_tokens: int
    """Tokens of prefaces (CoT's analyses), latent thoughts (Coconut's) and reasoning blocks.
    FlyThinker's thoughts stand beside tokens and take no position, so they are not counted.
    """
    reasoning_tokens: int = 0
    """Tokens of hidden blocks inside the texts (`decode.strip`), taken out before scoring."""
    unclosed_reasoning: int = 0
    """Texts whose hidden block never ended."""
    preface_tokens: int
    """Hidden tokens of prefaces over all texts."""
    preface_timed: int
    """Those of them that `preface_s` was spent on."""
    preface_s: float | None
    """Seconds spent on prefaces; null where no batch was timed."""
    latent_thoughts_per_text: int
    """Latent thoughts before each text."""
    latent_s: float | None
    """Seconds spent on latent thoughts; null where no batch was timed."""
    flops: int | None = None
    """Estimated FLOPs of all texts, their reasoning blocks and prefaces."""
    flops_missing: str | None = None
    """Why there is no estimate."""
    user_work_s: float = 0.0
    """Seconds of what the method does once for each test user before any text (a summary, an
    adapter), across resumed runs; part of no other time here.
    """
    user_work_tokens: int = 0
    """Hidden tokens generated in it."""
    user_work_flops: int | None = 0
    """Estimated FLOPs of it, not part of `flops`; null where there is no estimate."""
    prefaces: Mapping[str, Json] = field(default_factory=dict)
    """What the method says of its prefaces, e.g. how many ended by themselves."""
