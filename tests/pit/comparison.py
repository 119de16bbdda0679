"""Compare a table of two builds row by row and cell by cell, for accounts that both know."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

ACCOUNTS_OF_BOTH = (
    "select account_id from one.identity.accounts intersect select account_id from other.identity.accounts"
)
BOTH_KNOW = f"account_id in ({ACCOUNTS_OF_BOTH})"


@contextmanager
def two_builds(one: Path, other: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        for name, home in (("one", one), ("other", other)):
            connection.execute(f"attach '{home / 'pql.duckdb'}' as {name} (read_only)")
        yield connection


def differences(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    keys: tuple[str, ...],
    last_date: str,
    *,
    ignored: tuple[str, ...] = (),
    relative_tolerance: float = 0.0,
) -> tuple[int, list[str]]:
    """How many rows were compared, and what differs up to `last_date` in either direction, one text per cell."""
    columns = {
        name: kind
        for name, kind, *_ in connection.execute(f"describe one.{table}").fetchall()
        if name not in keys and name not in ignored
    }
    kept = f"as_of_date <= date '{last_date}' and {BOTH_KNOW}"
    connection.execute(
        f"create or replace temp table left_rows as select *, true as present from one.{table} where {kept}"
    )
    connection.execute(
        f"create or replace temp table right_rows as select *, true as present from other.{table} where {kept}"
    )
    (compared,) = connection.execute("select count(*) from left_rows").fetchone()
    (repeated,) = connection.execute(f"select count(*) - count(distinct ({', '.join(keys)})) from left_rows").fetchone()
    assert repeated == 0, f"{table} has {repeated} rows more than its grain {keys}"
    said = " || ' ' || ".join(f"{key}::varchar" for key in keys)
    found: list[str] = []
    for column, kind in {"present": "BOOLEAN", **columns}.items():
        differs = f"left_rows.{column} is distinct from right_rows.{column}"
        if kind in ("DOUBLE", "FLOAT") and relative_tolerance:
            largest = f"greatest(abs(left_rows.{column}), abs(right_rows.{column}), 1e-300)"
            differs += (
                f" and coalesce(abs(left_rows.{column} - right_rows.{column}) / {largest} > {relative_tolerance}, true)"
            )
        if column != "present":
            differs += " and left_rows.present and right_rows.present"
        found += [
            f"{table} {row}: {column} {left!r} against {right!r}"
            for row, left, right in connection.execute(
                f"select {said}, left_rows.{column}, right_rows.{column} from left_rows "
                f"full join right_rows using ({', '.join(keys)}) where {differs} order by all"
            ).fetchall()
        ]
    return compared, found


def summary(found: list[str], shown: int = 25) -> str:
    return f"{len(found)} differences\n" + "\n".join(found[:shown])
