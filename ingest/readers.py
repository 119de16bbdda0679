"""Read CSV, NDJSON and Parquet, each optionally gzip, into batches of text columns with the line of every row."""

import codecs
import csv
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal, cast

from ingest.arrow import Array, Table, pa, pacsv, pc, pq
from ingest.mapping import CsvDialect, Input, InputFile, MappingError, closest
from ingest.text_lines import (
    MAX_LINE,
    LineTooLongError,
    TextLines,
    UnreadableFileError,
    is_undecodable,
    open_bytes,
    readable,
    reading,
)

BATCH_ROWS = 65_536
BATCH_CHARACTERS = 32 * 1024 * 1024  # a batch ends here too, so that long rows do not take all memory
MAX_FIELD = 1024 * 1024  # characters in one CSV field; Python's own limit of 131,072 is too small for JSON in CSV

Properties = Literal["rest", "none"] | tuple[str, ...]


@dataclass(frozen=True)
class BadRow:
    """A row that could not be used. `line` is the 1-based physical line it starts on; in Parquet, the row's number."""

    line: int
    reason: str
    raw: str


@dataclass(frozen=True)
class Batch:
    """Rows of one file as text.

    Attributes:
        columns: The mapped columns by the file's names, as Arrow strings.
        properties: JSON object text per row.
        lines: 1-based physical line of each row (in Parquet its number).
        raw: Gives the text of a row as it stands in the file.
        bad: Rows that are no rows: wrong width, bad encoding, broken JSON.
    """

    columns: dict[str, Array]
    properties: Array
    lines: Sequence[int]
    raw: Callable[[int], str]
    bad: tuple[BadRow, ...]


def hash_file(file: InputFile) -> str:
    """SHA-256 of the file's bytes, in hex."""
    with file.path.open("rb") as binary:
        return hashlib.file_digest(binary, "sha256").hexdigest()


def check_columns(item: Input) -> None:
    """Compare the mapped columns with the header of every CSV and Parquet file of an input.

    NDJSON has no header: `read_batches` compares once the whole file is read.

    Raises:
        MappingError: If a file lacks a mapped column, or names one twice.
    """
    for file in item.files:
        if file.format != "ndjson":
            with reading(file.label):
                _require(item, file, _found_columns(item, file))


def read_notes(item: Input, file: InputFile) -> tuple[str, ...]:
    """What is worth telling about a file that is no fault of its rows."""
    if file.format == "parquet":
        return ()
    with reading(file.label), open_bytes(file.path) as binary:
        lines = TextLines(binary, item.csv.encoding if file.format == "csv" else "utf-8")
        return ("a UTF-8 byte order mark was removed",) if lines.had_byte_order_mark else ()


def read_batches(item: Input, file: InputFile) -> Iterator[Batch]:
    """Read one file.

    Args:
        item: The input the file belongs to.
        file: The file.

    Yields:
        Its rows in batches, in the file's order.

    Raises:
        MappingError: If no row of an NDJSON file has a mapped column.
        UnreadableFileError: If the file breaks off or is not of its format.
    """
    readers = {"csv": _read_csv, "ndjson": _read_ndjson, "parquet": _read_parquet}
    with reading(file.label):
        yield from readers[file.format](item, file)


def _mapped(item: Input) -> tuple[str, ...]:
    return tuple(dict.fromkeys(rule.column for rule in item.rules if rule.column is not None))


def _require(item: Input, file: InputFile, found: Iterable[str]) -> None:
    names = tuple(found)
    for rule in item.rules:
        if rule.column is not None and rule.column not in names and not rule.optional:
            raise MappingError(rule.key, f"{file.label} has no column {rule.column!r}", closest(rule.column, names))
    if isinstance(item.properties, tuple):
        for name in item.properties:
            if name not in names:
                raise MappingError(
                    f"{item.key}.properties", f"{file.label} has no column {name!r}", closest(name, names)
                )


def _found_columns(item: Input, file: InputFile) -> tuple[str, ...]:
    if file.format == "parquet":
        with _open_parquet(file) as parquet:
            names = tuple(parquet.schema_arrow.names)
    else:
        with open_bytes(file.path) as binary:
            names = _header(item, file, TextLines(binary, item.csv.encoding))
    for name in names:
        if names.count(name) > 1:
            raise MappingError(item.key, f"{file.label} has two columns named {name!r}", "Rename one in the file")
    return names


def _kept(item: Input, found: Sequence[str]) -> tuple[str, ...]:
    """The columns that go to `properties`, sorted, so that a file whose columns change places changes no row."""
    if item.properties == "none":
        return ()
    if isinstance(item.properties, tuple):
        return tuple(sorted(item.properties))
    return tuple(sorted(set(found) - set(_mapped(item))))


# CSV


def _header(item: Input, file: InputFile, lines: TextLines) -> tuple[str, ...]:
    """The column names; leaves `lines` at the first row of data."""
    if not item.csv.header:
        return item.csv.names
    try:
        names = next(_csv_reader(lines, item.csv), None) if lines.refill() else None
    except (csv.Error, LineTooLongError) as error:
        raise MappingError(item.key, f"the header of {file.label} is broken ({error})", "Correct its first line") from (
            error
        )
    if not names or is_undecodable("".join(names)) or "\0" in "".join(names):
        raise MappingError(
            f"{item.key}.csv", f"{file.label} has no readable header", "Check encoding, or write header: false"
        )
    lines.next_record()
    return tuple(name or f"column_{position}" for position, name in enumerate(names, start=1))


def _csv_reader(lines: TextLines, dialect: CsvDialect) -> Iterator[list[str]]:
    csv.field_size_limit(max(csv.field_size_limit(), MAX_FIELD))
    return csv.reader(
        lines,
        delimiter=dialect.delimiter,
        quotechar=dialect.quote,
        escapechar=dialect.escape,
        doublequote=dialect.escape is None or dialect.escape == dialect.quote,
        strict=True,
    )


def _read_csv(item: Input, file: InputFile) -> Generator[Batch]:
    with open_bytes(file.path) as binary:
        lines = TextLines(binary, item.csv.encoding)
        names = _header(item, file, lines)
        _require(item, file, names)
        kept = _kept(item, names)
        while True:
            for rows, numbers, raws, bad in _csv_records(lines, item.csv, len(names)):
                arrays = dict(zip(names, _transpose(rows, len(names)), strict=True))
                yield _csv_batch(item, arrays, kept, numbers, raws.__getitem__, tuple(bad))
            while (block := lines.read_block()) is not None:
                plain = _plain_rows(block, item.csv, names)
                if plain is None:
                    break
                numbers = range(lines.line, lines.line + plain.num_rows)
                arrays = {name: plain.column(name).combine_chunks() for name in names}
                yield _csv_batch(item, arrays, kept, numbers, _LazyLines(block), ())
                lines.skip(plain.num_rows)
            if block is None and not lines.refill():
                return
            if block is not None:
                lines.open_block(block)


def _csv_batch(
    item: Input,
    arrays: dict[str, Array],
    kept: Sequence[str],
    numbers: Sequence[int],
    raw: Callable[[int], str],
    bad: tuple[BadRow, ...],
) -> Batch:
    texts = {name: _null_when_empty(values) for name, values in arrays.items()}
    return Batch(
        columns={name: texts[name] for name in _mapped(item) if name in texts},
        properties=_json_objects([(name, _json_texts(texts[name])) for name in kept], numbers),
        lines=numbers,
        raw=raw,
        bad=bad,
    )


class _LazyLines:
    """The text of a row of a plain block, split only if one is asked for."""

    def __init__(self, block: bytes) -> None:
        self._block = block
        self._lines: list[str] | None = None

    def __call__(self, index: int) -> str:
        if self._lines is None:
            self._lines = self._block.decode("utf-8").split("\n")
        return self._lines[index].rstrip("\r")


def _plain_rows(block: bytes, dialect: CsvDialect, names: Sequence[str]) -> Table | None:
    """The rows of a block in which each line is one sound row, read by Arrow; None if that is not certain.

    About six times as fast as Python's reader, which takes every other block because it knows the line of each row.
    """
    marks = [mark.encode() for mark in (dialect.quote, dialect.escape, "\0") if mark is not None]
    if dialect.encoding != "utf-8" or not dialect.delimiter.isascii() or any(mark in block for mark in marks):
        return None
    ends = block.replace(b"\r\n", b"\n") if b"\r" in block else block
    if b"\r" in ends or b"\n\n" in ends or ends.startswith((b"\n", codecs.BOM_UTF8)) or not _decodes(ends):
        return None
    try:
        rows = pacsv.read_csv(
            pa.BufferReader(ends),
            read_options=pacsv.ReadOptions(column_names=list(names), use_threads=False, block_size=len(ends) + 1),
            parse_options=pacsv.ParseOptions(
                delimiter=dialect.delimiter, quote_char=False, double_quote=False, ignore_empty_lines=False
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, check_utf8=False
            ),
        )
    except pa.ArrowInvalid:  # a row of the wrong width: the careful reader will say which
        return None
    lines = ends.count(b"\n") + (not ends.endswith(b"\n"))
    return rows if rows.num_rows == lines else None


def _decodes(block: bytes) -> bool:
    if block.isascii():
        return True
    try:
        block.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


_Records = tuple[list[list[str]], list[int], list[str], list[BadRow]]


def _csv_records(lines: TextLines, dialect: CsvDialect, width: int) -> Generator[_Records]:
    """Split lines into records, and records into good and bad."""
    rows, numbers, raws, bad = cast("_Records", ([], [], [], []))
    reader = _csv_reader(lines, dialect)
    size = 0
    while True:
        try:
            row = next(reader, None)
        except (csv.Error, LineTooLongError) as error:
            bad.append(_broken_record(lines, error))
            reader = _csv_reader(lines, dialect)
            continue
        if row is None:
            break
        raw = lines.text()
        fault = None if len(row) == width else _width_fault(len(row), width)
        fault = _text_fault(raw) or fault
        if fault is None:
            rows.append(row)
            numbers.append(lines.line)
            raws.append(raw)
        elif row:  # an empty line is no row
            bad.append(BadRow(lines.line, fault, raw))
        size += len(raw)
        lines.next_record()
        if len(rows) + len(bad) >= BATCH_ROWS or size >= BATCH_CHARACTERS:
            yield rows, numbers, raws, bad
            rows, numbers, raws, bad = cast("_Records", ([], [], [], []))
            size = 0
    if rows or bad:
        yield rows, numbers, raws, bad


def _broken_record(lines: TextLines, error: Exception) -> BadRow:
    """Set aside the first line of a broken record and go on at the next; a line too long takes the whole record."""
    line = lines.line
    if isinstance(error, LineTooLongError):
        raw = lines.text()
        lines.next_record()
        return BadRow(line, f"line longer than {MAX_LINE} characters", raw)
    return BadRow(line, _csv_fault(error), lines.put_back_all_but_first())


def _csv_fault(error: Exception) -> str:
    reasons = {
        "unexpected end of data": "quote never closed",
        "field larger than field limit": f"field longer than {MAX_FIELD} characters, or quote never closed",
        "new-line character seen in unquoted field": "carriage return outside quotes",
        "expected after": "text after a closing quote",
    }
    return next((reason for part, reason in reasons.items() if part in str(error)), f"malformed CSV: {error}")


def _width_fault(width: int, wanted: int) -> str:
    return "wrong width: too few fields" if width < wanted else "wrong width: too many fields"


def _text_fault(raw: str) -> str | None:
    if "\0" in raw:
        return "NUL character"
    return "undecodable bytes" if is_undecodable(raw) else None


def _transpose(rows: list[list[str]], width: int) -> list[Array]:
    columns: Iterable[Sequence[str]] = zip(*rows, strict=True) if rows else ((),) * width
    return [pa.array(column, pa.string()) for column in columns]


def _null_when_empty(texts: Array) -> Array:
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


# NDJSON


def _read_ndjson(item: Input, file: InputFile) -> Generator[Batch]:
    mapped = _mapped(item)
    seen: set[str] = set()
    any_row = False
    with open_bytes(file.path) as binary:
        for objects, numbers, raws, bad in _json_records(TextLines(binary, "utf-8")):
            columns = {name: [_dig(row, name) for row in objects] for name in mapped}
            seen.update(*objects)
            seen.update(name for name, values in columns.items() if any(value is not None for value in values))
            any_row = any_row or bool(objects)
            properties = [_rest_of(row, item.properties, mapped) for row in objects]
            yield Batch(
                columns={
                    name: _null_when_empty(pa.array([_json_scalar_text(value) for value in values], pa.string()))
                    for name, values in columns.items()
                },
                properties=pa.array(properties, pa.string()),
                lines=numbers,
                raw=raws.__getitem__,
                bad=tuple(bad),
            )
    if any_row:
        _require(item, file, sorted(seen))


_Objects = tuple[list[dict[str, Any]], list[int], list[str], list[BadRow]]


def _json_records(lines: TextLines) -> Generator[_Objects]:
    objects, numbers, raws, bad = cast("_Objects", ([], [], [], []))
    reader = iter(lines)
    size = 0
    while True:
        try:
            line = next(reader, None)
        except LineTooLongError as error:
            bad.append(_broken_record(lines, error))
            reader = iter(lines)
            continue
        if line is None:
            if not lines.refill():
                break
            reader = iter(lines)
            continue
        raw = lines.text()
        if raw.strip():
            row = _json_row(raw)
            if isinstance(row, str):
                bad.append(BadRow(lines.line, row, raw))
            else:
                objects.append(row)
                numbers.append(lines.line)
                raws.append(raw)
        size += len(raw)
        lines.next_record()
        if len(objects) + len(bad) >= BATCH_ROWS or size >= BATCH_CHARACTERS:
            yield objects, numbers, raws, bad
            objects, numbers, raws, bad = cast("_Objects", ([], [], [], []))
            size = 0
    yield objects, numbers, raws, bad


def _json_row(raw: str) -> dict[str, Any] | str:
    """The object on a line, or what is wrong with the line."""
    fault = _text_fault(raw)
    if fault is not None:
        return fault
    try:
        row: object = _JSON_DECODER.decode(raw)
    except (ValueError, RecursionError):  # RecursionError: a line of a thousand opening brackets
        return "invalid JSON"
    if not isinstance(row, dict):
        return "JSON line is not an object"
    if "\\u" in raw:  # escapes can smuggle in what the raw text does not show
        fault = _text_fault(json.dumps(row, ensure_ascii=False).replace("\\\\", "").replace("\\u0000", "\0"))
    return fault or cast("dict[str, Any]", row)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


_JSON_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
_JSON_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True, default=str)


def _dig(row: dict[str, Any], name: str) -> Any:
    """A key of an object, or by dots a key of the objects inside it."""
    if name in row or "." not in name:
        return row.get(name)
    value: Any = row
    for part in name.split("."):
        value = cast("dict[str, Any]", value).get(part) if isinstance(value, dict) else None
    return value


def _json_scalar_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return _JSON_ENCODER.encode(value)


def _rest_of(row: dict[str, Any], properties: Properties, mapped: Sequence[str]) -> str:
    if properties == "none":
        return "{}"
    if properties == "rest":
        kept = {name: value for name, value in row.items() if value is not None and name not in mapped}
    else:
        kept = {name: row[name] for name in properties if row.get(name) is not None}
    return _JSON_ENCODER.encode(kept)


# Parquet


@contextmanager
def _open_parquet(file: InputFile) -> Generator[Any]:
    """Open a Parquet file. One inside gzip is unpacked to a temporary file first, because Parquet is read backwards."""
    with open_bytes(file.path) as binary, tempfile.TemporaryFile() as unpacked:
        source: BinaryIO = binary
        if file.path.suffix.lower() == ".gz":
            shutil.copyfileobj(binary, unpacked)
            source = cast("BinaryIO", unpacked)
        try:
            parquet = pq.ParquetFile(source)
        except pa.ArrowInvalid as error:
            raise UnreadableFileError(f"{file.label}: is no Parquet file ({error}). Nothing was imported.") from error
        yield parquet


def _read_parquet(item: Input, file: InputFile) -> Generator[Batch]:
    with _open_parquet(file) as parquet:
        names: list[str] = parquet.schema_arrow.names
        _require(item, file, names)
        mapped, kept = _mapped(item), _kept(item, names)
        needed = [name for name in names if name in mapped or name in kept]
        start = 1
        for record_batch in parquet.iter_batches(batch_size=BATCH_ROWS, columns=needed):
            yield _parquet_batch(record_batch, mapped, kept, start)
            start += record_batch.num_rows


def _parquet_batch(record_batch: Any, mapped: Sequence[str], kept: Sequence[str], start: int) -> Batch:
    table: Table = pa.Table.from_batches([record_batch])
    arrays = {name: _plain(table.column(name).combine_chunks()) for name in table.column_names}
    faults = _parquet_faults(arrays, table.num_rows)
    good = [index for index in range(table.num_rows) if index not in faults]
    numbers = [start + index for index in good]
    bad = [
        BadRow(start + index, fault, _raw_json({name: values[index] for name, values in arrays.items()}))
        for index, fault in faults.items()
    ]
    if faults:
        arrays = {name: values.take(pa.array(good, pa.int64())) for name, values in arrays.items()}
    texts = {name: _as_text(arrays[name]) for name in mapped if name in arrays}
    return Batch(
        columns=texts,
        properties=_json_objects([(name, _json_values(arrays[name])) for name in kept], numbers),
        lines=numbers,
        raw=lambda index: _raw_json({name: values[index] for name, values in arrays.items()}),
        bad=tuple(bad),
    )


def _plain(values: Array) -> Array:
    """Undo dictionaries, and the many widths of strings and times."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_large_string(values.type) or pa.types.is_string_view(values.type):
        return values.cast(pa.string())
    if pa.types.is_large_binary(values.type) or pa.types.is_fixed_size_binary(values.type):
        return values.cast(pa.binary())
    if pa.types.is_timestamp(values.type):
        return values.cast(pa.timestamp("us", values.type.tz), safe=False)
    return values


def _parquet_faults(arrays: dict[str, Array], rows: int) -> dict[int, str]:
    """Find strings that are not UTF-8 (Parquet does not check) or hold NUL."""
    faults: dict[int, str] = {}
    for values in arrays.values():
        if not (pa.types.is_string(values.type) or pa.types.is_binary(values.type)):
            continue
        as_bytes = values.view(pa.binary()) if pa.types.is_string(values.type) else values
        if pc.any(pc.match_substring(as_bytes, "\0")).as_py() or not _is_utf8(as_bytes):
            for index, value in enumerate(as_bytes.to_pylist()):
                fault = None if value is None else _text_fault(value.decode("utf-8", "mark_undecodable"))
                if fault is not None:
                    faults.setdefault(index, fault)
    return faults if len(faults) < rows else dict(sorted(faults.items()))


def _is_utf8(values: Array) -> bool:
    try:
        values.cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True


def _as_text(values: Array) -> Array:
    """Any column as strings, the way a CSV file would hold it; empty strings are nulls."""
    kind = values.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        utc = values.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us")).cast(pa.string())
        return pc.binary_join_element_wise(utc, "Z", "")
    if pa.types.is_nested(kind):
        return pa.array([_json_scalar_text(value) for value in values.to_pylist()], pa.string())
    return _null_when_empty(values.cast(pa.string()))


def _json_values(values: Array) -> Array:
    """Any column as JSON values: numbers and booleans bare, structures as they are, the rest as strings."""
    kind = values.type
    bare = pa.types.is_integer(kind) or pa.types.is_boolean(kind)
    if bare:
        return values.cast(pa.string())
    if pa.types.is_floating(kind) or pa.types.is_nested(kind):
        return pa.array([_json_value(value) for value in values.to_pylist()], pa.string())
    return _json_texts(_as_text(values))


def _json_value(value: Any) -> str | None:
    if value is None or value != value or value in (float("inf"), float("-inf")):  # JSON has no NaN
        return None
    return _JSON_ENCODER.encode(value)


def _raw_json(row: dict[str, Any]) -> str:
    """A Parquet row as JSON, for the quarantine."""
    values: dict[str, Any] = {}
    for name, scalar in row.items():
        is_text = pa.types.is_string(scalar.type) or pa.types.is_binary(scalar.type)
        data: Any = scalar.as_buffer() if is_text and scalar.is_valid else None
        values[name] = readable(data.to_pybytes().decode("utf-8", "mark_undecodable")) if data else scalar.as_py()
    return _JSON_ENCODER.encode(values)


# JSON text, column by column: about five times the speed of one dictionary per row


def _json_texts(texts: Array) -> Array:
    """Strings as JSON strings."""
    if pc.any(pc.match_substring_regex(texts, r'[\x00-\x1f"\\]')).as_py():
        return pa.array(
            [None if text is None else _JSON_ENCODER.encode(text) for text in texts.to_pylist()], pa.string()
        )
    return pc.binary_join_element_wise('"', texts, '"', "")


def _json_objects(members: Sequence[tuple[str, Array]], rows: Sequence[object]) -> Array:
    """One object per row from columns of JSON values; a null member is left out."""
    if not members:
        return pa.array(["{}"] * len(rows), pa.string())
    # A comma before each member and the first one cut off: the join that skips nulls loses rows of nothing but nulls.
    pairs = [
        pc.fill_null(pc.binary_join_element_wise(f",{_JSON_ENCODER.encode(name)}:", values, ""), "")
        for name, values in members
    ]
    inside = pc.utf8_slice_codeunits(pc.binary_join_element_wise(*pairs, ""), 1)
    return pc.binary_join_element_wise("{", inside, "}", "")
