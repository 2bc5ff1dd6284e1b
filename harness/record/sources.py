"""What a run was made from: code, machine, data, models; and counts of its examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.record.adapter import AdapterInfo
from harness.record.estimates import Json, View
from harness.types import SplitData


@dataclass(frozen=True, kw_only=True)
class CodeInfo(View):
    """The harness that made the run."""

    version: str
    """Version of the package."""
    commit: str | None = None
    """Commit of its checkout; null outside one."""
    clean: bool | None = None
    """Whether the checkout had no uncommitted changes; null outside one."""


@dataclass(frozen=True, kw_only=True)
class DeviceInfo(View):
    """The machine; times compare only where these agree."""

    device: str
    """Devices by torch's names, the generator's first, e.g. `cpu` or `cuda:0,cuda:1`."""
    dtype: str
    """Number type of activations in training and likelihoods."""
    threads: int
    """CPU threads that torch uses."""
    accelerator: str | None = None
    """Name of the GPU; null on a CPU."""
    processor: str | None = None
    """Name of the CPU."""
    cores: int | None = None
    """Logical cores."""
    system: str | None = None
    """Operating system and architecture."""
    processes: int = 1
    """Processes that did the run together, each with such devices of its own."""
    generation_dtype: str | None = None
    """Number type of the weights that generate; null where it is `dtype`."""


@dataclass(frozen=True, kw_only=True)
class SplitInfo(View):
    """One split of the data as the run used it."""

    fingerprint: str
    """sha256 of its ids and texts."""
    examples: int
    """Examples used."""
    users: int
    """Their users."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Reason → how often: leaked profile entries or authors with too few texts, left out."""

    @classmethod
    def of(cls, split: SplitData) -> SplitInfo:
        """What the record says of a split."""
        return cls(
            fingerprint=split.fingerprint,
            examples=len(split.examples),
            users=split.user_count,
            dropped=dict(split.dropped),
        )


@dataclass(frozen=True, kw_only=True)
class DataInfo(View):
    """Where the examples came from."""

    source: str
    """`data.source` as given: mini, hub or a folder."""
    setting: str
    """user or temporal."""
    kind: str
    """mini, hub, folder (JSON Lines, JSON or CSV) or parquet."""
    revision: str | None = None
    """Commit of the hub's data set, or seed of mini; null where there is none."""
    repository: str | None = None
    """Name of the hub's data set."""
    files: Mapping[str, str] | None = None
    """Data file → its sha256, for a folder."""
    splits: Mapping[str, SplitInfo] = field(default_factory=dict)
    """Split → the part that was used; `train` and `val` only if the method trains."""
    in_train: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """`test` or `val` → ids of its examples whose target is also a training target, from 50
    characters and after folding; empty if the method does not train."""

    @property
    def built_in(self) -> bool:
        """Whether the data is the built-in benchmark."""
        return self.kind == "mini"

    @property
    def test(self) -> SplitInfo:
        """The split that all metrics are computed on."""
        return self.splits["test"]


@dataclass(frozen=True, kw_only=True)
class BackboneInfo(View):
    """A backbone; all fields are null if the method does not use it."""

    name: str | None = None
    """As given: a built-in name, a folder or a name on the hub."""
    revision: str | None = None
    """Commit on the hub."""
    quantization: str | None = None
    """How the weights were stored, if quantized."""
    parameters: int | None = None
    """Number of parameters."""
    fingerprint: str | None = None
    """Sixteen hex digits over all tensors as loaded."""
    adapter: AdapterInfo | None = None
    """The adapter, where the backbone is an adapter's folder; merged unless it is trained on."""


@dataclass(frozen=True, kw_only=True)
class ApiInfo(View):
    """A model behind an API, as its server describes it; its weights are not seen."""

    url: str
    """Where requests went."""
    chat: bool
    """Whether the server applied the chat template."""
    models: tuple[str, ...] = ()
    """Names of the model in the replies."""
    fingerprints: tuple[str, ...] = ()
    """`system_fingerprint` of the replies: more than one means that the server changed."""
    left_out: tuple[str, ...] = ()
    """Settings of sampling that the server refused, so that its own defaults apply."""
    concurrent: int
    """Most requests at a time; times depend on it."""
    repeated: int = 0
    """Requests that were sent again after a failure."""
    no_logprobs: str | None = None
    """Why likelihood, and lift on it, are null, and what to do about it."""
    no_lift: str | None = None
    """Why a lift is null although it was asked for: the example whose prompt with another profile
    got no text or no log-probs, and the server's words."""


@dataclass(frozen=True, kw_only=True)
class ModelInfo(BackboneInfo):
    """The method's model: main backbone, reasoner, and the whole model at test time."""

    api: ApiInfo | None = None
    """The server's description, for a model behind an API; it has no number of parameters and no
    fingerprint of weights."""

    reasoner: BackboneInfo | None = None
    """The second backbone, for methods that have one."""
    text: Mapping[str, Json] | None = None
    """The rendered chat `template`, the end tokens in `ends`, and the parts of the model's
    `generation_config` that are not applied."""
    method_parameters: int | None = None
    """Parameters of the whole model."""
    weights: str | None = None
    """Sixteen hex digits over all its tensors at test time."""


@dataclass(frozen=True, kw_only=True)
class Counts(View):
    """How many test examples there were, and what happened to them."""

    planned: int
    """Examples of the test split."""
    scored: int = 0
    """Examples with a prediction, failed ones included."""
    failed: int = 0
    """Examples with a text whose generation failed; that text is scored as empty."""
    empty: int = 0
    """Examples with a text that has no visible character."""
    capped: int = 0
    """Examples with a text that reached the cap on new tokens."""
    input_cut: int = 0
    """Prompts that were cut to their budget."""
    target_cut: int = 0
    """Training targets that were cut to their budget."""
    tied: int = 0
    """Profiles whose entries all have one BM25 score, so that they keep their order."""
