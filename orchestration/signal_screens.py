"""What `pql signals` shows of event names: whom they reach, what they carry, and what would be added for them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from orchestration.signal_suggestions import EventName, Property, Proposal, Staged

TITLES = {
    "first_7_days": "Event names, those without a signal first; lift of the first 7 days",
    "first_14_days": "Event names, those without a signal first; lift of the first 14 days",
    "last_30_days": "Event names, those without a signal first; lift of the 30 days before a deal",
}
HEADINGS = (
    "Event", "Source", "Events", "People", "Accounts", "Shown by", "Lift", "Alike", "95 % interval", "q", "Signal"
)  # fmt: skip
LONGEST_NAME = 40
SHOWN_PROPERTIES = 6


def staged_events(staged: Staged, window: str, count: int) -> RenderableType:
    """Event names, the unmapped first, and how sure their lift is."""
    table = Table(title=TITLES[window], title_justify="left", pad_edge=False)
    for heading in HEADINGS:
        is_text = heading in ("Event", "Source", "Signal")
        table.add_column(heading, justify="left" if is_text else "right", min_width=24 if heading == "Event" else None)
    for one in staged.names[:count]:
        table.add_row(_named(one), one.source, *_reach(one), *_lift(one), ", ".join(one.signals) or "–")
    return Group(table, *_notes(staged))


def proposal(found: Proposal, into: Path | None) -> RenderableType:
    """What was added, or would be, and what could not be."""
    new = {row["signal"]: f" ({row['category']}, polarity {row['polarity']})" for row in found.signals}
    lines = [
        Text(f"{visible(row['event_name'])} → {row['signal']}{new.get(row['signal'], ', which signals.csv has')}")
        for row in found.signal_map
    ]
    lines += [Text(f"{visible(one.name)} is not proposed: {why}", style="yellow") for one, why in found.refused]
    if not found.signal_map:
        return Group(*lines, Text("Nothing new to propose."))
    where = f"added to {into}" if into else "not written: `--into FOLDER` or `--append` does that"
    rows = f"{len(found.signals)} rows for signals.csv, {len(found.signal_map)} for signal_map.csv"
    return Group(*lines, Text(f"{rows}, {where}."))


def visible(name: str, longest: int = LONGEST_NAME) -> str:
    """A name on one line: what nobody would see is written out, and what is too long is cut."""
    shown = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in name)
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"


def _named(one: EventName) -> Text:
    style = "" if one.signals else "bold"
    shown = Text(visible(one.name) if one.event_type == "track" else f"{visible(one.name)} ({one.event_type})", style)
    if one.properties:
        shown.append(f"\n  {_properties(one.properties)}", style="dim")
    return shown


def _properties(properties: Sequence[Property]) -> str:
    shown = [f"{visible(one.name, 24)} {'|'.join(one.types)} {one.share:.0%}" for one in properties[:SHOWN_PROPERTIES]]
    more = len(properties) - SHOWN_PROPERTIES
    return "\n  ".join([*shown, f"{more} more"] if more > 0 else shown)


def _reach(one: EventName) -> tuple[str, str, str]:
    return f"{one.events:,}", f"{one.people:,}", f"{one.accounts:,}"


def _lift(one: EventName) -> Iterator[RenderableType]:
    row = one.lift
    if row is None:
        yield from ("–",) * 5
        return
    style = ("green" if row["adjusted_gap"] > 0 else "red") if one.is_discovery else "dim"
    yield f"≥ {row['at_least']}: {row['rate_converters']:.0%}, {row['rate_rest']:.0%}"
    yield "–" if row["lift"] is None else f"{row['lift']:.1f}x"
    yield Text(_points(row["adjusted_gap"]), style=style)
    yield (
        "–"
        if row["adjusted_gap"] is None
        else f"{_points(row['adjusted_gap_low'])} to {_points(row['adjusted_gap_high'])}"
    )
    yield "–" if row["q_value"] is None else "< 0.001" if row["q_value"] < 0.001 else f"{row['q_value']:.3f}"


def _points(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:+.0f}"


def _notes(staged: Staged) -> Iterator[RenderableType]:
    unmapped = sum(not one.signals for one in staged.names)
    yield Text(f"{len(staged.names):,} event names, {unmapped:,} of them without a signal.")
    if not staged.converters:
        yield Text(
            "Nobody converted yet who could be compared: there is no lift, and names stand by the accounts they reach."
        )
        return
    yield Text(
        f"{staged.converters:,} converters, {staged.others:,} others; {staged.undecided:,} left out, whose outcome "
        "nobody knows yet. Shown by: so many times, by converters and by others. "
        "The comparison is that of `pql signals lift`, of names instead of signals.",
        style="dim",
    )
