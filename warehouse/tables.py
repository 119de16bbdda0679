"""Read and write tables as Arrow. Names come from the code, values travel as data, never as SQL text."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from warehouse.connection import Backend


def has_table(backend: Backend, schema: str, name: str) -> bool:
    """Whether the warehouse holds `schema.name`."""
    return schema in backend.list_databases() and name in backend.list_tables(database=schema)


def read_table(backend: Backend, schema: str, name: str, where: dict[str, str] | None = None) -> pa.Table:
    """The rows of `schema.name`, those where the given columns equal the given values, as Arrow."""
    table = backend.table(name, database=schema)
    for column, value in (where or {}).items():
        table = table.filter(table[column] == value)
    return table.to_pyarrow()


def query(backend: Backend, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """The rows of a query with `?` parameters, as dictionaries."""
    cursor = backend.con.execute(sql, list(parameters))
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def ensure_table(backend: Backend, schema: str, name: str, columns: pa.Schema) -> None:
    """Create `schema.name` empty where it is absent."""
    if schema not in backend.list_databases():
        backend.create_database(schema)
    if name not in backend.list_tables(database=schema):
        backend.create_table(name, obj=columns.empty_table(), database=schema)  # pyright: ignore[reportUnknownMemberType]


def replace_table(backend: Backend, schema: str, name: str, rows: pa.Table) -> None:
    """Make `schema.name` hold exactly these rows."""
    if schema not in backend.list_databases():
        backend.create_database(schema)
    backend.create_table(name, obj=rows, database=schema, overwrite=True)  # pyright: ignore[reportUnknownMemberType]


def replace_rows(backend: Backend, schema: str, tables: dict[str, pa.Table], key: str, value: str) -> None:
    """In each table, replace the rows whose `key` equals `value` by the given ones: all tables, or none."""
    for name, rows in tables.items():
        ensure_table(backend, schema, name, rows.schema)
    connection = backend.con
    connection.begin()
    try:
        for name, rows in tables.items():
            connection.execute(f'delete from "{schema}"."{name}" where "{key}" = ?', [value])  # noqa: S608 - names are ours
            columns = ", ".join(f'"{column}"' for column in rows.column_names)
            connection.register("incoming_rows", rows)
            _add_missing_columns(connection, schema, name)
            connection.execute(f'insert into "{schema}"."{name}" ({columns}) select {columns} from incoming_rows')  # noqa: S608
            connection.unregister("incoming_rows")
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def _add_missing_columns(connection: Any, schema: str, name: str) -> None:
    """Give a table that an earlier release wrote the columns that its rows have today; older rows have null there."""
    missing = connection.execute(
        """
        select incoming.column_name, incoming.column_type from (describe incoming_rows) as incoming
        anti join information_schema.columns as stored
            on stored.table_schema = ? and stored.table_name = ? and stored.column_name = incoming.column_name
        """,
        [schema, name],
    ).fetchall()
    for column, kind in missing:
        connection.execute(f'alter table "{schema}"."{name}" add column "{column}" {kind}')


def append_rows(backend: Backend, schema: str, name: str, rows: pa.Table) -> None:
    """Add rows to `schema.name`, all of them or none; created where it is absent."""
    ensure_table(backend, schema, name, rows.schema)
    columns = ", ".join(f'"{column}"' for column in rows.column_names)
    backend.con.register("incoming_rows", rows)
    _add_missing_columns(backend.con, schema, name)
    backend.con.execute(f'insert into "{schema}"."{name}" ({columns}) select {columns} from incoming_rows')  # noqa: S608 - names are ours
    backend.con.unregister("incoming_rows")
