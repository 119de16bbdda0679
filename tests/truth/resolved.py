"""What identity made of a simulated company, beside what is true: clusters and groups for `pairwise.agreement`."""

from collections import defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path

from pairwise import Truth, agreement, without_shared

Read = Callable[..., list[tuple]]
Record = Callable[[str, object], None]

LEAST_PRECISION = 0.995
LEAST_RECALL = 0.98
NODE_TYPES = {"workspace_id": "workspace", "domain": "domain", "crm_account_id": "crm_account"}

DOMAINS_SHOWN = """
    select split_part(email, '@', 2) from segment.identifies
    union select split_part(email, '@', 2) from salesforce.contact
    union select split_part(email, '@', 2) from salesforce.lead
    union select split_part(email, '@', 2) from enrichment.people
    union select company_domain from enrichment.people
    union select domain from segment.groups
    union select regexp_replace(website, '^(https?://)?(www[.])?([^/]+).*$', '\\3') from salesforce.account
"""


@dataclass(frozen=True)
class Resolved:
    """Cluster by item as built, and the groups of each item in truth."""

    name: str
    predicted: dict[Hashable, Hashable]
    true: Truth


def persons(home: Path, read_rows: Read) -> Resolved:
    """Identifiers, joined into people."""
    true = defaultdict(set)
    for kind, identifier, person in read_rows(
        home, "select identifier_type, identifier, true_person from truth.people"
    ):
        true[kind, identifier].add(person)
    rows = read_rows(home, "select identifier_type, identifier, person_id from identity.person_identifiers")
    return Resolved("persons", {(kind, identifier): person for kind, identifier, person in rows}, true)


def users_by_account(home: Path, read_rows: Read) -> Resolved:
    """User ids, joined into accounts.

    Those without a company are a company of one, so that a stranger in an account counts against precision.
    """
    true = defaultdict(set)
    for user, person, account in read_rows(
        home, "select identifier, true_person, true_account from truth.people where identifier_type = 'user_id'"
    ):
        true[user].add(account or f"nobody but {person}")
    rows = read_rows(
        home,
        """
        select users.identifier, coalesce(companies.account_id, individuals.account_id)
        from identity.person_identifiers as users
        left join identity.identifier_accounts as companies
            on users.node = companies.node and companies.known_until = timestamp '9999-12-31'
        left join identity.account_members as individuals
            on users.person_id = individuals.person_id and individuals.matched_by = 'individual'
        where users.identifier_type = 'user_id'
            and coalesce(companies.account_id, individuals.account_id) is not null
        """,
    )
    return Resolved("users_by_account", dict(rows), true)


def accounts_with_unshown(home: Path, read_rows: Read) -> Resolved:
    """Workspaces, domains and CRM accounts, joined into companies."""
    true = defaultdict(set)
    for account, kind, identifier in read_rows(
        home, "select true_account, identifier_type, identifier from truth.account_identifiers"
    ):
        true[f"{NODE_TYPES[kind]}:{identifier}"].add(account)
    found = dict(read_rows(home, "select node, target from identity.organisation_reach"))
    return Resolved("accounts_with_unshown", found, true)


def accounts(home: Path, read_rows: Read) -> Resolved:
    """The same without domains under which no record shows anybody: nothing could join them to a company.

    One company in ten has a second domain; some of those are nobody's address, no website and no trait of a workspace.
    """
    everything = accounts_with_unshown(home, read_rows)
    shown = {f"domain:{domain}" for (domain,) in read_rows(home, DOMAINS_SHOWN)}
    true = {node: groups for node, groups in everything.true.items() if not node.startswith("domain:") or node in shown}
    return Resolved("accounts", everything.predicted, true)


def assert_agreement(resolved: Resolved, record_property: Record, least_recall: float = LEAST_RECALL) -> None:
    """Report and require the bounds, with the truly shared identifiers counted and without them."""
    figures = {
        resolved.name: agreement(resolved.predicted, resolved.true),
        f"{resolved.name}_without_shared": agreement(resolved.predicted, without_shared(resolved.true)),
    }
    for name, measured in figures.items():
        print(
            f"{name}: precision {measured.precision:.4f} over {measured.predicted_pairs:,} pairs, "
            f"recall {measured.recall:.4f} over {measured.true_pairs:,}"
        )
        record_property(f"{name}_precision", measured.precision)
        record_property(f"{name}_recall", measured.recall)
    for name, measured in figures.items():
        assert measured.precision >= LEAST_PRECISION, name
        assert measured.recall >= least_recall, name
