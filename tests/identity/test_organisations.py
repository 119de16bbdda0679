"""People and companies over time: a handful of stories in raw tables, built as they stand and as of a past day."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from warehouse.connection import open_working
from warehouse.reference_lists import load_reference_lists
from warehouse.runs import ensure_ledger

PROJECT = Path(__file__).resolve().parents[2]
START = datetime(2026, 1, 1)  # noqa: DTZ001 - the warehouse keeps UTC without a zone
OPEN_END = datetime(9999, 12, 31, 23, 59, 59)  # noqa: DTZ001
CUT = 50  # the past day, as a number of days from the start

Story = Callable[["Raw"], None]
Decision = tuple[str, str, str, str, str, str]


def day(number: float) -> datetime:
    """That many days after the start, at noon, so that no two stories meet at midnight."""
    return START + timedelta(days=number, hours=12)


COLUMNS = {
    "segment.identifies": "id, user_id, anonymous_id, context_group_id, email, timestamp, received_at",
    "segment.groups": "id, user_id, group_id, domain, sso_domain, timestamp, received_at",
    "segment.pages": "id, user_id, anonymous_id, context_group_id, name, timestamp, received_at",
    "segment.tracks": "id, user_id, context_group_id, event, event_text, timestamp, received_at",
    "segment.teammate_invited": "id, invitee_email, timestamp, received_at",
    "salesforce.account_history": (
        "id, name, website, parent_id, workspace_id_c, is_deleted, master_record_id, created_date, "
        "_fivetran_start, _fivetran_end"
    ),
    "salesforce.contact": "id, account_id, email, created_date",
}
TIMES = {"timestamp", "received_at", "created_date", "_fivetran_start", "_fivetran_end"}


class Raw:
    """Raw tables in the making. What became known after `until` is left out."""

    def __init__(self, until: float) -> None:
        self.until = day(until) if until < 3_000 else OPEN_END
        self.rows: dict[str, list[dict[str, object]]] = {table: [] for table in COLUMNS}
        self.accounts: dict[str, list[dict[str, object]]] = {}

    def add(self, table: str, known: datetime, **values: object) -> None:
        if known < self.until:
            rows = self.rows[table]
            rows.append({"id": f"{table}-{len(rows)}"} | values)

    def identify(self, at: float, user: str, email: str, workspace: str | None = None) -> None:
        self.add(
            "segment.identifies", day(at),
            user_id=user, email=email, context_group_id=workspace, timestamp=day(at), received_at=day(at),
        )  # fmt: skip

    def group(self, at: float, user: str, workspace: str, **traits: str) -> None:
        times = {"timestamp": day(at), "received_at": day(at)}
        self.add("segment.groups", day(at), user_id=user, group_id=workspace, **times, **traits)

    def page(self, at: float, user: str, workspace: str | None = None) -> None:
        self.add(
            "segment.pages", day(at),
            user_id=user, context_group_id=workspace, name="Pricing", timestamp=day(at), received_at=day(at),
        )  # fmt: skip

    def invite(self, at: float, user: str, invitee: str, workspace: str | None = None) -> None:
        identifier = f"invitation-{user}-{invitee}"
        times = {"timestamp": day(at), "received_at": day(at)}
        self.add(
            "segment.tracks", day(at), id=identifier, user_id=user, context_group_id=workspace,
            event="teammate_invited", event_text="Teammate Invited", **times,
        )  # fmt: skip
        self.add("segment.teammate_invited", day(at), id=identifier, invitee_email=invitee, **times)

    def account(self, at: float, identifier: str, **values: object) -> None:
        """One more version of a CRM account; it lasts until the next one."""
        if day(at) >= self.until:
            return
        versions = self.accounts.setdefault(identifier, [])
        if versions:
            versions[-1]["_fivetran_end"] = day(at)
        created = versions[0]["created_date"] if versions else day(at)
        before = {key: value for key, value in (versions[-1] if versions else {}).items() if key != "id"}
        versions.append(
            before
            | {"id": identifier, "created_date": created, "_fivetran_start": day(at), "_fivetran_end": OPEN_END}
            | values
        )

    def contact(self, at: float, account: str, email: str) -> None:
        self.add("salesforce.contact", day(at), account_id=account, email=email, created_date=day(at))

    def write(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.rows["salesforce.account_history"] = [
            version for versions in self.accounts.values() for version in versions
        ]
        for table, names in COLUMNS.items():
            columns = names.split(", ")
            kinds = ", ".join(
                f"{name} {'timestamp' if name in TIMES else 'boolean' if name == 'is_deleted' else 'text'}"
                for name in columns
            )
            connection.execute(f"create schema if not exists {table.split('.')[0]}")
            connection.execute(f"create table {table} ({kinds})")
            for row in self.rows[table]:
                connection.execute(
                    f"insert into {table} values ({', '.join('?' * len(columns))})", [row.get(name) for name in columns]
                )


def job_change(raw: Raw) -> None:
    """Ada works at old.example and then, with the same login, at new.example."""
    raw.identify(1, "ada", "ada@old-job.example", "w-old-job")
    raw.page(10, "ada")
    raw.identify(2, "olga", "olga@new-job.example", "w-new-job")
    raw.identify(40, "ada", "ada@new-job.example", "w-new-job")
    raw.page(60, "ada")


def consultant(raw: Raw) -> None:
    """Eve works at an agency and in the workspaces of two of its clients."""
    raw.identify(1, "carl", "carl@client.example", "w-client")
    raw.identify(1, "dora", "dora@other-client.example", "w-other-client")
    raw.identify(3, "eve", "eve@agency.example", "w-agency")
    raw.page(4, "eve", "w-agency")
    raw.identify(20, "eve", "eve@agency.example", "w-client")
    raw.page(21, "eve", "w-client")
    raw.identify(30, "eve", "eve@agency.example", "w-other-client")
    raw.page(31, "eve", "w-other-client")


def crm_merger(raw: Raw) -> None:
    """Two CRM accounts with a website each; on day 60 sales merges the one into the other."""
    raw.account(1, "crm-loser", name="Loser", website="https://loser.example")
    raw.account(2, "crm-survivor", name="Survivor", website="https://survivor.example")
    raw.identify(5, "lou", "lou@loser.example")
    raw.identify(6, "sue", "sue@survivor.example")
    raw.account(60, "crm-loser", is_deleted=True, master_record_id="crm-survivor")


def hierarchy(raw: Raw) -> None:
    """A child moves from one parent to another, and two accounts are each above the other."""
    raw.account(1, "crm-first-parent", name="First parent", website="first-parent.example")
    raw.account(1, "crm-second-parent", name="Second parent", website="second-parent.example")
    raw.account(2, "crm-child", name="Child", website="child.example", parent_id="crm-first-parent")
    raw.account(55, "crm-child", parent_id="crm-second-parent")
    raw.account(1, "crm-left", name="Left", parent_id="crm-right")
    raw.account(1, "crm-right", name="Right", parent_id="crm-left")


def personal_address(raw: Raw) -> None:
    """Pia signs up with a personal address and joins her company's workspace weeks later."""
    raw.identify(1, "pete", "pete@late.example", "w-late")
    raw.identify(2, "pia", "pia@gmail.com")
    raw.page(3, "pia")
    raw.identify(70, "pia", "pia@gmail.com", "w-late")


def two_companies_in_one_workspace(raw: Raw) -> None:
    """A CRM account names a workspace whose first member is at the domain of another CRM account."""
    raw.account(1, "crm-host", name="Host", workspace_id_c="w-host")
    raw.account(1, "crm-guest", name="Guest", website="guest.example")
    raw.identify(5, "gina", "gina@guest.example", "w-host")


def invitations(raw: Raw) -> None:
    """Ivy is invited to a workspace, Ian by somebody who is known by a company's address alone. Both never join."""
    raw.identify(1, "hana", "hana@inviting.example", "w-inviting")
    raw.invite(2, "hana", "ivy@gmail.com", "w-inviting")
    raw.identify(3, "ivy", "ivy@gmail.com")
    raw.identify(4, "hugo", "hugo@inviting.example")
    raw.invite(5, "hugo", "ian@gmail.com")
    raw.identify(6, "ian", "ian@gmail.com")


def decided(raw: Raw) -> None:
    """What the overrides below speak of: a domain without an owner, one with the wrong owner, a freelancer."""
    raw.account(1, "crm-decided", name="Decided")
    raw.identify(2, "una", "una@unowned.example", "w-unowned")
    raw.account(10, "crm-wrong", name="Wrong", website="unowned.example")
    raw.account(3, "crm-holding", name="Holding", website="apart.example", workspace_id_c="w-holding")
    raw.identify(4, "abe", "abe@apart.example", "w-holding")
    raw.identify(5, "fred", "fred@gmail.com")


def many_of_one(raw: Raw) -> None:
    """A company with two workspaces and, beside its website's domain, one that two of its people use."""
    raw.account(1, "crm-many", name="Many", website="many.example")
    raw.identify(2, "mia", "mia@many.example", "w-many-1")
    raw.identify(3, "max", "max@many.example", "w-many-2")
    raw.identify(20, "mo", "mo@many-labs.example", "w-many-1")
    raw.identify(30, "may", "may@many-labs.example", "w-many-2")
    raw.group(40, "mia", "w-many-1", sso_domain="many-sso.example")
    raw.identify(41, "meg", "meg@many-sso.example")


STORIES: tuple[Story, ...] = (
    job_change, consultant, crm_merger, hierarchy, personal_address, two_companies_in_one_workspace, invitations,
    decided, many_of_one,
)  # fmt: skip
OVERRIDES: tuple[Decision, ...] = (
    ("", "domain", "Unowned.example", "crm_account", "crm-decided", "they told us"),
    ("separate", "domain", "apart.example", "crm_account", "crm-holding", "sold last year"),
    ("join", "email", "fred@gmail.com", "domain", "many.example", "their freelancer"),
)


@dataclass(frozen=True)
class Built:
    """The stories as built: what the tests ask about them."""

    home: Path

    def rows(self, query: str, *parameters: object) -> list[tuple]:
        with duckdb.connect(str(self.home / "pql.duckdb"), read_only=True) as connection:
            return connection.execute(query, parameters).fetchall()

    def account(self, node: str) -> str:
        return self.reached(node)[0]

    def reached(self, node: str) -> tuple[str, datetime]:
        ((account, since),) = self.rows(
            "select target, available_at from identity.organisation_reach where node = ?", node
        )
        return account, since

    def companies(self, node: str) -> list[tuple[str, str]]:
        """(account, rule) of an identifier, one after the other."""
        return self.rows(
            "select account_id, matched_by from identity.identifier_accounts where node = ? order by known_from", node
        )

    def pages(self, user: str) -> list[tuple[str, datetime, datetime]]:
        """(account, happened, counted from) of the pricing pages that a user looked at."""
        return self.rows(
            "select signals.account_id, events.occurred_at, signals.available_at "
            "from activity.signals as signals inner join activity.events as events using (event_id) "
            "where events.user_id = ? order by events.occurred_at, signals.available_at",
            user,
        )


@pytest.fixture(scope="module")
def build(dbt: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Callable[[float], Built]:
    def run(until: float) -> Built:
        home = tmp_path_factory.mktemp("stories")
        raw = Raw(until)
        for story in STORIES:
            story(raw)
        with open_working(home) as backend:
            raw.write(backend.con)
            load_reference_lists(backend)
            ensure_ledger(backend)
        config = home / "config"
        shutil.copytree(PROJECT / "seeds", config)
        with (config / "identity_overrides.csv").open("a", encoding="utf-8") as overrides:
            overrides.writelines(",".join(decision) + "\n" for decision in OVERRIDES)
        result = dbt(
            home, "build", "--exclude-resource-type", "unit_test", "--indirect-selection", "cautious",
            "--select", "resource_type:seed", "staging", "identity", "activity", config=config,
        )  # fmt: skip
        (home / "output.txt").write_text(result.stdout, encoding="utf-8")
        return Built(home)

    return run


@pytest.fixture(scope="module")
def today(build: Callable[[float], Built]) -> Built:
    return build(10_000)


@pytest.fixture(scope="module")
def then(build: Callable[[float], Built]) -> Built:
    return build(CUT)


def test_a_job_change_moves_what_comes_later(today: Built) -> None:
    old, new = today.account("workspace:w-old-job"), today.account("workspace:w-new-job")
    assert old != new
    assert [account for account, _ in today.companies("user_id:ada")] == [old, new]
    assert today.pages("ada") == [(old, day(10), day(10)), (new, day(60), day(60))]
    assert today.account("domain:old-job.example") == old
    assert today.account("domain:new-job.example") == new


def test_a_consultant_is_a_member_of_every_company_and_events_go_to_their_workspace(today: Built) -> None:
    agency, client, other = (today.account(f"workspace:w-{name}") for name in ("agency", "client", "other-client"))
    assert len({agency, client, other}) == 3
    members = today.rows(
        "select members.account_id from identity.account_members as members "
        "inner join identity.person_identifiers as identifiers using (person_id) where identifiers.node = 'user_id:eve'"
    )
    assert {account for (account,) in members} == {agency, client, other}
    assert [account for account, *_ in today.pages("eve")] == [agency, client, other]


def test_merged_crm_accounts_are_one_from_the_day_the_merger_was_known(today: Built, then: Built) -> None:
    loser, since = today.reached("crm_account:crm-loser")
    assert today.reached("crm_account:crm-survivor") == (loser, day(60))
    assert today.reached("domain:survivor.example") == (loser, day(60))
    assert since == day(1)
    assert today.rows("select name, crm_account_id from identity.accounts where account_id = ?", loser) == [
        ("Survivor", "crm-survivor")
    ]
    assert then.account("domain:survivor.example") != then.account("domain:loser.example")


def test_a_parent_is_known_by_its_time_and_never_swallows_the_child(today: Built) -> None:
    child, first, second = (
        today.account(f"crm_account:crm-{name}") for name in ("child", "first-parent", "second-parent")
    )
    assert len({child, first, second}) == 3
    spans = today.rows(
        "select parent_account_id, available_at, known_until from identity.account_hierarchy "
        "where account_id = ? order by 2",
        child,
    )
    forever = datetime(9999, 12, 31)  # noqa: DTZ001
    assert spans == [(first, day(2), day(55)), (second, day(55), forever)]
    assert today.rows("select parent_account_id from identity.accounts where account_id = ?", child) == [(second,)]


def test_a_circle_of_parents_is_shown_and_stops_nothing(today: Built) -> None:
    left, right = today.account("crm_account:crm-left"), today.account("crm_account:crm-right")
    parents = dict(today.rows("select account_id, parent_account_id from identity.account_hierarchy"))
    assert (parents[left], parents[right]) == (right, left)
    output = (today.home / "output.txt").read_text(encoding="utf-8")
    assert "WARN 2 no_account_is_above_itself" in output


def test_a_personal_address_brings_its_history_on_the_day_of_joining(today: Built) -> None:
    company = today.account("workspace:w-late")
    individual, at_company = today.pages("pia")
    assert individual[0].startswith("ind_")
    assert individual[1:] == (day(3), day(3))
    assert at_company == (company, day(3), day(70))


def test_weak_evidence_joins_no_two_crm_accounts(today: Built) -> None:
    host, guest = today.account("crm_account:crm-host"), today.account("crm_account:crm-guest")
    assert host != guest
    assert today.account("workspace:w-host") == host
    assert today.account("domain:guest.example") == guest
    assert today.rows(
        "select rule, refused_because from identity.organisation_claims "
        "where claimed = 'workspace:w-host' and claimant like 'domain:%'"
    ) == [("workspace_majority", "would join two CRM accounts")]


def test_the_invited_count_to_the_workspace_or_to_the_inviters_company(today: Built) -> None:
    company = today.account("workspace:w-inviting")
    assert today.companies("user_id:ivy") == [(company, "inviter")]
    assert today.companies("user_id:ian") == [(company, "inviter")]


def test_overrides_win_over_what_came_first(today: Built) -> None:
    assert today.account("domain:unowned.example") == today.account("crm_account:crm-decided")
    assert today.account("workspace:w-unowned") == today.account("crm_account:crm-decided")
    assert today.account("crm_account:crm-wrong") != today.account("crm_account:crm-decided")
    assert today.companies("user_id:fred") == [(today.account("crm_account:crm-many"), "override")]


def test_what_an_override_keeps_apart_stays_apart(today: Built) -> None:
    assert today.account("domain:apart.example") != today.account("crm_account:crm-holding")
    assert today.account("workspace:w-holding") == today.account("crm_account:crm-holding")
    refused = today.rows(
        "select rule from identity.organisation_claims where refused_because = 'kept apart by an override' "
        "and claimed || claimant like '%apart.example%' order by 1"
    )
    assert refused == [("website",), ("workspace_majority",)]


def test_several_workspaces_and_domains_are_one_company(today: Built) -> None:
    company = today.account("crm_account:crm-many")
    assert {today.account(f"workspace:w-many-{number}") for number in (1, 2)} == {company}
    assert today.reached("domain:many-labs.example") == (company, day(30))
    assert today.reached("domain:many-sso.example") == (company, day(40))
    assert today.companies("user_id:meg") == [(company, "verified_domain")]


def test_a_build_of_a_past_day_gives_what_today_says_of_that_day(today: Built, then: Built) -> None:
    """Two identifiers known by then are one company in the build of then exactly where today's says so as of then."""
    edges = (
        "select least(left_node, right_node), greatest(left_node, right_node), rule, available_at "
        "from identity.organisation_edges where available_at < ? order by all"
    )
    assert today.rows(edges, day(CUT)) == then.rows(edges, day(CUT))
    evidence = "select * from identity.membership_evidence where available_at < ? order by all"
    assert today.rows(evidence, day(CUT)) == then.rows(evidence, day(CUT))
    spans = (
        "select account_id, parent_account_id, available_at from identity.account_hierarchy "
        "where available_at < ? order by all"
    )
    assert today.rows(spans, day(CUT)) == then.rows(spans, day(CUT))
