"""Read a mapping file and refuse it, naming the key and the fix, before any data file is read."""

import codecs
import difflib
import os
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path
from typing import Any, Literal, cast

import yaml

from ingest.backend_tables import TABLES, BackendTable, ValueType
from ingest.times import check_format, check_timezone

FileFormat = Literal["csv", "parquet", "ndjson"]
KnownFromMode = Literal["event_time", "import_time", "column"]

FORMATS: dict[str, FileFormat] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "ndjson",
}
EVENT_TYPES = ("track", "page", "screen", "identify", "group", "alias")

_NAME = re.compile(r"[a-z0-9_]+")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


class MappingError(ValueError):
    """A mapping that cannot be used. The message names the key and says what to write instead."""

    def __init__(self, key: str, problem: str, fix: str) -> None:
        super().__init__(f"{key}: {problem}. {fix}")
        self.key = key


@dataclass(frozen=True)
class ColumnRule:
    """How one column of a table is filled.

    Attributes:
        key: Where in the mapping this stands.
        target: The column of the backend table.
        value_type: Its SQL type.
        column: The file's column, or None for a constant.
        constant: The constant as text.
        prefix: Put before every value.
        format: How times are written: strptime codes, `epoch_s`, `epoch_ms`, or None for ISO 8601.
        timezone: The zone of times that carry none.
        equals: For booleans: the values that mean true; empty for words such as true and false.
        optional: Whether a file may lack the column.
    """

    key: str
    target: str
    value_type: ValueType
    column: str | None = None
    constant: str | None = None
    prefix: str = ""
    format: str | None = None
    timezone: str = "UTC"
    equals: tuple[str, ...] = ()
    optional: bool = False


@dataclass(frozen=True)
class CsvDialect:
    """How a delimited file is written. `names` stands in for the header that a file lacks."""

    delimiter: str = ","
    quote: str = '"'
    escape: str | None = None
    encoding: str = "utf-8"
    header: bool = True
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class KnownFrom:
    """When a row counts as known: when it happened, when it was imported, or when a column of its own says."""

    mode: KnownFromMode
    rule: ColumnRule | None = None


@dataclass(frozen=True)
class InputFile:
    """One file. `label` is its path seen from the mapping file, which is the same on every machine."""

    path: Path
    label: str
    format: FileFormat


@dataclass(frozen=True)
class Input:
    """Files that feed one table in one way. `properties` is rest, none, or the columns to keep."""

    key: str
    table: BackendTable
    files: tuple[InputFile, ...]
    csv: CsvDialect
    columns: tuple[ColumnRule, ...]
    properties: Literal["rest", "none"] | tuple[str, ...]
    known_from: KnownFrom

    @property
    def rules(self) -> tuple[ColumnRule, ...]:
        """Every rule, the one for the time of knowledge included."""
        return (*self.columns, self.known_from.rule) if self.known_from.rule else self.columns


@dataclass(frozen=True)
class Mapping:
    """A whole mapping file, checked."""

    name: str
    inputs: tuple[Input, ...] = field(default_factory=tuple)


def read_mapping(path: Path) -> Mapping:
    """Read and check a mapping file.

    Args:
        path: The YAML file.

    Returns:
        The mapping, with its file patterns resolved.

    Raises:
        MappingError: If anything in it cannot be used.
    """
    top = _Section("mapping", _load(path))
    top.allow("name", "known_from", "tables")
    name = top.text("name")
    if not _NAME.fullmatch(name):
        raise MappingError("name", f"{name!r} is not usable as a source", "Use only a-z, 0-9 and _")
    known_from = _known_from("known_from", top.get("known_from", "import_time"), None)
    tables = _Section("tables", top.need("tables", "Name at least one table under it"))
    if not tables.content:
        raise MappingError("tables", "is empty", f"Name at least one of {', '.join(TABLES)}")
    tables.allow(*TABLES)
    inputs: list[Input] = []
    for table_name, content in tables.content.items():
        listed = cast("list[object]", content) if isinstance(content, list) else [content]
        if not listed:
            raise MappingError(f"tables.{table_name}", "lists no input", "Give at least one with `files` and `columns`")
        for position, item in enumerate(listed):
            key = f"tables.{table_name}[{position}]"
            inputs.append(_input(key, TABLES[table_name], item, known_from, path.parent))
    return Mapping(name=name, inputs=tuple(inputs))


def closest(name: str, known: Sequence[str]) -> str:
    """Say which known name was probably meant, or list them."""
    match = difflib.get_close_matches(name, known, n=1) or [
        candidate for candidate in known if candidate.strip().casefold() == name.strip().casefold()
    ]
    listed = f"Known here: {', '.join(known)}"
    return f"Did you mean {match[0]!r}? {listed}" if match else listed


class _Section:
    """A YAML mapping and the key path it stands at."""

    def __init__(self, key: str, content: object) -> None:
        if not isinstance(content, dict):
            raise MappingError(key, f"must be a mapping of keys to values, not {_kind(content)}", "See the example")
        self.key = key
        self.content: dict[str, object] = {}
        for name, value in cast("dict[object, object]", content).items():
            if not isinstance(name, str):
                raise MappingError(key, f"the key {name!r} is {_kind(name)}, not text", "Put it in quotes")
            self.content[name] = value

    def path(self, name: str) -> str:
        return name if self.key == "mapping" else f"{self.key}.{name}"

    def allow(self, *names: str) -> None:
        for name in self.content:
            if name not in names:
                raise MappingError(self.path(name), "is not a known key", closest(name, names))

    def get(self, name: str, default: object) -> object:
        return self.content.get(name, default)

    def need(self, name: str, fix: str) -> object:
        if self.content.get(name) is None:
            raise MappingError(self.path(name), "is missing", fix)
        return self.content[name]

    def text(self, name: str, default: str | None = None) -> str:
        value = self.need(name, "Write it as text") if default is None else self.get(name, default)
        if not isinstance(value, str) or not value:
            raise MappingError(self.path(name), f"must be text, not {_kind(value)}", "Put the value in quotes")
        return value

    def flag(self, name: str, default: bool) -> bool:
        value = self.get(name, default)
        if not isinstance(value, bool):
            raise MappingError(self.path(name), f"must be true or false, not {_kind(value)}", "Write true or false")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.get(name, [])
        listed = cast("list[object]", value) if isinstance(value, list) else [value]
        for item in listed:
            if not isinstance(item, str) or not item:
                raise MappingError(self.path(name), f"holds {_kind(item)} where text belongs", "Put it in quotes")
        return tuple(cast("list[str]", listed))


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    if value == "":
        return "empty text"
    kinds: tuple[tuple[type[object], str], ...] = (
        (dict, "a mapping"),
        (list, "a list"),
        (str, "text"),
        (bool, "true or false"),
        (int, "a number"),
        (float, "a number"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), "a date")


class _StrictLoader(yaml.SafeLoader):
    """PyYAML keeps the last of two equal keys; a mapping that names a key twice is a mistake to be told about."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = str(key_node.value)
            if key in seen:
                line = key_node.start_mark.line + 1
                raise MappingError(key, f"stands twice in one place (line {line})", "Keep one of the two")
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def _load(path: Path) -> object:
    if not path.is_file():
        raise MappingError("mapping", f"there is no file {path}", "Give the path of a mapping file")
    try:
        return cast("object", yaml.load(path.read_text(encoding="utf-8-sig"), Loader=_StrictLoader))  # noqa: S506
    except UnicodeDecodeError as error:
        raise MappingError("mapping", f"{path.name} is not UTF-8 ({error.reason})", "Save it as UTF-8") from error
    except yaml.YAMLError as error:
        raise MappingError("mapping", f"{path.name} is not readable as YAML: {error}", "Correct that line") from error


def _input(key: str, table: BackendTable, content: object, default: KnownFrom, folder: Path) -> Input:
    section = _Section(key, content)
    section.allow("files", "format", "csv", "columns", "properties", "known_from")
    known_from = (
        _known_from(f"{key}.known_from", section.get("known_from", None), table)
        if "known_from" in section.content
        else default
    )
    columns = _columns(f"{key}.columns", section.need("columns", "Say which columns are which"), table)
    _check_required(key, table, columns, known_from)
    dialect = _dialect(_Section(f"{key}.csv", section.get("csv", {})))
    files = _files(section, folder)
    if "csv" in section.content and not any(file.format == "csv" for file in files):
        raise MappingError(f"{key}.csv", "is given, but no file here is CSV", "Remove it, or set format: csv")
    return Input(key, table, files, dialect, columns, _properties(section), known_from)


def _columns(key: str, content: object, table: BackendTable) -> tuple[ColumnRule, ...]:
    section = _Section(key, content)
    for name in section.content:
        if name in table.derived:
            raise MappingError(f"{key}.{name}", "is computed by the import", "Remove it")
    section.allow(*table.mappable)
    return tuple(_rule(f"{key}.{name}", name, table.columns[name], rule) for name, rule in section.content.items())


def _rule(key: str, target: str, value_type: ValueType, content: object) -> ColumnRule:
    section = _Section(key, {"column": content} if isinstance(content, str) and content else content)
    section.allow("column", "constant", "prefix", "format", "timezone", "equals", "optional")
    if ("column" in section.content) == ("constant" in section.content):
        raise MappingError(key, "needs either `column` or `constant`, and not both", "Write one of the two")
    _check_options(section, target, value_type)
    constant = _constant(section, target, value_type) if "constant" in section.content else None
    rule = ColumnRule(
        key=key,
        target=target,
        value_type=value_type,
        column=section.text("column") if constant is None else None,
        constant=constant,
        prefix=section.text("prefix") if "prefix" in section.content else "",
        format=section.text("format") if "format" in section.content else None,
        timezone=section.text("timezone", "UTC"),
        equals=section.texts("equals"),
        optional=section.flag("optional", default=False),
    )
    _check_time(rule)
    return rule


def _check_options(section: _Section, target: str, value_type: ValueType) -> None:
    """Refuse an option that would have no effect on this column."""
    fits = {"prefix": "VARCHAR", "format": "TIMESTAMP", "timezone": "TIMESTAMP", "equals": "BOOLEAN"}
    for option in section.content:
        if "constant" in section.content and option != "constant":
            raise MappingError(section.path(option), "has no effect on a constant", "Remove it")
        if fits.get(option, value_type) != value_type:
            raise MappingError(
                section.path(option), f"does not apply: {target} is {value_type}", f"It is for {fits[option]} columns"
            )


def _constant(section: _Section, target: str, value_type: ValueType) -> str:
    value = section.content["constant"]
    key = section.path("constant")
    if value_type == "BOOLEAN":
        return "true" if section.flag("constant", default=False) else "false"
    if value_type == "TIMESTAMP":
        raise MappingError(key, f"{target} is a time, which cannot be the same for every row", "Map a column")
    if value_type == "VARCHAR":
        text = section.text("constant")
        if target == "event_type" and text not in EVENT_TYPES:
            raise MappingError(key, f"{text!r} is no event type", closest(text, EVENT_TYPES))
        return text
    if isinstance(value, bool) or not isinstance(value, int | float) or not _NUMBER.fullmatch(str(value)):
        raise MappingError(key, f"must be a number, not {_kind(value)}", f"{target} is {value_type}")
    if value_type == "BIGINT" and not isinstance(value, int):
        raise MappingError(key, "must be a whole number", f"{target} is {value_type}")
    return str(value)


def _check_time(rule: ColumnRule) -> None:
    if rule.format is not None and (problem := check_format(rule.format)):
        raise MappingError(
            f"{rule.key}.format", problem, 'Use strptime codes such as "%d-%m-%Y %H:%M", or epoch_s, or epoch_ms'
        )
    if not check_timezone(rule.timezone):
        raise MappingError(
            f"{rule.key}.timezone", f"{rule.timezone!r} is no known zone", "Use an IANA name such as Europe/Berlin"
        )


def _known_from(key: str, content: object, table: BackendTable | None) -> KnownFrom:
    if content == "event_time" or content == "import_time":
        return KnownFrom(cast("KnownFromMode", content))
    if isinstance(content, dict) and table is not None:
        section = _Section(key, cast("object", content))
        section.allow("available_at")
        rule = section.need("available_at", "Write {available_at: {column: …}}")
        checked = _rule(f"{key}.available_at", "available_at", "TIMESTAMP", rule)
        return KnownFrom("column", checked)
    allowed = "event_time or import_time" + (", or {available_at: {column: …}}" if table else "")
    raise MappingError(key, f"{content!r} is not a way of knowing", f"Use {allowed}")


def _check_required(key: str, table: BackendTable, columns: tuple[ColumnRule, ...], known_from: KnownFrom) -> None:
    mapped = {rule.target: rule for rule in columns}
    for name in table.required:
        if name not in mapped:
            raise MappingError(f"{key}.columns.{name}", "is missing", f"Every row of {table.name} needs it")
    if table.one_of and not mapped.keys() & set(table.one_of):
        raise MappingError(f"{key}.columns", f"{table.name} needs one of {', '.join(table.one_of)}", "Map one of them")
    needs_time = table.main_time_needed == "event_time" and known_from.mode == "event_time"
    if needs_time and table.main_time not in mapped:
        raise MappingError(
            f"{key}.columns.{table.main_time}",
            "is missing, and known_from is event_time",
            "Map it, or write known_from: import_time for this input",
        )


def _dialect(section: _Section) -> CsvDialect:
    section.allow("delimiter", "quote", "escape", "encoding", "header", "names")
    for name in ("delimiter", "quote", "escape"):
        if name in section.content and len(section.text(name)) != 1:
            raise MappingError(section.path(name), "must be one character", 'Write for example ";" or "\\t"')
    encoding = section.text("encoding", "utf-8")
    try:
        known = codecs.lookup(encoding)
        "".encode(known.name)  # refuses the codecs that turn bytes into bytes, such as hex
    except LookupError as error:
        raise MappingError(section.path("encoding"), f"{encoding!r} is no known encoding", "Try utf-8") from error
    header = section.flag("header", default=True)
    names = section.texts("names")
    if header == bool(names):
        problem = "is given beside a header" if header else "is missing, and there is no header"
        raise MappingError(section.path("names"), problem, "List the names of the columns when header is false")
    if len(set(names)) != len(names):
        raise MappingError(section.path("names"), "names a column twice", "Give each column its own name")
    escape = section.text("escape") if "escape" in section.content else None
    return CsvDialect(section.text("delimiter", ","), section.text("quote", '"'), escape, known.name, header, names)


def _properties(section: _Section) -> Literal["rest", "none"] | tuple[str, ...]:
    value = section.get("properties", "rest")
    if value == "rest" or value == "none":
        return cast("Literal['rest', 'none']", value)
    if isinstance(value, list):
        return section.texts("properties")
    raise MappingError(section.path("properties"), f"{value!r} is not a choice", "Use rest, none, or a list of columns")


def _files(section: _Section, folder: Path) -> tuple[InputFile, ...]:
    section.need("files", "List the files, relative to the mapping file")
    forced = section.text("format") if "format" in section.content else None
    if forced is not None and forced not in FORMATS.values():
        formats = sorted(set(FORMATS.values()))
        raise MappingError(section.path("format"), f"{forced!r} is no format", closest(forced, formats))
    patterns = section.texts("files")
    if not patterns:
        raise MappingError(section.path("files"), "is empty", "List at least one file")
    found: dict[Path, InputFile] = {}
    for position, pattern in enumerate(patterns):
        key = f"{section.path('files')}[{position}]"
        for path in _resolve(key, pattern, folder):
            label = Path(os.path.relpath(path, folder)).as_posix()
            file_format = cast("FileFormat", forced) if forced else _format(key, path)
            found.setdefault(path.resolve(), InputFile(path, label, file_format))
    return tuple(found.values())


def _resolve(key: str, pattern: str, folder: Path) -> list[Path]:
    def value(match: re.Match[str]) -> str:
        text = os.environ.get(match[1]) or match[2]
        if text is None:
            raise MappingError(key, f"the environment variable {match[1]} is not set", "Set it, or write ${NAME:-path}")
        return text

    full = os.path.normpath(folder / _VARIABLE.sub(value, pattern))
    literal = Path(full)
    paths = [literal] if literal.is_file() else [Path(path) for path in sorted(glob(full, recursive=True))]  # noqa: PTH207
    files = [path for path in paths if path.is_file()]
    if not files:
        raise MappingError(key, f"no file matches {pattern!r}", f"Looked for {full}")
    return files


def _format(key: str, path: Path) -> FileFormat:
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    if not suffixes or suffixes[-1] not in FORMATS:
        raise MappingError(key, f"the format of {path.name} does not show in its name", "Write format: csv (or other)")
    return FORMATS[suffixes[-1]]
