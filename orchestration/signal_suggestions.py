"""Which events mean something and are not mapped yet: name by name, whom they reach, their lift, and rows to add."""

import csv
import hashlib
import io
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.lift import compare
from orchestration.configuration import BadConfiguration, Row, find_problems, require_valid, rows_with_lines
from orchestration.dbt_on_demand import DbtFailed, build_models
from orchestration.progress import announce
from warehouse.connection import WORKING_FILE, Backend, WarehouseMissing, open_working, open_working_to_read
from warehouse.tables import has_table, query, read_table

LAYER = "discovery"
NEEDED = (("activity", "events"), ("features", "conversion_windows"), ("identity", "person_spans"))
LONGEST = 60  # letters of a proposed name or label; some senders put whole sentences into a name
VIEWS = ("page", "screen")
EXTENDED = ("signals.csv", "signal_map.csv")
# What the files hold beside the rows of signal_map and signals.csv that a proposal fills in.
NEW_SIGNAL = {
    "daily_cap": "20",
    "half_life_days": "30",
    "is_milestone": "false",
    "is_actionable": "false",
    "measured_from": "events",
    "use_in_model": "true",
}


class NothingStaged(RuntimeError):  # noqa: N818 - the name says what is wrong
    """No run has staged events in this home yet."""


class SuggestionFailed(RuntimeError):  # noqa: N818 - the name says what is wrong
    """The events could not be counted; with dbt's own words."""


class FolderInTheWay(RuntimeError):  # noqa: N818 - the name says what is wrong
    """The folder to write to is not one that a proposal may write to."""


@dataclass(frozen=True)
class Property:
    """A property of an event: the types of its values, the most frequent first, and the share of events with one."""

    name: str
    types: tuple[str, ...]
    share: float


@dataclass(frozen=True)
class EventName:
    """One event name of a source, whom it reaches, the signals it makes, and its row of `ml.lift` where compared."""

    source: str
    event_type: str
    name: str
    events: int
    people: int
    accounts: int
    properties: tuple[Property, ...]
    signals: tuple[str, ...]
    lift: Mapping[str, Any] | None

    @property
    def is_discovery(self) -> bool:
        """Whether those who convert differ for sure from the rest in showing it."""
        return self.lift is not None and bool(self.lift["is_discovery"])


@dataclass(frozen=True)
class Staged:
    """Every event name, the unmapped first, each half by lift; and how many accounts were compared."""

    names: tuple[EventName, ...]
    converters: int
    others: int
    undecided: int


@dataclass(frozen=True)
class Proposal:
    """Rows to add to signals.csv and signal_map.csv, and names that no row can stand for, with the reason."""

    signals: tuple[Row, ...]
    signal_map: tuple[Row, ...]
    refused: tuple[tuple[EventName, str], ...]


def staged_events(folder: Path, configuration: Path, window: str) -> Staged:
    """Every event name that the last run staged, compared as signals are (docs/signal-lift.md). Nothing of it stays.

    Args:
        folder: the home.
        configuration: the folder whose signal_map.csv says what is mapped.
        window: one of the time windows of `features.conversion_windows`.

    Raises:
        BadConfiguration: the configuration has problems.
        WarehouseMissing: there is no warehouse in the folder.
        NothingStaged: nothing has run in it.
        SuggestionFailed: dbt could not count the events.
    """
    require_valid(configuration)
    _require_run(folder)
    with _counted(folder), open_working_to_read(folder) as backend:
        return read_staged(backend, mapped_signals(configuration), window)


def read_staged(backend: Backend, signal_map: Sequence[Row], window: str) -> Staged:
    """The event names of the layer `discovery`; the unmapped first, each half by lift, or else by reach."""
    announce("comparing converters with the rest")
    lift, _ = compare(read_table(backend, LAYER, "event_conversion_counts"))
    best = [row for row in lift.to_pylist() if row["time_window"] == window and row["threshold_rank"] == 1]
    converters = best[0]["converters"] if best else 0
    by_event = {row["signal"]: row for row in best} if converters else {}
    properties = _properties(backend)
    rows = query(backend, f"select * from {LAYER}.event_names order by accounts desc, events desc, event")  # noqa: S608
    names = [
        EventName(
            source=row["source"],
            event_type=row["event_type"],
            name=row["event_name"],
            events=row["events"],
            people=row["people"],
            accounts=row["accounts"],
            properties=_shares(properties.get(row["event"], []), row["events"]),
            signals=signals_of(row["source"], row["event_type"], row["event_name"], signal_map),
            lift=by_event.get(row["event"]),
        )
        for row in rows
    ]
    return Staged(
        names=tuple(sorted(names, key=lambda one: (bool(one.signals), one.lift["rank"] if one.lift else len(names)))),
        converters=converters,
        others=best[0]["rest"] if best else 0,
        undecided=best[0]["undecided"] if best else 0,
    )


def propose(names: Sequence[EventName], configuration: Path, *, everything: bool) -> Proposal:
    """The rows that give unmapped names a meaning: those of discoveries, or of every name.

    A name that several sources send, and none maps, becomes one row for any source. A signal of events that signals.csv
    has already, and nothing makes, is used where it has the name that would be proposed. Category and polarity are
    those of the first row of signal_patterns.csv that fits; a lift of the opposite direction makes the polarity 0.
    """
    patterns = sorted(
        (row for _, row in rows_with_lines(configuration, "signal_patterns")), key=lambda row: int(row["position"])
    )
    signal_rows = [row for _, row in rows_with_lines(configuration, "signals")]
    known = {row["signal"] for row in signal_rows}
    waiting = {row["signal"] for row in signal_rows if row["measured_from"] == "events"}
    waiting -= {row["signal"] for row in mapped_signals(configuration)}
    mapped = {_spelling(one) for one in names if one.signals}
    chosen = [one for one in names if not one.signals and (everything or one.is_discovery)]
    refused = [(one, why) for one in chosen if (why := why_refused(one.name))]
    signals: list[Row] = []
    rows: list[Row] = []
    named: dict[tuple[str, str], str] = {}
    for one in (one for one in chosen if not why_refused(one.name)):
        is_new = _spelling(one) not in named
        if is_new:
            wanted = signal_name(one)
            named[_spelling(one)] = signal = wanted if wanted in waiting else _unused(wanted, known)
            waiting.discard(signal)
            if signal not in known:
                known.add(signal)
                signals.append(_signal_row(one, signal, patterns))
        if is_new or _spelling(one) in mapped:
            source = one.source if _spelling(one) in mapped else "*"
            rows.append(_map_row(one, source, named[_spelling(one)]))
    return Proposal(tuple(signals), tuple(rows), tuple(refused))


def folder_to_extend(configuration: Path, into: Path) -> Path:
    """The folder whose rows a proposal adds to: `into` where it holds a configuration, else the one in use.

    Raises:
        FolderInTheWay: `into` is the configuration in use, or holds CSV files that are no configuration.
    """
    if into.resolve() == configuration.resolve():
        raise FolderInTheWay(f"{into} is the configuration in use; `--append` adds to it")
    if (into / "signal_map.csv").exists():
        return into
    if into.exists() and (not into.is_dir() or any(into.glob("*.csv"))):
        raise FolderInTheWay(f"{into} holds something else; name a folder that is new, or empty of CSV files")
    return configuration


def write_proposal(proposal: Proposal, base: Path, into: Path) -> None:
    """Write the files of `base` with the proposed rows added to `into`, which may be the same folder.

    Raises:
        BadConfiguration: the files would not be valid; nothing was written.
    """
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".pql-proposal-", dir=into) as name:
        draft = Path(name)
        for file in (file for file in base.iterdir() if file.is_file()):
            shutil.copyfile(file, draft / file.name)
        _append(draft / "signals.csv", proposal.signals)
        _append(draft / "signal_map.csv", proposal.signal_map)
        if problems := list(find_problems(draft)):
            raise BadConfiguration(problems)
        # signals.csv first: a map that names a signal which is not there yet would be refused.
        others = [] if base == into else [file.name for file in draft.iterdir() if file.name not in EXTENDED]
        for file in (*others, *EXTENDED):
            (draft / file).replace(into / file)


def mapped_signals(configuration: Path) -> list[Row]:
    """The rows of the folder's signal_map.csv."""
    return [row for _, row in rows_with_lines(configuration, "signal_map")]


def signals_of(source: str, event_type: str, name: str, signal_map: Sequence[Row]) -> tuple[str, ...]:
    """The signals that an event of this name may make, whatever its properties."""
    return tuple(
        dict.fromkeys(
            row["signal"]
            for row in signal_map
            if row["source"] in ("*", source)
            and row["event_type"] == event_type
            and row["event_name"].lower() == name.lower()
        )
    )


def guess(name: str, patterns: Sequence[Row]) -> tuple[str, int]:
    """Category and polarity of the first pattern that the words of a name fit; `other` and 0 where none does."""
    spoken = words(name)
    return next(
        ((row["category"], int(row["polarity"])) for row in patterns if re.search(row["pattern"], spoken)), ("other", 0)
    )


def words(name: str) -> str:
    """The words of a name in lower case with one blank between, of `ReportExported` as of `report_exported`."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return " ".join("".join(letter if letter.isalnum() else " " for letter in apart).lower().split())


def signal_name(one: EventName) -> str:
    """What a signal might be called: small letters, digits and underscores."""
    ascii_words = words(unicodedata.normalize("NFKD", one.name).encode("ascii", "ignore").decode())
    slug = ascii_words.replace(" ", "_")[:LONGEST].strip("_")
    if not slug:
        slug = f"event_{hashlib.sha256(one.name.encode()).hexdigest()[:8]}"
    if not slug[0].isalpha():
        slug = f"event_{slug}"
    return f"{slug}_viewed" if one.event_type in VIEWS and not slug.endswith("viewed") else slug


def why_refused(name: str) -> str | None:
    """Why no row of signal_map.csv can stand for a name; None where one can."""
    if any(unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp") for letter in name):
        return "it holds characters that nobody sees: mend the sender"
    if name != name.strip():
        return "it begins or ends with a blank: mend the sender"
    if name.lower() == "null":
        return "a CSV file takes it for nothing: mend the sender"
    return None


def _require_run(folder: Path) -> None:
    if not (folder / WORKING_FILE).exists():
        raise WarehouseMissing(f"there is no warehouse in {folder} yet: `pql import` or `pql demo` makes one")
    with open_working_to_read(folder) as backend:
        if not all(has_table(backend, *table) for table in NEEDED):
            raise NothingStaged(f"nothing has run in {folder} yet: `pql run` stages events")


@contextmanager
def _counted(folder: Path) -> Iterator[None]:
    """The layer `discovery`, dropped on leaving, and before where a crash left it."""
    _drop(folder)
    try:
        announce("counting events by name")
        try:
            build_models(LAYER, {})
        except DbtFailed as error:
            raise SuggestionFailed(f"events could not be counted by name:\n{error}") from error
        yield
    finally:
        _drop(folder)


def _drop(folder: Path) -> None:
    with open_working(folder) as backend:
        backend.con.execute(f"drop schema if exists {LAYER} cascade")


def _properties(backend: Backend) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    order = "event, property, events desc, value_type"
    for row in query(backend, f"select * from {LAYER}.event_properties order by {order}"):  # noqa: S608 - names are ours
        found.setdefault(row["event"], []).append(row)
    return found


def _shares(rows: Sequence[Mapping[str, Any]], events: int) -> tuple[Property, ...]:
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_name.setdefault(row["property"], []).append(row)
    seen = [
        Property(name, tuple(row["value_type"] for row in kinds), sum(row["events"] for row in kinds) / events)
        for name, kinds in by_name.items()
    ]
    return tuple(sorted(seen, key=lambda one: (-one.share, one.name)))


def _spelling(one: EventName) -> tuple[str, str]:
    return one.event_type, one.name.lower()


def _unused(signal: str, known: set[str]) -> str:
    number, free = 1, signal
    while free in known:
        number += 1
        free = f"{signal}_{number}"
    return free


def _signal_row(one: EventName, signal: str, patterns: Sequence[Row]) -> Row:
    category, polarity = guess(one.name, patterns)
    if one.is_discovery and one.lift and one.lift["adjusted_gap"] * polarity < 0:
        polarity = 0
    label = words(one.name)[:LONGEST].strip() or signal.replace("_", " ")
    label = f"views of {label}" if one.event_type in VIEWS else label
    return {"signal": signal, "label": label, "category": category, "polarity": str(polarity), **NEW_SIGNAL}


def _map_row(one: EventName, source: str, signal: str) -> Row:
    return {"source": source, "event_type": one.event_type, "event_name": one.name, "signal": signal}


def _append(path: Path, rows: Sequence[Row]) -> None:
    """Add rows at the end of a CSV file, in the order of its own columns and with its own ends of lines."""
    content = path.read_bytes().decode("utf-8")
    ending = "\r\n" if "\r\n" in content else "\n"
    header = next(csv.reader(io.StringIO(content.removeprefix("\ufeff"))))
    added = io.StringIO()
    csv.DictWriter(added, header, restval="", lineterminator=ending).writerows(rows)
    gap = "" if content.endswith("\n") else ending
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(content + gap + added.getvalue())
