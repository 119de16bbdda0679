"""Look the installation over: configuration, sources, freshness, identity, labels, last run. Changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from ingest.vendors.feedback import DISPOSITIONS
from orchestration.configuration import configuration_folder, find_problems, rows_with_lines
from orchestration.tracking import check_tracking, in_words
from warehouse.connection import WORKING_FILE, Backend, open_working
from warehouse.tables import has_table, query

Level = Literal["ok", "warning", "error"]
STALE_AFTER = timedelta(days=2)
FEW_POSITIVES = 25
# A type of identifier is poison as a whole where more than this share of its values was cut, of those that came in two
# records or more: one record shows no conflict. Of the simulated company's devices 2 % are shared; of a store id that
# somebody declared as a person's nearly all are. Of fewer values than FEW_VALUES a share says little.
POISONED_SHARE = 0.2
FEW_VALUES = 20


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
        yield from _received(backend)
        yield from _freshness(backend, now or datetime.now(UTC).replace(tzinfo=None))
        yield from _unmapped_events(backend)
        yield from _tracking(backend)
        yield from _identity(backend)
        yield from _poisoned_types(backend)
        yield from _labels(backend)
        yield from _dispositions(backend)
        yield from _last_run(backend)


def _configuration() -> Iterator[Finding]:
    problems = list(find_problems(configuration_folder()))
    for problem in problems:
        yield Finding("error", f"{problem.file}:{problem.line}: {problem.what}", problem.fix)
    if not problems:
        yield Finding("ok", f"configuration in {configuration_folder()} is valid")


def _sources(backend: Backend) -> Iterator[Finding]:
    tables = {
        "segment.tracks": "events from Segment",
        "rudderstack.tracks": "events from RudderStack",
        "amplitude.event": "events from Amplitude",
        "mixpanel.mp_master_event": "events from Mixpanel",
        "posthog.events": "events from PostHog",
        "snowplow.events": "events from Snowplow",
        "backend.events": "events from files or your own tables",
        "receiver.events": "events that `pql serve` received",
        "salesforce.opportunity": "deals from Salesforce",
        "hubspot.deal": "deals from HubSpot",
        "backend.opportunities": "deals from files or your own tables",
    }
    present = [name for name in tables if has_table(backend, *name.split("."))]
    for name in present:
        rows = query(backend, f"select count(*) as rows from {name}")[0]["rows"]  # noqa: S608 - names are ours
        yield Finding(
            "ok" if rows else "warning", f"{name}: {rows:,} rows ({tables[name]})", "" if rows else "Load some"
        )
    if not any("opportunit" not in name for name in present):
        yield Finding(
            "error",
            "no source of events",
            "Load a vendor's tables under its name, `pql import` your own events, or receive them with `pql serve`",
        )
    if not any(tables[name].startswith("deals") for name in present):
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


def _received(backend: Backend) -> Iterator[Finding]:
    """What the receiver set aside, and segments that lost what was acknowledged."""
    if not has_table(backend, "receiver", "segments"):
        return
    for row in query(
        backend,
        """
        select source, reason, count(*) as items from receiver.quarantine
        group by source, reason order by items desc, source, reason limit 20
        """,
    ):
        yield Finding(
            "warning",
            f"{row['items']:,} received items of {row['source']} are in quarantine: {row['reason']}",
            "Look at receiver.quarantine, and mend the sender",
        )
    for row in query(
        backend,
        """
        select segment, coalesce(acknowledged, 0) - loaded - quarantined - deduplicated as lost, damaged_bytes
        from receiver.segments
        where
            loss_accepted_at is null
            and (
                acknowledged <> loaded + quarantined + deduplicated
                or (is_sealed and (damaged_bytes > 0 or acknowledged is null))
            )
        """,
    ):
        yield Finding(
            "error",
            f"segment {row['segment']} is damaged: {row['lost']:,} acknowledged events are lost",
            f"It is in damaged/; `pql load --accept-loss {row['segment']}` lets runs publish again",
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
            "`pql signals suggest` says which matter; map those in signal_map.csv",
        )
    else:
        yield Finding("ok", "every event name is mapped to a signal")


def _tracking(backend: Backend) -> Iterator[Finding]:
    """Whether each source still sent, on its last whole day, what it had sent before or what was planned."""
    folder = configuration_folder()
    if not has_table(backend, "activity", "events") or not (folder / "tracking_plan.csv").is_file():
        return
    for checked in check_tracking(backend, [row for _, row in rows_with_lines(folder, "tracking_plan")]):
        for line in in_words(checked):
            yield Finding(
                "warning",
                f"{checked.source} on {checked.day}: {line}",
                "Ask whoever changed the tracking; what is meant to be so is expected a week after, or at once by "
                "tracking_plan.csv",
            )
        if not checked.changes:
            looked_at = f"{checked.names:,} event names and {checked.properties:,} properties"
            yield Finding("ok", f"{checked.source} sent on {checked.day} what it should: {looked_at} looked at")


def _identity(backend: Backend) -> Iterator[Finding]:
    if not has_table(backend, "identity", "identity_quarantine"):
        return
    for row in query(
        backend,
        """
        select
            identifier_type, refused_because, count(*) as identifiers, sum(refused_links) as links,
            arg_max(identifier, refused_links) as worst, max(refused_links) as worst_links,
            arg_max(example, refused_links) as example
        from identity.identity_quarantine
        group by identifier_type, refused_because
        order by identifiers desc, identifier_type, refused_because
        """,
    ):
        with_whom = f" with {row['worst_links']:,} others, one of them {row['example']}" if row["example"] else ""
        yield Finding(
            "ok",
            f"{row['identifiers']:,} of type {row['identifier_type']} tie nobody: {row['refused_because']} "
            f"({row['links']:,} links; such as {row['worst']}{with_whom})",
        )


def _poisoned_types(backend: Backend) -> Iterator[Finding]:
    """Types of identifier that as a whole do not stand for people: too many of their values had to be cut."""
    if not has_table(backend, "identity", "identifier_cuts"):
        return
    for row in query(
        backend,
        """
        with cut as (
            select distinct node from identity.identifier_cuts where cut_until >= timestamp '9999-12-31'
        ),

        judged as (
            select
                identifiers.identifier_type,
                count(*) as seen,
                count(*) filter (where identifiers.records >= 2) as repeated,
                count(*) filter (where identifiers.records >= 2 and cut.node is not null) as cut
            from identity.identifiers as identifiers
            left join cut on identifiers.node = cut.node
            where not identifiers.is_blocked
            group by identifiers.identifier_type
        ),

        kept_links as (
            select split_part(left_node, ':', 1) as identifier_type, count(*) as links
            from identity.identity_edges
            where known_until >= timestamp '9999-12-31'
            group by 1
        ),

        cut_links as (
            select
                quarantine.identifier_type,
                sum(quarantine.refused_links) as links,
                arg_max(quarantine.identifier, quarantine.identities) as worst,
                max(quarantine.identities) as identities
            from identity.identity_quarantine as quarantine
            inner join cut on cut.node = quarantine.identifier_type || ':' || quarantine.identifier
            where quarantine.identities is not null
            group by quarantine.identifier_type
        )

        select
            judged.*,
            cut_links.worst,
            cut_links.identities,
            cut_links.links / (cut_links.links + coalesce(kept_links.links, 0)) as cut_link_share
        from judged
        inner join cut_links on judged.identifier_type = cut_links.identifier_type
        left join kept_links on judged.identifier_type = kept_links.identifier_type
        where judged.seen >= ? and judged.cut > ? * judged.repeated
        order by judged.identifier_type
        """,
        [FEW_VALUES, POISONED_SHARE],
    ):
        yield Finding(
            "warning",
            f"{row['identifier_type']} does not tell people apart: {row['cut'] / row['repeated']:.0%} of its "
            f"{row['repeated']:,} repeated values (of {row['seen']:,} seen) would join several people, "
            f"{row['cut_link_share']:.0%} of its links are cut; the worst is {row['worst']} with {row['identities']:,}",
            f"Remove the row {row['identifier_type']} from identity_rules.csv, or set a limit there; "
            "`pql identity diff` shows what that changes",
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


def _dispositions(backend: Backend) -> Iterator[Finding]:
    """Answers of reps that count nowhere: of no known kind, or on an account that nobody knows."""
    if not all(
        has_table(backend, *name)
        for name in (("staging", "declared_dispositions"), ("reporting", "account_dispositions"))
    ):
        return
    for row in query(
        backend,
        """
        select source, given, count(*) as answers from staging.declared_dispositions
        where disposition is null
        group by source, given order by answers desc, source, given limit 20
        """,
    ):
        yield Finding(
            "warning",
            f"{row['answers']:,} answers of reps ({row['source']}) say '{row['given']}', which is none of "
            f"{', '.join(DISPOSITIONS)}",
            "Name the choices in the CRM's field so; a blank or a hyphen may stand for each underscore",
        )
    for row in query(
        backend,
        """
        select declared.source, count(*) as answers, min(declared.account_given) as example
        from staging.declared_dispositions as declared
        anti join reporting.account_dispositions as recorded
            on declared.source = recorded.source and declared.account_given = recorded.account_given
        where declared.disposition is not null
        group by declared.source order by declared.source
        """,
    ):
        yield Finding(
            "warning",
            f"{row['answers']:,} answers of reps ({row['source']}) are on an account that is none or several, "
            f"such as '{row['example']}'",
            "They count once one account has that name, domain or id; or answer again with the account's id",
        )


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
