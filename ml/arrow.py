"""The one door between Arrow tables and NumPy arrays."""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# (the stubs leave the element type of most arrays open)

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Table = pa.Table
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.object_]
Dates = npt.NDArray[np.datetime64]

ColumnType = Literal["text", "float", "integer", "boolean", "date", "time"]
Schema = Mapping[str, ColumnType]

# `time` is UTC without a zone, like every time in the warehouse.
ARROW_TYPES: dict[ColumnType, Any] = {
    "text": pa.string(),
    "float": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "time": pa.timestamp("us"),
}


class MissingColumn(ValueError):  # noqa: N818 - the name says what is wrong
    """An input table lacks a column that the model needs, or holds it in a type that it cannot use."""


def column_kind(table: Table, name: str) -> Literal["number", "text", "other"]:
    """What a column holds: `number` (booleans, decimals and all-null too), `text`, or `other`."""
    held = table.column(name).type
    if pa.types.is_dictionary(held):
        held = held.value_type
    if pa.types.is_string(held) or pa.types.is_large_string(held):
        return "text"
    numeric = (pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
    return "number" if any(test(held) for test in numeric) else "other"


def numbers(table: Table, name: str) -> Floats:
    """A numeric or boolean column as float64, null as NaN."""
    column = _cast(table, name, pa.float64())
    return np.array(column.to_numpy(), dtype=np.float64)


def texts(table: Table, name: str) -> Texts:
    """A text column as Python strings, null as None."""
    return np.array(_cast(table, name, pa.string()).to_pylist(), dtype=np.object_)


def dates(table: Table, name: str) -> Dates:
    """A date column as datetime64[D]; null as NaT."""
    days = _cast(table, name, pa.date32())
    return np.array(days.to_numpy(), dtype="datetime64[D]")


def codes(table: Table, name: str, vocabulary: Sequence[str]) -> Integers:
    """Each text's place in the vocabulary: -1 where it is not in there, -2 where it is null."""
    column = _cast(table, name, pa.string())
    found = pc.index_in(column, value_set=pa.array(vocabulary, type=pa.string()))
    places = pc.if_else(pc.is_null(column), -2, pc.fill_null(found, pa.scalar(-1, type=pa.int32())))
    return np.array(places.to_numpy(), dtype=np.int64)


def sort_order(table: Table, columns: Sequence[str]) -> Integers:
    """The row numbers in ascending order of the columns; text by code point."""
    keys: list[tuple[str, Literal["ascending", "descending"]]] = [(name, "ascending") for name in columns]
    sortable = pa.table([_column(table, name) for name in columns], names=list(columns))
    return np.array(pc.sort_indices(sortable, sort_keys=keys).to_numpy(), dtype=np.int64)


def rows(table: Table, columns: Sequence[str]) -> list[dict[str, Any]]:
    """The named columns of a small table as dictionaries, one per row."""
    lists = {name: _column(table, name).to_pylist() for name in columns}
    return [{name: lists[name][i] for name in columns} for i in range(table.num_rows)]


def build(schema: Schema, columns: Mapping[str, Any]) -> Table:
    """An Arrow table of exactly the schema's columns; NaN in a float column becomes null."""
    arrays = [pa.array(columns[name], type=ARROW_TYPES[kind], from_pandas=True) for name, kind in schema.items()]
    return pa.table(arrays, names=list(schema))


def build_rows(schema: Schema, records: Sequence[Mapping[str, Any]]) -> Table:
    """An Arrow table from one mapping per row."""
    return build(schema, {name: [record[name] for record in records] for name in schema})


def concat(tables: Sequence[Table]) -> Table:
    """Tables of one schema, one after the other."""
    return pa.concat_tables(tables)


def _column(table: Table, name: str) -> Any:
    if name not in table.column_names:
        raise MissingColumn(f"column '{name}' is missing; there are {', '.join(sorted(table.column_names))}")
    return table.column(name)


def _cast(table: Table, name: str, wanted: Any) -> Any:
    column = _column(table, name)
    try:
        return column.cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise MissingColumn(f"column '{name}' holds {column.type}, which does not read as {wanted}") from error
