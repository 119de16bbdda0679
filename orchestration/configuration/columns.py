"""What a column of a configuration file may hold."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache
from zoneinfo import available_timezones

from orchestration.routing_matrix import ANY, WEEKDAYS


@dataclass(frozen=True)
class Column:
    """What a column may hold."""

    check: Callable[[str], bool]
    says: str
    required: bool = True


def text(*, required: bool = True) -> Column:
    """Anything; not blank where required."""
    return Column(lambda value: True, "a text", required)


def one_of(*values: str, required: bool = True) -> Column:
    """One of a few words."""
    return Column(lambda value: value in values, "one of " + ", ".join(values), required)


def number(lowest: float, highest: float = float("inf"), *, required: bool = True) -> Column:
    """A number within bounds."""

    def check(value: str) -> bool:
        try:
            return lowest <= float(value) <= highest
        except ValueError:
            return False

    return Column(
        check, f"a number from {lowest:g}" + ("" if highest == float("inf") else f" to {highest:g}"), required
    )


def zero_or(lowest: float, highest: float) -> Column:
    """0 or blank for off, or a number within bounds."""
    within = number(lowest, highest)
    return Column(lambda value: value == "0" or within.check(value), f"0 for off, or {within.says}", required=False)


def name() -> Column:
    """A name that can stand in a column, a JSON path and before a colon."""
    return Column(
        lambda value: re.fullmatch("[a-z][a-z0-9_]*", value) is not None, "small letters, digits and underscores"
    )


def pattern(*, required: bool = False) -> Column:
    """A regular expression, or blank where it is not required."""

    def check(value: str) -> bool:
        try:
            re.compile(value)
        except re.error:
            return False
        return True

    return Column(check, "a regular expression", required)


def whole_number(lowest: int, highest: int = 10**9, *, required: bool = True) -> Column:
    """A whole number within bounds."""
    return Column(
        lambda value: value.isdecimal() and lowest <= int(value) <= highest,
        f"a whole number from {lowest}" + ("" if highest == 10**9 else f" to {highest}"),
        required,
    )


def some_of(*values: str) -> Column:
    """Some of a few words, with a bar between."""
    return Column(
        lambda value: len(set(value.split("|"))) == len(value.split("|")) and set(value.split("|")) <= set(values),
        f"one or several of {', '.join(values)} with a bar between",
    )


def any_or(column: Column) -> Column:
    """A star for any, or what the column takes."""
    return Column(lambda value: value == ANY or column.check(value), f"{ANY} for any, or {column.says}")


def time_of_day() -> Column:
    """Hours and minutes, such as 09:00."""
    return Column(
        lambda value: re.fullmatch("([01][0-9]|2[0-3]):[0-5][0-9]", value) is not None, "a time such as 09:00"
    )


def day() -> Column:
    """A day, such as 2026-07-01."""

    def check(value: str) -> bool:
        try:
            return date.fromisoformat(value).isoformat() == value
        except ValueError:
            return False

    return Column(check, "a day such as 2026-07-01")


def time_zone() -> Column:
    """A time zone of the IANA data base."""
    return Column(lambda value: value in _time_zones(), "a time zone such as Europe/London")


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def working_hours() -> Column:
    """Working days, hours and a time zone, such as Mon|Tue 09:00-17:00 UTC."""

    def check(value: str) -> bool:
        found = re.fullmatch(r"(\S+) (\S+)-(\S+) (\S+)", value)
        if not found:
            return False
        days, start, end, zone = found.groups()
        hours = time_of_day().check(start) and time_of_day().check(end) and start < end
        return hours and some_of(*WEEKDAYS).check(days) and time_zone().check(zone)

    return Column(check, "days, hours and a time zone, such as Mon|Tue|Wed|Thu|Fri 09:00-17:00 Europe/London")


def names_between_bars(*, required: bool = True) -> Column:
    """One name or several with a bar between, none of them blank or with blanks around it."""
    return Column(
        lambda value: all(part and part == part.strip() for part in value.split("|")),
        "names with a bar and no blanks between, such as Disqualified|Unqualified",
        required,
    )
