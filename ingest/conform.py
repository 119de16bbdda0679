"""Turn batches of text into rows of a backend table, and set the rows that do not fit aside."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ingest.arrow import Array, Table, pa, pc
from ingest.backend_tables import BackendTable, ValueType
from ingest.mapping import EVENT_TYPES, ColumnRule, Input
from ingest.readers import BadRow, Batch
from ingest.text_lines import readable
from ingest.times import instants

BEGINNING = datetime(1970, 1, 1)  # noqa: DTZ001 (UTC without a zone, like every time in the tables)
FUTURE_ALLOWED = timedelta(days=1)  # clocks and zones differ; a time further ahead is a mistake
TRUE_WORDS = ("true", "t", "yes", "y", "1")
FALSE_WORDS = ("false", "f", "no", "n", "0")

_ARROW_TYPES: dict[ValueType, Any] = {
    "VARCHAR": pa.string(),
    "DOUBLE": pa.float64(),
    "BIGINT": pa.int64(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us"),
}
_DECIMAL = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
_WHOLE = r"^[+-]?[0-9]{1,18}(\.0+)?$"


@dataclass(frozen=True)
class Conformed:
    """Typed rows of a table with `properties`, `available_at`, `_line` and `_has_own_time`; and what did not fit."""

    rows: Table
    bad: tuple[BadRow, ...]


class _Faults:
    """The first fault of each row."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.found: dict[int, str] = {}

    def add(self, wrong: Array, reason: str) -> None:
        """Note a reason for the rows where `wrong` is true."""
        if pc.any(wrong).as_py():
            for index in pc.indices_nonzero(pc.fill_null(wrong, False)).to_pylist():
                self.found.setdefault(index, reason)


def conform(batch: Batch, item: Input, imported_at: datetime) -> Conformed:
    """Give every value its type and every row its time of knowledge.

    Args:
        batch: Rows as text.
        item: The input they were read for.
        imported_at: UTC, without a zone.

    Returns:
        The rows that fit, and those that do not with the reason: each input row is in one of the two.
    """
    table = item.table
    count = len(batch.lines)
    faults = _Faults(count)
    rules = {rule.target: rule for rule in item.columns}
    columns = {
        name: _values(rules[name], batch, faults) if name in rules else pa.nulls(count, _ARROW_TYPES[value_type])
        for name, value_type in table.columns.items()
    }
    if table.name == "events":
        columns["event_type"] = _event_types(columns["event_type"], rules.get("event_type"), faults)
    _check_presence(table, columns, rules, faults)
    available_at = _available_at(item, columns, batch, imported_at, faults)
    if table.name == "opportunities":
        columns["closed_available_at"] = _closed_available_at(item, columns, available_at, imported_at)
    rows = pa.table(
        columns
        | {
            "properties": batch.properties,
            "available_at": available_at,
            "_line": pa.array(batch.lines, pa.int64()),
            "_has_own_time": pa.repeat(item.known_from.mode == "column", count),
        }
    )
    bad = tuple(BadRow(batch.lines[index], reason, batch.raw(index)) for index, reason in sorted(faults.found.items()))
    if bad:
        rows = rows.take(pa.array([index for index in range(count) if index not in faults.found], pa.int64()))
    return Conformed(rows, bad)


def _values(rule: ColumnRule, batch: Batch, faults: _Faults) -> Array:
    """The values of one column, typed; those that cannot be read are noted."""
    arrow_type = _ARROW_TYPES[rule.value_type]
    if rule.constant is not None:
        constant = pa.scalar(rule.constant, pa.string()).cast(arrow_type)
        return pa.repeat(constant, faults.count)
    texts = batch.columns.get(rule.column or "")
    if texts is None:
        return pa.nulls(faults.count, arrow_type)
    if rule.value_type == "VARCHAR":
        return pc.binary_join_element_wise(rule.prefix, texts, "") if rule.prefix else texts
    if rule.equals:
        return pc.if_else(pc.is_null(texts), pa.scalar(None, pa.bool_()), pc.is_in(texts, pa.array(rule.equals)))
    values = _read(rule, texts)
    kind = {"TIMESTAMP": "time", "BOOLEAN": "true or false"}.get(rule.value_type, "number")
    faults.add(pc.and_(pc.is_valid(texts), pc.is_null(values)), f"unreadable {kind} in {_named(rule)}")
    return values


def _read(rule: ColumnRule, texts: Array) -> Array:
    if rule.value_type == "TIMESTAMP":
        return instants(texts, rule.format, rule.timezone)
    trimmed = pc.utf8_trim_whitespace(texts)
    if rule.value_type == "BOOLEAN":
        lowered = pc.utf8_lower(trimmed)
        known = pc.is_in(lowered, pa.array(TRUE_WORDS + FALSE_WORDS))
        return pc.if_else(known, pc.is_in(lowered, pa.array(TRUE_WORDS)), pa.scalar(None, pa.bool_()))
    fits = pc.match_substring_regex(trimmed, _WHOLE if rule.value_type == "BIGINT" else _DECIMAL)
    unsigned = pc.replace_substring_regex(trimmed, r"^\+", "")
    if rule.value_type == "BIGINT":
        unsigned = pc.replace_substring_regex(unsigned, r"\.0+$", "")
    numbers = pc.if_else(fits, unsigned, pa.scalar(None, pa.string())).cast(_ARROW_TYPES[rule.value_type])
    if rule.value_type == "DOUBLE":  # 1e999 reads as infinity
        return pc.if_else(pc.is_finite(numbers), numbers, pa.scalar(None, pa.float64()))
    return numbers


def _named(rule: ColumnRule) -> str:
    return rule.target if rule.column in (None, rule.target) else f"{rule.target} ({rule.column})"


def _event_types(values: Array, rule: ColumnRule | None, faults: _Faults) -> Array:
    if rule is None:
        return pa.repeat("track", faults.count)
    known = pc.or_(pc.is_null(values), pc.is_in(values, pa.array(EVENT_TYPES)))
    faults.add(pc.invert(known), f"unknown type of event in {_named(rule)}")
    return pc.fill_null(values, "track")


def _check_presence(
    table: BackendTable, columns: dict[str, Array], rules: dict[str, ColumnRule], faults: _Faults
) -> None:
    """Note rows without what their table needs. An id that is mapped is needed in every row."""
    own_id = table.key if len(table.key) == 1 and table.key[0] in rules else ()
    for name in dict.fromkeys((*own_id, *table.required)):
        faults.add(pc.is_null(columns[name]), f"missing {_named(rules[name])}")
    if table.one_of:
        mapped = [name for name in table.one_of if name in rules]
        missing = pc.is_null(pc.coalesce(*(columns[name] for name in mapped)))
        faults.add(missing, f"missing {' and '.join(mapped)}")


def _available_at(
    item: Input, columns: dict[str, Array], batch: Batch, imported_at: datetime, faults: _Faults
) -> Array:
    """When each row could first be known: never before it happened."""
    happened = columns[item.table.main_time]
    latest = pa.scalar(imported_at + FUTURE_ALLOWED, pa.timestamp("us"))
    faults.add(pc.greater(happened, latest), f"{item.table.main_time} lies in the future")
    if item.known_from.mode == "import_time":
        known = pa.repeat(pa.scalar(imported_at, pa.timestamp("us")), faults.count)
    elif item.known_from.rule is not None:
        known = _values(item.known_from.rule, batch, faults)
        faults.add(pc.is_null(known), f"missing {_named(item.known_from.rule)}")
        faults.add(pc.greater(known, latest), "available_at lies in the future")
    else:
        if item.table.main_time_needed == "event_time":
            faults.add(pc.is_null(happened), f"missing {item.table.main_time}")
        known = pc.fill_null(happened, pa.scalar(BEGINNING, pa.timestamp("us")))
    return pc.max_element_wise(known, happened, skip_nulls=True)


def _closed_available_at(item: Input, columns: dict[str, Array], available_at: Array, imported_at: datetime) -> Array:
    """When the close could first be known; null for a deal that is open and has no closing date."""
    closed_at = columns["closed_at"]
    now = pa.scalar(imported_at, pa.timestamp("us"))
    has_close = pc.or_(pc.is_valid(closed_at), pc.fill_null(columns["is_closed"], False))
    known = pc.fill_null(closed_at, now) if item.known_from.mode == "event_time" else closed_at
    latest = pc.max_element_wise(known, available_at, skip_nulls=True)
    return pc.if_else(has_close, latest, pa.scalar(None, pa.timestamp("us")))


def quarantine_table(table_name: str, file: str, bad: Sequence[BadRow], cut: int) -> Table:
    """Bad rows as Arrow, each raw text cut after `cut` characters."""
    return pa.table(
        {
            "table_name": pa.array([table_name] * len(bad), pa.string()),
            "file": pa.array([file] * len(bad), pa.string()),
            "line": pa.array([row.line for row in bad], pa.int64()),
            "reason": pa.array([row.reason for row in bad], pa.string()),
            "raw": pa.array([_storable(row.raw, cut) for row in bad], pa.string()),
        }
    )


def _storable(raw: str, cut: int) -> str:
    shown = readable(raw[:cut]).replace("\0", "\\x00")
    return shown if len(raw) <= cut else f"{shown}… ({len(raw) - cut} more characters)"
