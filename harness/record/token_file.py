"""tokens.parquet: the likelihood of the references token by token, beside the record."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from harness.errors import DataError
from harness.record.durable import write_bytes
from harness.record.schema import Record
from harness.record.storage import WEIGHTS

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

TOKENS = "tokens.parquet"
Kind = Literal["copy", "subject", "style"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""What a token can be, in the order of its codes; docs/metrics.md defines them."""
NLLS = ("nll_own", "nll_other", "nll_topic", "nll_empty")
"""Columns in nats: with the user's own profile, the mean over random other users' profiles, the
mean over topic-matched ones, and without a profile."""


@dataclass(frozen=True)
class TokenValues:
    """The tokens [T] of all references, in the order of the examples.

    examples: ids of the texts [N].
    example: index of each token's text in `examples`.
    position: index of the token in its text, in tokens of the backbone.
    slice_token: index of the slice token (word or punctuation mark) in which it ends.
    kind: index in `KINDS`.
    nll: nats, a column for each of `NLLS` [T,4]; NaN where there is no value, as with one user.
    """

    examples: tuple[str, ...]
    example: NDArray[np.int32]
    position: NDArray[np.int32]
    slice_token: NDArray[np.int32]
    kind: NDArray[np.int8]
    nll: NDArray[np.float32]

    def column(self, name: str) -> NDArray[np.float64]:
        """A column of `nll` in double precision, in which sums are taken."""
        return self.nll[:, NLLS.index(name)].astype("float64")


def write_tokens(folder: Path, values: TokenValues) -> str:
    """Write the file atomically; returns its sha256 for the record."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    # numbers as they are: a dictionary of them would be a third larger
    pq.write_table(_table(values), sink, compression="zstd", use_dictionary=["example", "kind"])
    content = sink.getvalue().to_pybytes()
    write_bytes(folder / TOKENS, content)
    return hashlib.sha256(content).hexdigest()


def read_tokens(folder: Path, record: Record) -> TokenValues | None:
    """The tokens of a run; None if its record names no such file, or if the file is absent.

    Raises DataError, naming the file, if it is not the one that the record names.
    """
    expected, path = record.lift and record.lift.tokens, folder / TOKENS
    if expected is None or not path.is_file():
        return None
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise DataError(
            f"{path}: other content than the record's\n"
            f"  found     sha256 {found[:12]}\n"
            f"  expected  {expected[:12]}, of the tokens that the run evaluated\n"
            "  mend      repeat the run's command, which makes it again from the run's weights; or"
            " delete the file to do without what it shows"
        )
    return _values(content)


def lacks_tokens(folder: Path, record: Record) -> bool:
    """Whether a complete run has no intact file, although it has the weights that make it.

    A run without likelihood in its profile swap needs none; of a model behind an API there are no
    weights.
    """
    if record.lift is None or record.lift.likelihood is None or record.backbone.api is not None:
        return False
    if record.training is not None and not (folder / WEIGHTS).is_file():
        return False
    path = folder / TOKENS
    if not path.is_file():
        return True
    return hashlib.sha256(path.read_bytes()).hexdigest() != record.lift.tokens


def _table(values: TokenValues) -> pa.Table:
    import numpy as np
    import pyarrow as pa

    def named(codes: NDArray[Any], names: Sequence[str]) -> pa.DictionaryArray:
        return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(names))

    columns = {
        "example": named(values.example, values.examples),
        "position": pa.array(values.position),
        "slice_token": pa.array(values.slice_token),
        "kind": named(values.kind, KINDS),
    }
    for name, column in zip(NLLS, values.nll.T, strict=True):
        columns[name] = pa.array(column, mask=np.isnan(column))
    return pa.table(columns)


def _values(content: bytes) -> TokenValues:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(pa.BufferReader(content)).combine_chunks()

    def codes(name: str) -> tuple[NDArray[np.int32], list[str]]:
        column = table[name].combine_chunks()
        if not isinstance(column, pa.DictionaryArray):
            column = column.dictionary_encode()
        return column.indices.to_numpy(zero_copy_only=False), column.dictionary.to_pylist()

    example, examples = codes("example")
    kind, kinds = codes("kind")
    order = np.array([KINDS.index(name) for name in kinds], dtype=np.int8)
    return TokenValues(
        examples=tuple(examples),
        example=example,
        position=table["position"].to_numpy(),
        slice_token=table["slice_token"].to_numpy(),
        kind=order[kind],
        nll=np.stack([table[name].to_numpy() for name in NLLS], axis=1).astype(np.float32),
    )
