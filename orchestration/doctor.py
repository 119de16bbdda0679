"""Look the installation over: configuration, sources, freshness, identity, labels, last run. Changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from orchestration.configuration import configuration_folder, find_problems
from warehouse.connection import WORKING_FILE, Backend, open_working
from warehouse.tables import has_table, query

Level = Literal["ok", "warning", "error"]
STALE_AFTER = timedelta(days=2)
FEW_POSITIVES = 25


@dataclass(frozen=True)
class Finding:
    """One thing looked at, how it is, and what to do about it (blank where nothing is)."""

    level: Level
    what: str
    remedy: str = ""


def examine(folder: Path, now: datetime | None = None) -> Iterator[Finding]:
    """Every finding, in the order in which things depend on each other."""
    yield from _configuration()
    if not (folder / WORKING_FILE).exists():
        yield Finding(
            "error", f"there is no warehouse in {folder}", "Load data first: `pql import MAPPING.yml`, or `make demo`"
        )
        return
    with open_working(folder) as backend:
        yield from _sources(backend)
        yield from _quarantined_rows(backend)
        yield from _freshness(backend, now or datetime.now(UTC).replace(tzinfo=None))
        yield from _unmapped_events(backend)
        yield from _identity(backend)
        yield from _labels(backend)
        yield from _last_run(backend)


def _configuration() -> Iterator[Finding]:
    problems = list(find_problems(configuration_folder()))
    for problem in problems:
        yield Finding("error", f"{problem.file}:{problem.line}: {problem.what}", problem.fix)
    if not problems:
        yield Finding("ok", f"configuration in {configuration_folder()} is valid")


def _sources(backend: Backend) -> Iterator[Finding]:
    tables = {
        "segment.tracks": "events from Segment or RudderStack",
        "backend.events": "events from files or your own tables",
        "salesforce.opportunity": "deals from Salesforce",
        "backend.opportunities": "deals from files or your own tables",
    }
    present = [name for name in tables if has_table(backend, *name.split("."))]
    for name in present:
        rows = query(backend, f"select count(*) as rows from {name}")[0]["rows"]  # noqa: S608 - names are ours
        yield Finding(
            "ok" if rows else "warning", f"{name}: {rows:,} rows ({tables[name]})", "" if rows else "Load some"
        )
    if not any(name.endswith((".tracks", ".events")) for name in present):
        yield Finding(
            "error", "no source of events", "Load Segment's schema as `segment`, or `pql import` your own events"
        )
    if not any("opportunit" in name for name in present):
        yield Finding(
            "warning",
            "no source of deals",
            "Without closed-won deals nothing can be learned: scores follow scoring_rules.csv",
        )


def _quarantined_rows(backend: Backend) -> Iterator[Finding]:
    if not has_table(backend, "backend", "quarantine"):
        return
    for row in query(
        backend,
        "select reason, count(*) as rows, min(file) as file from backend.quarantine group by reason order by rows desc",
    ):
        yield Finding(
            "warning",
            f"{row['rows']:,} imported rows are in quarantine: {row['reason']} (in {row['file']})",
            "Mend the file and import it again; backend.quarantine has file and line of each",
        )


def _freshness(backend: Backend, now: datetime) -> Iterator[Finding]:
    if not has_table(backend, "activity", "events"):
        yield Finding("warning", "nothing has run here yet", "`pql run`")
        return
    for row in query(
        backend, "select source, max(available_at) as newest from activity.events group by source order by source"
    ):
        age = now - row["newest"]
        if age > STALE_AFTER:
            yield Finding(
                "warning",
                f"the newest event of {row['source']} arrived {age.days} days ago",
                "Look at its loader; scores follow the data, not the calendar",
            )
        else:
            yield Finding("ok", f"the newest event of {row['source']} arrived {row['newest']:%Y-%m-%d %H:%M} UTC")


def _unmapped_events(backend: Backend) -> Iterator[Finding]:
    if not has_table(backend, "config", "signal_map") or not has_table(backend, "activity", "events"):
        return
    unmapped = query(
        backend,
        """
        select event_name, count(*) as events from activity.events
        where
            event_type in ('track', 'page', 'screen')
            and lower(event_name) not in (select lower(event_name) from config.signal_map)
        group by event_name order by events desc
        """,
    )
    if unmapped:
        named = ", ".join(f"{row['event_name']} ({row['events']:,})" for row in unmapped[:5])
        yield Finding(
            "warning",
            f"{len(unmapped)} event names mean nothing yet: {named}",
            "Map those that matter in signal_map.csv",
        )
    else:
        yield Finding("ok", "every event name is mapped to a signal")


def _identity(backend: Backend) -> Iterator[Finding]:
    if not has_table(backend, "identity", "identity_quarantine"):
        return
    for row in query(
        backend,
        """
        select identifier_type, refused_because, count(*) as identifiers, min(identifier) as example
        from identity.identity_quarantine group by identifier_type, refused_because order by identifiers desc
        """,
    ):
        yield Finding(
            "ok",
            f"{row['identifiers']:,} of type {row['identifier_type']} kept apart: {row['refused_because']} "
            f"(such as {row['example']})",
        )


def _labels(backend: Backend) -> Iterator[Finding]:
    if not has_table(backend, "features", "training_examples"):
        return
    row = query(
        backend,
        """
        select count(*) as examples, count(distinct case when is_won then account_id end) as won
        from features.training_examples
        """,
    )[0]
    if row["won"] < FEW_POSITIVES:
        yield Finding(
            "warning",
            f"{row['won']} won accounts to learn from",
            "Below 20 to fit and 5 later ones to judge by, the rules score; check that deals reach accounts "
            "(reporting.account_journeys) and the horizon in settings.csv",
        )
    else:
        yield Finding("ok", f"{row['won']:,} won accounts in {row['examples']:,} examples to learn from")


def _last_run(backend: Backend) -> Iterator[Finding]:
    if not has_table(backend, "publishing", "runs"):
        return
    for row in query(backend, "select * from publishing.runs order by started_at desc limit 1"):
        if row["status"] == "failed":
            yield Finding(
                "error",
                f"the last run ({row['run_id']}) failed: {row['reason']}",
                "Mend it and `pql run` again; consumers still read the run before",
            )
        else:
            yield Finding("ok", f"the last run ended as {row['status']} at {row['ended_at']:%Y-%m-%d %H:%M} UTC")
