"""Read the CSV files of the configuration folder and refuse what is wrong, with file, line and fix, before any SQL."""

import csv
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from orchestration.configuration.between_files import find_contradictions
from orchestration.configuration.columns import Column
from orchestration.configuration.files import FILES, KEYS, PROJECT_SEEDS
from orchestration.configuration.problems import BadConfiguration, Problem, Row


def configuration_folder() -> Path:
    """Where the CSV files are: `PQL_CONFIG`, or the project's `seeds/`."""
    return Path(os.environ.get("PQL_CONFIG", str(PROJECT_SEEDS)))


def require_valid(folder: Path) -> None:
    """Check every file of the folder.

    Raises:
        BadConfiguration: with every problem found, each with file, line and fix.
    """
    problems = list(find_problems(folder))
    if problems:
        raise BadConfiguration(problems)


def find_problems(folder: Path) -> Iterator[Problem]:
    """Every problem of every file, those within one file before those between files."""
    tables: dict[str, list[tuple[int, Row]]] = {}
    for name, columns in FILES.items():
        path = folder / f"{name}.csv"
        if not path.is_file():
            yield Problem(
                str(path), 1, "the file is missing", f"Copy it from {PROJECT_SEEDS.name}/{name}.csv and edit it"
            )
            continue
        rows, problems = _read(path, columns)
        yield from problems
        yield from _repeated_keys(path, rows, KEYS.get(name, ()))
        tables[name] = rows
    if len(tables) == len(FILES):
        yield from find_contradictions(folder, tables)


def rows_with_lines(folder: Path, name: str) -> list[tuple[int, Row]]:
    """The rows of one file of a valid folder, each with the line that it begins on."""
    return _read(folder / f"{name}.csv", FILES[name])[0]


def read_rows(path: Path, columns: Mapping[str, Column]) -> tuple[list[tuple[int, Row]], list[Problem]]:
    """The rows of a CSV file with such columns, each with the line that it begins on, and what is wrong with them."""
    if not path.is_file():
        return [], [Problem(str(path), 1, "the file is missing", f"Write one with the columns {', '.join(columns)}")]
    return _read(path, columns)


def _read(path: Path, columns: Mapping[str, Column]) -> tuple[list[tuple[int, Row]], list[Problem]]:
    rows: list[tuple[int, Row]] = []
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    except UnicodeDecodeError as error:
        return rows, [Problem(str(path), 1, f"the file is not UTF-8 ({error.reason})", "Save it as UTF-8")]
    reader = csv.reader(lines, strict=True)
    header = next(reader, [])
    problems = list(_check_header(path, header, columns))
    if problems:
        return rows, problems
    line = 1
    try:
        for values in reader:
            first_line, line = line + 1, reader.line_num
            if len(values) != len(header):
                what = f"{len(values)} fields where the header has {len(header)}"
                problems.append(Problem(str(path), first_line, what, "Quote fields that hold a comma"))
                continue
            row = dict(zip(header, values, strict=True))
            rows.append((first_line, row))
            for name, column in columns.items():
                problems.extend(_check_cell(path, first_line, name, row[name], column))
    except csv.Error as error:
        problems.append(Problem(str(path), line + 1, f"this is not CSV ({error})", "Check the quotes of this line"))
    return rows, problems


def _check_header(path: Path, header: list[str], columns: Mapping[str, Column]) -> Iterator[Problem]:
    fix = f"The header must be {','.join(columns)}"
    for name in columns:
        if name not in header:
            yield Problem(str(path), 1, f"column '{name}' is missing", fix)
    for name in header:
        if name not in columns:
            yield Problem(str(path), 1, f"column '{name}' is unknown", fix)


def _check_cell(path: Path, line: int, name: str, value: str, column: Column) -> Iterator[Problem]:
    if not value.strip():
        if column.required:
            yield Problem(str(path), line, f"'{name}' is blank", f"Write {column.says}")
    elif not column.check(value):
        yield Problem(str(path), line, f"'{name}' is '{value}'", f"Write {column.says}")


def _repeated_keys(path: Path, rows: list[tuple[int, Row]], key: tuple[str, ...]) -> Iterator[Problem]:
    seen: dict[tuple[str, ...], int] = {}
    for line, row in rows:
        value = tuple(row[name] for name in key)
        if key and value in seen:
            yield Problem(
                str(path),
                line,
                f"'{' '.join(value).strip()}' stands on line {seen[value]} already",
                "Keep one of the two",
            )
        seen.setdefault(value, line)
