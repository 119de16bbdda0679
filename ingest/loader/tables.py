"""The raw tables that received events are loaded into, and the ledger of the segments they came in."""

from typing import Any

from ingest.arrow import pa
from ingest.loader.warehouse import Warehouse
from ingest.vendors.contract import Row

SCHEMA = "receiver"

_SQL_TYPES = {"string": "varchar", "int64": "bigint", "timestamp[us]": "timestamp", "bool": "boolean"}
_TIMES = ("original_at", "occurred_at")
_ENVELOPE = (
    ("source", pa.string()),
    ("vendor", pa.string()),
    ("call", pa.string()),
    ("received_at", pa.timestamp("us")),
)
ENVELOPE_COLUMNS = len(_ENVELOPE)

EVENTS = pa.schema(
    [
        *_ENVELOPE,
        *((name, pa.timestamp("us") if name in _TIMES else pa.string()) for name in Row._fields),
        ("segment", pa.string()),
        ("item", pa.int64()),
    ]
)
QUARANTINE = pa.schema(
    [*_ENVELOPE, ("reason", pa.string()), ("raw", pa.string()), ("segment", pa.string()), ("item", pa.int64())]
)
SEGMENTS = pa.schema(
    [
        ("segment", pa.string()),
        ("is_sealed", pa.bool_()),
        *((name, pa.int64()) for name in ("acknowledged", "loaded", "quarantined", "deduplicated", "damaged_bytes")),
        ("loaded_at", pa.timestamp("us")),
        ("loss_accepted_at", pa.timestamp("us")),
    ]
)


def typed_columns(columns: Any) -> str:
    """The columns of a schema of Arrow's as `create table` lists them, in types that every warehouse knows."""
    return ", ".join(f"{field.name} {_SQL_TYPES[str(field.type)]}" for field in columns)


def create_tables(warehouse: Warehouse) -> None:
    """Create the schema `receiver` and its tables where they are absent."""
    with warehouse.transaction():
        warehouse.execute(f"create schema if not exists {SCHEMA}")
        for name, columns in (("events", EVENTS), ("quarantine", QUARANTINE)):
            warehouse.execute(f"create table if not exists {SCHEMA}.{name} ({typed_columns(columns)})")
        warehouse.execute(
            f"create table if not exists {SCHEMA}.segments ({typed_columns(SEGMENTS)}, primary key (segment))"
        )
        for index in warehouse.indexes:
            warehouse.execute(index)
