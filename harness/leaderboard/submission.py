"""The schema of a submission: strict types, size limits, finite numbers, ids that are not paths."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from harness.data.row_models import OUTPUT_CHARACTERS
from harness.errors import UsageError
from harness.leaderboard.public_names import plain_link, plain_name
from harness.record.reading import explained

PREDICTIONS_BYTES = 50_000_000
SUBMISSION_BYTES = 5_000_000
EXAMPLES = 20_000
"""Examples that a board may have."""


def _no_dots(text: str) -> str:
    if ".." in text:
        raise ValueError("expected a name, found '..'")
    return text


def _printable(text: str) -> str:
    hidden = [char for char in text if not char.isprintable()]
    if hidden:
        raise ValueError(f"expected one line of visible characters, found U+{ord(hidden[0]):04X}")
    return text


RowId = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$"), AfterValidator(_no_dots)
]
"""A row's id, also its folder's name: lower case, no slash, no leading dot, no '..'."""
Name = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,119}$"), AfterValidator(_no_dots)
]
"""A name of a method, metric, setting or example: ASCII, no slash, no space."""
Line = Annotated[str, StringConstraints(min_length=1, max_length=120), AfterValidator(_printable)]
"""One visible line: no line break, no control and no bidirectional control character."""
Signature = Annotated[str, StringConstraints(max_length=400), AfterValidator(_printable)]
Paragraph = Annotated[str, StringConstraints(max_length=2000)]
PublicName = Annotated[Line, AfterValidator(plain_name)]
"""A name on the page, in letters that are not taken for others."""
Link = Annotated[str, StringConstraints(max_length=208), AfterValidator(plain_link)]
Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8,64}$")]
Finite = Annotated[float, Field(allow_inf_nan=False, ge=-1e12, le=1e12)]
"""A number that can be squared and summed without an overflow."""
Cost = Annotated[float, Field(allow_inf_nan=False, ge=0, le=1e12)]
Count = Annotated[int, Field(ge=0, le=10**15)]
Setting = bool | int | Finite | Annotated[str, StringConstraints(max_length=500)] | None
SettingValue = Setting | Annotated[tuple[Setting, ...], Field(max_length=100)]


class Strict(BaseModel):
    """Frozen; an unknown field, a wrong type, NaN and infinity are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @classmethod
    def of(cls, source: object, **changes: object) -> Self:
        """The attributes of `source` that this type has too, with `changes`.

        Raises UsageError with the name of a bad field.
        """
        names = [name for name in cls.model_fields if hasattr(source, name)]
        values = {name: getattr(source, name) for name in names} | changes
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise UsageError(explained(cls.__name__.lower(), error)) from None


class Value(Strict):
    """A number with its 95 % interval over users; None if it could not be computed."""

    value: Finite | None
    low: Finite | None = None
    high: Finite | None = None


class Metric(Value):
    signature: Signature


class Slice(Value):
    """A value at target positions from `start` on, over `examples` members."""

    start: Annotated[int, Field(ge=0, le=10**6)]
    examples: Count | None = None


Slices = Annotated[tuple[Slice, ...], Field(max_length=40)]
End = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""A string at which texts are cut."""


class Test(Strict):
    """The test set and its rules: the same for every row of a board.

    Fields with a default came later; older boards and rows lack them.
    """

    task: Name
    setting: Literal["user", "temporal"]
    tier: Name
    fingerprint: Hex
    examples: Annotated[int, Field(ge=1, le=EXAMPLES)]
    users: Annotated[int, Field(ge=1, le=EXAMPLES)]
    max_new_tokens: Annotated[int, Field(ge=1, le=100_000)]
    temperature: Annotated[float, Field(ge=0, le=100)]
    top_p: Annotated[float, Field(gt=0, le=1)]
    top_k: Annotated[int, Field(ge=1, le=10**7)] | None = None
    repetition_penalty: Annotated[float, Field(gt=0, le=100)] = 1.0
    stop: Annotated[tuple[int | End, ...], Field(max_length=40)] = ()
    strip: Annotated[tuple[Name, ...], Field(max_length=40)] = ("think",)
    samples: Annotated[int, Field(ge=1, le=100)]


class Backbone(Strict):
    """The models that the method started from, and its total number of parameters."""

    name: Line
    revision: Line | None = None
    quantization: Line | None = None
    parameters: Count | None
    reasoner: Line | None = None
    method_parameters: Count | None = None

    @property
    def millions(self) -> float | None:
        """Millions of parameters of the whole method; None for texts made elsewhere."""
        known = self.method_parameters or self.parameters
        return None if known is None else known / 1e6


class Run(Strict):
    """The run behind the row, with all that is needed to repeat it."""

    run_id: Name
    seed: Annotated[int, Field(ge=-(2**53), le=2**53)]
    command: Annotated[str, StringConstraints(max_length=4000)]
    started: Line
    harness: Line
    commit: Hex | None
    clean: bool | None
    packages: Annotated[dict[Name, Line], Field(max_length=60)]
    settings: Annotated[dict[Name, SettingValue], Field(max_length=400)]


class Counts(Strict):
    planned: Count
    failed: Count
    empty: Count
    capped: Count
    input_cut: Count
    target_cut: Count


class Costs(Strict):
    """Costs as measured by the run on its own machine; None if not measured."""

    device: Line
    dtype: Line
    threads: Count
    training_s: Cost | None = None
    first_token_s: Cost | None = None
    tokens_per_s: Cost | None = None
    peak_memory_mib: Cost | None = None
    hidden_tokens: Cost | None = None


class Examples(Strict):
    """The examples' scores, one column per metric.

    ids: examples in the board's order. users: each example's user, numbered from 0.
    without: for a metric that is not a mean over examples, its value leaving out each user in turn,
    for paired comparisons. Older rows have BLEU's as `bleu_without`.
    """

    ids: Annotated[tuple[Name, ...], Field(min_length=1, max_length=EXAMPLES)]
    users: Annotated[tuple[Count, ...], Field(max_length=EXAMPLES)]
    scores: Annotated[
        dict[Name, Annotated[tuple[Finite | None, ...], Field(max_length=EXAMPLES)]],
        Field(max_length=60),
    ]
    without: Annotated[
        dict[Name, Annotated[tuple[Finite, ...], Field(max_length=EXAMPLES)]], Field(max_length=60)
    ] = {}

    bleu_without: Annotated[tuple[Finite, ...], Field(max_length=EXAMPLES)] = ()

    @property
    def left_out(self) -> dict[str, tuple[float, ...]]:
        """Metric → its value leaving out each user in turn, in rows of either form."""
        before = {"bleu": self.bleu_without} if self.bleu_without else {}
        return {**before, **self.without}


class Submission(Strict):
    """A row: submission.json. `verify` recomputes `metrics`, `slices` and `examples`.

    kind: what made the texts, a run or something outside the harness; older rows are runs.
    """

    schema_version: Literal[1] = 1
    kind: Literal["run", "scored"] = "run"
    id: RowId
    name: PublicName
    by: PublicName
    link: Link | None = None
    note: Paragraph = ""
    method: Name
    test: Test
    backbone: Backbone
    run: Run
    n: Counts
    metrics: Annotated[dict[Name, Metric], Field(min_length=1, max_length=60)]
    slices: Annotated[dict[Name, Slices], Field(max_length=60)]
    likelihood: Metric | None = None
    likelihood_slices: Slices = ()
    costs: Costs
    examples: Examples


class Text(Strict):
    """A line of predictions.jsonl."""

    id: Name
    sample: Annotated[int, Field(ge=0, le=99)] = 0
    output: Annotated[str, StringConstraints(max_length=OUTPUT_CHARACTERS)]
