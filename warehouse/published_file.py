"""Write what consumers read: a file of its own, renamed into place; no reader ever blocks or sees a half run."""

import os
from pathlib import Path

from warehouse.connection import PUBLISHED_FILE, Backend
from warehouse.tables import query

PUBLISHED_SCHEMAS = ("identity", "features", "ml", "scores", "activation", "reporting")
BY_RUN_SUFFIX = "_by_run"


def write_published_file(backend: Backend, folder: Path) -> Path:
    """Copy the published schemas into `published/pql.duckdb` beside the working file and rename it into place.

    Tables kept by run appear with the published run's rows alone: in `ml` under their own name, elsewhere under the
    plain one.
    """
    target = folder / PUBLISHED_FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".writing")
    for leftover in (unfinished, unfinished.with_name(unfinished.name + ".wal")):
        leftover.unlink(missing_ok=True)
    connection = backend.con
    connection.execute(f"attach '{_quoted(unfinished)}' as published_file")
    try:
        for schema, name in _published_tables(backend):
            connection.execute(f'create schema if not exists published_file."{schema}"')
            rows = _published_rows(backend, schema, name)
            copied = f'create table published_file."{schema}"."{name}" as select * from "{schema}"."{name}" {rows}'  # noqa: S608
            connection.execute(copied)
        connection.execute("create schema published_file.publishing")
        connection.execute(
            "create table published_file.publishing.runs as "
            "select * from publishing.runs where run_id = (select run_id from publishing.pointer)"
        )
    finally:
        connection.execute("detach published_file")
    _flush(unfinished)
    unfinished.replace(target)
    _flush(target.parent)
    return target


def _published_tables(backend: Backend) -> list[tuple[str, str]]:
    rows = query(
        backend,
        """
        select table_schema, table_name from information_schema.tables
        where table_catalog = current_catalog() and list_contains(?, table_schema) and not ends_with(table_name, ?)
        order by table_schema, table_name
        """,
        [list(PUBLISHED_SCHEMAS), BY_RUN_SUFFIX],
    )
    return [(row["table_schema"], row["table_name"]) for row in rows]


def _published_rows(backend: Backend, schema: str, name: str) -> str:
    """Which rows readers may see: the published run's, or in a history those of every run that was published."""
    if "run_id" not in backend.table(name, database=schema).columns:
        return ""
    if schema == "ml":
        return "where run_id = (select run_id from publishing.pointer)"
    return "where run_id in (select run_id from publishing.runs where status = 'published')"


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
