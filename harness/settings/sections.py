"""Presets and `--set section.key=value` become one validated, frozen RunSettings.

The text under each field is its help: the docs and `harness list presets` print it from here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, field_validator, model_validator

from harness.settings.model import ModelSettings
from harness.settings.names import named
from harness.settings.section import Section, no_value
from harness.settings.services import ApiSettings, TrackSettings

Rate = Annotated[float, Field(gt=0)]
PRESETS = ("mini", "smollm2", "paper")
Control = Literal["own", "zero", "noise", "shuffled", "other-profile"]
CONTROLS: tuple[Control, ...] = get_args(Control)


class DataSettings(Section):
    source: str = "mini"
    """`mini` (built in), `hub` (LongLaMP/LongLaMP), or a folder of data (docs/data.md)."""
    setting: Literal["user", "temporal"] = "user"
    """`user`: test users unseen in training. `temporal`: the same users, later texts."""
    revision: str = "main"
    """Commit of the hub data set. `main` is resolved, and its commit recorded."""
    on_leak: Literal["refuse", "drop"] = "refuse"
    """A reference that appears in its own profile: stop, or drop the entry and count it."""
    limit: int | None = Field(None, ge=1)
    """At most this many test examples, whole users first, in an order seeded by the data."""
    train_limit: int | None = Field(None, ge=1)
    """At most this many training examples, chosen the same way."""
    val_limit: int | None = Field(None, ge=1)
    """At most this many validation examples, chosen the same way."""
    mini_seed: int = 0
    """Seed of the built-in benchmark; another seed is another benchmark of the same kind."""

    @property
    def limits(self) -> dict[str, int | None]:
        """Split → at most this many of its examples."""
        return {"train": self.train_limit, "val": self.val_limit, "test": self.limit}


class RetrievalSettings(Section):
    ranking: Literal["bm25", "recency", "random", "dense"] = "bm25"
    """How profile entries are ranked; best first."""
    k: int | None = Field(None, ge=1)
    """Maximum number of entries; by default as many as fit."""
    dense_model: str | None = None
    """Folder or hub name of the encoder for `dense`."""


class BudgetSettings(Section):
    profile: int = Field(512, ge=1)
    """Tokens for profile entries: whole entries are dropped, last-ranked first; then one is cut."""
    input: int = Field(96, ge=1)
    """Tokens for the input x."""
    target: int = Field(448, ge=1)
    """Tokens of a training target. References are never cut for scoring."""


class TrainSettings(Section):
    epochs: float = Field(2.0, gt=0)
    """Passes over the training examples; fractions are allowed."""
    lr: Rate | Literal["auto"] = "auto"
    """Peak learning rate; `auto` chooses from `lr_grid` on val, the same grid for every method."""
    lr_grid: tuple[Rate, ...] = Field((1e-5, 3e-5, 1e-4, 3e-4), min_length=1)
    """Candidates of `lr = auto`, each tried with `lr_trial_epochs` from the same start."""
    lr_trial_epochs: float = Field(1.0, gt=0)
    """Passes over the training examples in one trial of `lr = auto`; with as many as `epochs`, the
    best trial is the training."""
    lr_trial_seed: int | None = Field(None, ge=0)
    """Seed of the trials of `lr = auto`: runs of other seeds take its choice, so that seeds differ
    in their training alone; without it each run tries the grid with its own seed."""
    batch_size: int = Field(16, ge=1)
    """Examples in one optimizer step, independent of micro-batches."""
    micro_tokens: int = Field(8192, ge=1)
    """At most this many padded tokens go through a model at once."""
    weight_decay: float = Field(0.025, ge=0)
    """AdamW's weight decay."""
    warmup: float = Field(0.01, ge=0, le=1)
    """Share of the steps over which the learning rate rises linearly."""
    schedule: Literal["linear", "constant", "cosine"] = "linear"
    """Shape of the learning rate after the warm-up."""
    clip: float = Field(1.0, gt=0)
    """Largest norm of the gradient."""
    profile_dropout: float = Field(0.1, ge=0, lt=1)
    """Share of training examples without a profile, so that the model learns empty profiles."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, more time."""
    checkpoint_minutes: float = Field(10.0, gt=0)
    """Minutes between checkpoints, from which the same command resumes a training."""
    keep_weights: bool = True
    """Keep the trained weights in the run's folder."""
    sharding: Literal["none", "full"] = "none"
    """What each of several processes holds in training: all of the model (`none`), or a part of its
    parameters, gradients and moments (`full`, by FSDP2). One process has all of it."""
    weights: Literal["float32", "bfloat16"] = "float32"
    """Number type in which trained weights are kept. With `bfloat16` they are rounded after the
    last step, and the run is evaluated with the rounded ones."""

    def lr_chosen_by(self, seed: int) -> int | None:
        """The other seed whose learning rate a run of this seed takes, if it takes one."""
        return self.lr_trial_seed if self.lr == "auto" and self.lr_trial_seed != seed else None

    def trials(self, seed: int) -> int:
        """How many rates a run of this seed tries."""
        tries = self.lr == "auto" and self.lr_chosen_by(seed) is None
        return len(self.lr_grid) if tries else 0

    def best_trial_trains(self, epochs: float, seed: int) -> bool:
        """Whether a run's best trial is its training: it has as many passes."""
        return self.trials(seed) > 0 and self.lr_trial_epochs == epochs


class DecodeSettings(Section):
    max_new_tokens: int = Field(448, ge=1)
    """Cap on a text, the same for every method. A reasoning block of the backbone counts; what a
    method writes or thinks before the text does not."""
    temperature: float = Field(0.0, ge=0)
    """0 is greedy."""
    top_p: float = Field(1.0, gt=0, le=1)
    """Share of probability that is drawn from."""
    top_k: int | None = Field(None, ge=1)
    """Draw from this many of the likeliest tokens (and ties), before top-p; by default from all."""
    repetition_penalty: float = Field(1.0, gt=0)
    """Divides positive and multiplies negative logits of tokens in the prompt or text (Keskar et
    al. 2019, as in transformers), before the temperature. 1 is off."""
    stop: tuple[int | Annotated[str, Field(min_length=1)], ...] = ()
    """Further ends of a text, besides the model's own: token ids, or strings at which it is cut,
    e.g. `["\\n\\n###", 13]`. A single string is used as it is; several need brackets."""
    strip: tuple[str, ...] = ("think",)
    """Names of reasoning blocks: `<think>…</think>` counts as hidden tokens and is not scored.
    `none` leaves them in the text."""
    batch_size: int = Field(32, ge=1)
    """Examples decoded together."""
    tokens_at_once: int | None = Field(None, ge=1)
    """At most this many tokens in a batch, counting every row as long as its longest prompt and the
    cap on new tokens: a bound on memory beside `batch_size`, also for what a method generates by
    itself. Less free memory lowers it for texts, and the record says so. By default only
    `batch_size` bounds a batch."""
    samples: int = Field(1, ge=1)
    """Texts per example with different sampling seeds; scores are averaged over them."""
    step: Literal["auto", "lean", "transformers"] = "transformers"
    """What computes a decoding step. `transformers`: the model's own forward. `lean`: fused
    products and plain buffers, for Llama, Mistral, Qwen2 and Qwen3; another model is an error.
    `auto`: lean where the model allows it, on a CPU or a GPU, there as one CUDA graph. Log-probs
    agree to rounding, which may flip a token."""
    slots: bool = False
    """With the lean step, waiting prompts of four batches take the places of rows that have ended.
    On a CPU it gains nothing (docs/performance.md): a step costs as much as it has rows. On a GPU
    it was not measured."""

    @property
    def drawing(self) -> dict[str, Any]:
        """How a token is chosen: the arguments of `generate` and `Sampling`."""
        return self.model_dump(include={"temperature", "top_p", "top_k", "repetition_penalty"})

    @field_validator("stop", mode="before")
    @classmethod
    def _one_string(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("strip", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        """`think` for `<think>` and `true`; nothing for `none` and `false`."""
        if value is None or isinstance(value, bool):
            return ("think",) if value else ()
        each = value.split(",") if isinstance(value, str) else value
        if not isinstance(each, list | tuple):
            raise ValueError("expected names of blocks, e.g. think for <think>…</think>")
        return tuple(dict.fromkeys(str(name).strip().strip("</>") for name in each))

    @field_validator("strip")
    @classmethod
    def _plain_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not re.fullmatch(r"[\w:-]+", name):
                raise ValueError(
                    f"{name!r} names no block; expected e.g. think for <think>…</think>"
                )
        return value


class EvalSettings(Section):
    metrics: tuple[str, ...] = ("bleu", "rouge1", "rouge2", "rougeL", "rougeLsum", "meteor")
    """Names of metrics; also `evaluate:NAME`, `style:FOLDER` and `bertscore:FOLDER?layer=N`."""
    tokenizer: Literal["default", "unicode"] = "default"
    """Tokenizer of ROUGE and METEOR: `default` is the libraries' own (ROUGE sees only a–z and 0–9),
    `unicode` sees the letters of every script."""
    bleu_tokenizer: Literal["13a", "intl", "zh", "char", "none", "ja-mecab", "ko-mecab"] = "13a"
    """sacrebleu's tokenizer for BLEU: `zh` and `char` split Chinese, `ja-mecab` and `ko-mecab` need
    sacrebleu's extras, `none` splits at spaces."""
    slices: tuple[int, ...] = (0, 100, 200, 300)
    """Where slices of the target begin, in slice tokens."""
    likelihood: bool = True
    """Evaluate the negative log-likelihood of the references, by position."""
    lift: tuple[Literal["likelihood", "texts"], ...] = ()
    """Profile swap: what the user's own profile gains over other users' and over none, in the
    likelihood of the references, and in texts generated with each of them."""
    donors: int = Field(4, ge=1)
    """Other users in the profile swap: this many at random, and this many near in topic."""
    relative: bool = True
    """Also evaluate likelihood relative to the base model, whose NLL is stored in the results
    folder and shared by all methods with the same prompts."""
    forced: bool = False
    """Continuation: give the reference up to the start of each slice, score the next 100 tokens."""
    authors: bool = True
    """Author identification: whose profile is nearest to each text, among 7 others of its topic?"""
    controls: tuple[Control, ...] = ()
    """Thought replacement: `all`, or the thoughts that replace a trained method's own."""
    floors: bool = True
    """Also record the floors: what texts made from the data alone score (`floor-…` beside the
    methods). They are computed once for a test split and a set of metrics."""
    resamples: int = Field(2000, ge=100)
    """Bootstrap resamples of users for the intervals."""

    @model_validator(mode="after")
    def _lift_of_what_is_measured(self) -> EvalSettings:
        if "likelihood" in self.lift and not self.likelihood:
            raise ValueError('lift of "likelihood" needs eval.likelihood=true')
        return self

    @field_validator("controls", mode="before")
    @classmethod
    def _all(cls, value: Any) -> Any:
        return CONTROLS if value in ("all", ["all"], ("all",)) else value

    @field_validator("slices")
    @classmethod
    def _rising(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or value[0] != 0 or list(value) != sorted(set(value)):
            raise ValueError("slices begin at 0 and rise, e.g. 0,100,200,300")
        return value


class RunSettings(Section):
    """All settings of a run."""

    preset: str = "mini"
    """Name of the preset that gives the other defaults."""
    task: str = "product_review"
    """product_review, abstract_generation, topic_writing, or a plugin's task."""
    seed: int = Field(0, ge=0, lt=2**31)
    """Seed of training order, profile dropout and sampling; never of which examples are used."""
    data: DataSettings = DataSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    budget: BudgetSettings = BudgetSettings()
    model: ModelSettings = ModelSettings()
    train: TrainSettings = TrainSettings()
    decode: DecodeSettings = DecodeSettings()
    eval: EvalSettings = EvalSettings()
    track: TrackSettings = TrackSettings()
    api: ApiSettings = ApiSettings()
    method: Mapping[str, Any] = Field(default_factory=dict)
    """The method's own options, e.g. `method.lam=0.5`; the method validates them."""

    @field_validator("method")
    @classmethod
    def _one_form(cls, value: Mapping[str, Any]) -> Any:
        return whole_numbers(no_value(value))

    def digest(self) -> str:
        """Twelve hex digits over the settings in `named`: part of the run's name."""
        text = json.dumps(named(self.model_dump(mode="json")), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def whole_numbers(value: Any) -> Any:
    """The value with 1 for 1.0, in lists and tables too: equal numbers are equal settings."""
    if isinstance(value, Mapping):
        return {key: whole_numbers(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [whole_numbers(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
