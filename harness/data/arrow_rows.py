"""Arrow columns → rows, with the values that the same rows have in JSON Lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from harness.record.strict_json import first_duplicate

if TYPE_CHECKING:
    import pyarrow as pa


def rows_of(batch: pa.RecordBatch) -> Iterator[Mapping[str, Any]]:
    """The batch's rows. Raises ValueError if two columns have the same name.

    A 16- or 32-bit number keeps its shortest spelling: 4.1, not 4.099999904632568.
    """
    if duplicate := first_duplicate(batch.schema.names):
        raise ValueError(f"column {duplicate!r} appears twice")
    short = [field for field in batch.schema if _has_short_numbers(field.type)]
    for row in batch.to_pylist():
        yield row | {field.name: _spelled(row[field.name], field.type) for field in short}


def _has_short_numbers(kind: pa.DataType) -> bool:
    from pyarrow import types

    inner = [kind.field(index).type for index in range(kind.num_fields)]
    short = types.is_float16(kind) or types.is_float32(kind) or types.is_decimal(kind)
    return short or any(_has_short_numbers(part) for part in inner)


def _spelled(value: Any, kind: pa.DataType) -> Any:
    """`value` with decimals and short floats converted to the numbers that JSON would give."""
    import numpy as np
    from pyarrow import types

    if value is None:
        return None
    if types.is_struct(kind):
        fields = [kind.field(index) for index in range(kind.num_fields)]
        return {field.name: _spelled(value[field.name], field.type) for field in fields}
    if isinstance(value, list):
        return [_spelled(item, kind.field(0).type) for item in value]
    if isinstance(value, Decimal):
        return float(value) if types.is_decimal(kind) and kind.scale > 0 else int(value)
    if types.is_float16(kind) or types.is_float32(kind):
        short = np.float16(value) if types.is_float16(kind) else np.float32(value)
        return float(str(short))
    return value
