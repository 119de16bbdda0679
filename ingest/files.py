"""Import files into the raw backend tables: read the mapping, read the files, conform, stage, merge."""

from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import duckdb

from ingest.arrow import Table, pa
from ingest.backend_tables import (
    TABLES,
    PartCounts,
    create_backend_tables,
    create_stage,
    drop_stage,
    log_import,
    merge_quarantine,
    merge_rows,
    stage_quarantine,
    stage_rows,
)
from ingest.conform import conform, quarantine_table
from ingest.mapping import Input, InputFile, read_mapping
from ingest.readers import check_columns, hash_file, read_batches, read_notes

RAW_CHARACTERS = 100_000  # of a bad row that the quarantine keeps

Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class FileSummary:
    """What became of one file for one table. `rows_read` is the sum of new, unchanged and quarantined.

    Attributes:
        table: The backend table.
        file: The file's path, seen from the mapping file.
        file_hash: SHA-256 of its bytes.
        rows_read: Rows in the file.
        rows_new: Rows added.
        rows_unchanged: Rows that were there already or repeat another.
        rows_ignored: Those of `rows_unchanged` that differ from the event or touch stored under the same id.
        quarantined: Bad rows by reason.
        notes: What else is worth telling.
    """

    table: str
    file: str
    file_hash: str
    rows_read: int
    rows_new: int
    rows_unchanged: int
    rows_ignored: int
    quarantined: Mapping[str, int]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class TableSummary:
    """The files of one table together. The fields are those of `FileSummary`."""

    table: str
    rows_read: int
    rows_new: int
    rows_unchanged: int
    rows_ignored: int
    quarantined: Mapping[str, int]


@dataclass(frozen=True)
class ImportSummary:
    """One import: by table, in the order of the mapping, and by file."""

    source: str
    imported_at: datetime
    tables: tuple[TableSummary, ...]
    files: tuple[FileSummary, ...]


@dataclass(frozen=True)
class _Part:
    """One file read for one input, before the merge."""

    number: int
    item: Input
    file: InputFile
    file_hash: str
    rows_good: int
    quarantined: Counter[str]
    notes: tuple[str, ...]


def import_files(
    connection: duckdb.DuckDBPyConnection,
    mapping_path: Path,
    imported_at: datetime,
    progress: Progress | None = None,
) -> ImportSummary:
    """Import the files a mapping names, all or nothing.

    Args:
        connection: A connection that may write and has no transaction open.
        mapping_path: The mapping file; see docs/importing-files.md.
        imported_at: The moment of the import; without a zone it is taken as UTC.
        progress: Called with a file's label and the rows of it read so far, after every batch.

    Returns:
        What was read, added, left alone and set aside.

    Raises:
        MappingError: If the mapping cannot be used, or names a column that a file does not have.
        UnreadableFileError: If a file breaks off or is not of its format. Nothing is kept of the import.
    """
    moment = imported_at.astimezone(UTC).replace(tzinfo=None) if imported_at.tzinfo else imported_at
    mapping = read_mapping(mapping_path)
    for item in mapping.inputs:
        check_columns(item)
    with _transaction(connection):
        create_backend_tables(connection)
        create_stage(connection)
        parts = _stage_files(connection, mapping.inputs, moment, progress)
        counts: dict[int, PartCounts] = {}
        for table in TABLES.values():
            if any(part.item.table is table for part in parts):
                counts |= merge_rows(connection, table, mapping.name, moment)
        merge_quarantine(connection, mapping.name, moment)
        files = tuple(_file_summary(part, counts.get(part.number, PartCounts(0, 0, 0))) for part in parts)
        for file in files:
            _log(connection, mapping.name, file, moment)
        drop_stage(connection)
    return ImportSummary(mapping.name, moment, _table_summaries(files), files)


@contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Generator[None]:
    connection.begin()
    try:
        yield
    except BaseException:  # an interrupt, too, must leave nothing half-written
        connection.rollback()
        raise
    connection.commit()


def _stage_files(
    connection: duckdb.DuckDBPyConnection, inputs: tuple[Input, ...], imported_at: datetime, progress: Progress | None
) -> list[_Part]:
    numbers = count()
    order = 0
    parts: list[_Part] = []
    for item in inputs:
        for file in item.files:
            part = _stage_file(connection, item, file, (next(numbers), order), imported_at, progress)
            order += part.rows_good
            parts.append(part)
    return parts


def _stage_file(
    connection: duckdb.DuckDBPyConnection,
    item: Input,
    file: InputFile,
    position: tuple[int, int],
    imported_at: datetime,
    progress: Progress | None,
) -> _Part:
    """Stage one file. `position` is the part's number and the order of its first row among all rows of the import."""
    number, first = position
    good = 0
    mapped = {rule.target for rule in item.columns} | {"event_type"}  # event_type has a default
    quarantined: Counter[str] = Counter()
    for batch in read_batches(item, file):
        conformed = conform(batch, item, imported_at)
        bad = (*batch.bad, *conformed.bad)
        rows = conformed.rows
        if rows.num_rows:
            stage_rows(connection, item.table, mapped, _placed(rows, file.label, number, first + good))
        if bad:
            stage_quarantine(connection, quarantine_table(item.table.name, file.label, bad, RAW_CHARACTERS))
        good += rows.num_rows
        quarantined.update(row.reason for row in bad)
        if progress is not None:
            progress(file.label, good + quarantined.total())
    return _Part(number, item, file, hash_file(file), good, quarantined, read_notes(item, file))


def _placed(rows: Table, label: str, number: int, first: int) -> Table:
    """Rows with the file, the part and the place in the import of each."""
    size = rows.num_rows
    return (
        rows.append_column("_file", pa.repeat(label, size))
        .append_column("_part", pa.repeat(pa.scalar(number, pa.int32()), size))
        .append_column("_order", pa.array(range(first, first + size), pa.int64()))
    )


def _file_summary(part: _Part, counts: PartCounts) -> FileSummary:
    return FileSummary(
        table=part.item.table.name,
        file=part.file.label,
        file_hash=part.file_hash,
        rows_read=part.rows_good + part.quarantined.total(),
        rows_new=counts.new,
        rows_unchanged=counts.unchanged,
        rows_ignored=counts.ignored,
        quarantined=dict(sorted(part.quarantined.items())),
        notes=part.notes,
    )


def _table_summaries(files: tuple[FileSummary, ...]) -> tuple[TableSummary, ...]:
    summaries: list[TableSummary] = []
    for name in dict.fromkeys(file.table for file in files):
        own = [file for file in files if file.table == name]
        quarantined: Counter[str] = Counter()
        for file in own:
            quarantined.update(file.quarantined)
        summaries.append(
            TableSummary(
                table=name,
                rows_read=sum(file.rows_read for file in own),
                rows_new=sum(file.rows_new for file in own),
                rows_unchanged=sum(file.rows_unchanged for file in own),
                rows_ignored=sum(file.rows_ignored for file in own),
                quarantined=dict(sorted(quarantined.items())),
            )
        )
    return tuple(summaries)


def _log(connection: duckdb.DuckDBPyConnection, source: str, file: FileSummary, imported_at: datetime) -> None:
    log_import(
        connection,
        source=source,
        table_name=file.table,
        file=file.file,
        file_hash=file.file_hash,
        counts=(file.rows_read, file.rows_new, file.rows_unchanged, sum(file.quarantined.values())),
        imported_at=imported_at,
    )
