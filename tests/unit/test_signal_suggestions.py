"""What `pql signals suggest` proposes: the right rows, ones that the configuration takes, and never twice."""

import csv
import io
import shutil
from pathlib import Path

import ibis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from orchestration import signal_screens
from orchestration.configuration import PROJECT_SEEDS, BadConfiguration, find_problems, rows_with_lines
from orchestration.signal_suggestions import (
    EventName,
    FolderInTheWay,
    NothingStaged,
    Proposal,
    Staged,
    folder_to_extend,
    guess,
    mapped_signals,
    propose,
    read_staged,
    signals_of,
    staged_events,
    why_refused,
    write_proposal,
)
from warehouse.connection import WarehouseMissing, open_working

PATTERNS = [row for _, row in rows_with_lines(PROJECT_SEEDS, "signal_patterns")]


def event(name: str, *, source: str = "web", event_type: str = "track", gap: float | None = None) -> EventName:
    """An unmapped name; a discovery with this gap among alike accounts, or none."""
    lift = None if gap is None else {"is_discovery": 1, "adjusted_gap": gap, "rank": 1}
    return EventName(source, event_type, name, 10, 5, 3, (), (), lift)


def again(names: list[EventName], folder: Path) -> list[EventName]:
    """The same names, as the folder maps them."""
    rows = mapped_signals(folder)
    return [
        EventName(**(vars(one) | {"signals": signals_of(one.source, one.event_type, one.name, rows)})) for one in names
    ]


def written(names: list[EventName], folder: Path, base: Path = PROJECT_SEEDS) -> Proposal:
    proposed = propose(names, base, everything=True)
    write_proposal(proposed, base, folder)
    return proposed


def screen(renderable) -> str:
    console = Console(file=io.StringIO(), width=160)
    console.print(renderable)
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "category", "polarity"),
    [
        ("Project Created", "activation", 1),
        ("teammate_invited", "collaboration", 1),
        ("reportExported", "data_commitment", 1),
        ("Upgrade Clicked", "intent", 1),
        ("PaymentFailed", "cooling", -1),
        ("Support Ticket Opened", "cooling", 0),
        ("Board Viewed", "repeat_use", 1),
        ("Theme Changed", "other", 0),
        ("Explanation Planned", "other", 0),  # no `plan` in it
        ("価格", "other", 0),
    ],
)
def test_the_category_is_guessed_by_the_first_row_that_fits(name: str, category: str, polarity: int):
    assert guess(name, PATTERNS) == (category, polarity)


def test_discoveries_alone_are_proposed_unless_all_are_asked_for():
    names = [event("Report Exported", gap=0.2), event("Widget Turned")]

    assert [row["signal"] for row in propose(names, PROJECT_SEEDS, everything=False).signals] == ["report_exported"]
    assert len(propose(names, PROJECT_SEEDS, everything=True).signals) == 2


def test_a_lift_of_the_other_direction_leaves_the_polarity_to_the_data():
    names = [event("Error Dismissed", gap=0.2), event("Payment Failed", gap=-0.2), event("Board Created", gap=-0.1)]

    rows = propose(names, PROJECT_SEEDS, everything=False).signals

    assert [row["polarity"] for row in rows] == ["0", "-1", "0"]


def test_a_signal_that_nothing_makes_any_more_comes_back_under_its_name(tmp_path: Path):
    config = tmp_path / "config"
    shutil.copytree(PROJECT_SEEDS, config)
    path = config / "signal_map.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("*,page,Pricing,,,,pricing_viewed,,\n", ""), "utf-8")

    proposed = propose([event("Pricing", event_type="page"), event("Pricing Viewed")], config, everything=True)

    assert [row["signal"] for row in proposed.signal_map] == ["pricing_viewed", "pricing_viewed_2"]
    assert [row["signal"] for row in proposed.signals] == ["pricing_viewed_2"]


def test_one_name_of_several_sources_is_one_row_unless_one_of_them_is_mapped():
    both = [event("Board Created"), event("board created", source="mobile")]
    mapped = EventName("server", "track", "Board Created", 1, 1, 1, (), ("x",), None)

    free, partly = (propose(names, PROJECT_SEEDS, everything=True) for names in (both, [*both, mapped]))

    assert [row["source"] for row in free.signal_map] == ["*"]
    assert [row["source"] for row in partly.signal_map] == ["web", "mobile"]
    assert len(partly.signals) == 1


@pytest.mark.parametrize(
    "name", ["Bell\x07Rung", "Two\nLines", " Blank Before", "NULL", "Zero\u200bWidth", "Turned\u202e"]
)
def test_a_name_that_no_row_can_stand_for_is_refused_with_the_reason(name: str):
    proposed = propose([event(name)], PROJECT_SEEDS, everything=True)

    assert not proposed.signal_map
    assert "mend the sender" in proposed.refused[0][1]
    assert "\x07" not in screen(signal_screens.proposal(proposed, None))


def test_a_name_of_300_letters_gets_a_short_signal_and_still_matches(tmp_path: Path):
    names = [event("x" * 300), event("x" * 300 + "y")]

    written(names, tmp_path / "new")

    assert [len(row["signal"]) for row in propose(names, PROJECT_SEEDS, everything=True).signals] == [60, 62]
    assert all(one.signals for one in again(names, tmp_path / "new"))
    assert "x" * 60 not in screen(signal_screens.staged_events(Staged(tuple(names), 0, 0, 0), "last_30_days", 5))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80), min_size=1, max_size=20))
def test_whatever_is_proposed_is_valid_and_proposed_once(tmp_path: Path, names: list[str]):
    config = tmp_path / "config"
    shutil.rmtree(config, ignore_errors=True)
    events = [event(name) for name in names if name.strip()]

    written(events, config)
    later = again(events, config)

    assert list(find_problems(config)) == []
    assert all(bool(one.signals) != bool(why_refused(one.name)) for one in later)
    assert not propose(later, config, everything=True).signal_map


def test_rows_are_added_in_the_file_s_own_way_and_nothing_else_changes(tmp_path: Path):
    config = tmp_path / "config"
    shutil.copytree(PROJECT_SEEDS, config)
    path = config / "signal_map.csv"
    rows = [dict(row) for _, row in rows_with_lines(config, "signal_map")]
    turned = io.StringIO()
    writer = csv.DictWriter(turned, list(rows[0])[::-1], lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_bytes(turned.getvalue().removesuffix("\r\n").encode())  # other columns first, CRLF, no end of line
    before = {file.name: file.read_bytes() for file in config.iterdir()}

    written([event("Board, Created")], config, config)

    after = {file.name: file.read_bytes() for file in config.iterdir()}
    assert after["signal_map.csv"] == before["signal_map.csv"] + b'\r\n,,board_created,,,,"Board, Created",track,*\r\n'
    assert {name for name in after if after[name] != before[name]} == {"signals.csv", "signal_map.csv"}
    assert not any(entry.is_dir() for entry in config.iterdir())


def test_nothing_is_written_that_would_not_be_valid(tmp_path: Path):
    broken = Proposal((), ({"source": "*", "event_type": "track", "event_name": "A", "signal": "unknown"},), ())

    with pytest.raises(BadConfiguration, match="signal 'unknown' is unknown"):
        write_proposal(broken, PROJECT_SEEDS, tmp_path / "new")

    assert list((tmp_path / "new").iterdir()) == []


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path):
    (tmp_path / "sheet.csv").touch()

    with pytest.raises(FolderInTheWay, match="something else"):
        folder_to_extend(PROJECT_SEEDS, tmp_path)
    with pytest.raises(FolderInTheWay, match="--append"):
        folder_to_extend(PROJECT_SEEDS, PROJECT_SEEDS)


def test_without_a_run_it_says_so(tmp_path: Path):
    with pytest.raises(WarehouseMissing, match="no warehouse"):
        staged_events(tmp_path, PROJECT_SEEDS, "last_30_days")
    with open_working(tmp_path):
        pass
    with pytest.raises(NothingStaged, match="pql run"):
        staged_events(tmp_path, PROJECT_SEEDS, "last_30_days")


def test_without_won_deals_there_is_no_lift_and_it_says_so():
    backend = ibis.duckdb.connect()
    backend.con.execute(
        """
        create schema discovery;
        create table discovery.event_names as
            select * from (values ('web:track:rare', 'Rare', 2, 1, 1), ('web:track:common', 'Common', 9, 4, 3))
                as rows(event, event_name, events, people, accounts),
                (values ('web', 'track')) as kinds(source, event_type);
        create table discovery.event_properties as select * from (values
            ('web:track:common', 'plan', 'text', 6), ('web:track:common', 'plan', 'number', 3),
            ('web:track:common', 'seats', 'number', 3)) as rows(event, property, value_type, events);
        create table discovery.event_conversion_counts as
            select 'last_30_days' as time_window, date '2026-01-01' as cohort_month, 'company' as account_kind,
                1 as activity_level, event as signal, 1 as at_least, 0 as converters, 0 as converters_with, 5 as rest,
                accounts as rest_with, 0 as undecided
            from discovery.event_names;
        """
    )

    staged = read_staged(backend, [], "last_30_days")

    assert [one.name for one in staged.names] == ["Common", "Rare"]
    assert [one.lift for one in staged.names] == [None, None]
    assert [(one.name, one.types, one.share) for one in staged.names[0].properties] == [
        ("plan", ("text", "number"), 1.0),
        ("seats", ("number",), 1 / 3),
    ]
    assert "there is no lift" in screen(signal_screens.staged_events(staged, "last_30_days", 5))
