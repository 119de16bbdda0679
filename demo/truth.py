"""The truth: whose every identifier is, how likely each account was to buy and each customer to buy more, all effects.

No model may read these tables; tests and reports do.
"""

import numpy as np
import pyarrow as pa

from demo.crm_tables import CustomerRelations
from demo.period import DAY, END, NEVER, PRODUCT_CHANGE, START
from demo.population import Population
from demo.raw_tables import choices, dates, texts, values
from demo.sales import Probabilities, SalesYear
from demo.signals import SIGNALS


def truth_tables(population: Population, relations: CustomerRelations, year: SalesYear) -> dict[str, pa.Table]:
    """Build the truth about a block's people, accounts and probabilities."""
    accounts = [_account_name(number) for number in population.companies.number.tolist()]
    return {
        "truth.people": _people_table(population, relations, accounts),
        "truth.account_identifiers": _account_identifier_table(population, relations, accounts),
        "truth.accounts": _probability_table(accounts, year.probabilities),
        "truth.customers": _probability_table(accounts, year.expansion_probabilities),
    }


def _probability_table(accounts: list[str], probabilities: Probabilities) -> pa.Table:
    return pa.table(
        {
            "true_account": choices(accounts, probabilities.company),
            "as_of_date": dates(probabilities.day * DAY),
            "true_probability": values(probabilities.probability),
        }
    )


def true_person(population: Population, person: int) -> str:
    """Return the name of a person of the block in the truth."""
    return f"person-{population.people.number[person]}"


def true_account(population: Population, company: int) -> str | None:
    """Return the name of a company of the block in the truth; None for the position -1, that is no company."""
    return _account_name(int(population.companies.number[company])) if company >= 0 else None


def signal_table() -> pa.Table:
    """Build the true effect of every signal: one row where it is constant, two where the product change moved it."""
    start, change, end = (time.astype("datetime64[D]") for time in (START, PRODUCT_CHANGE, END))
    rows: list[tuple[str, float, np.datetime64, np.datetime64]] = []
    for signal in SIGNALS:
        if signal.name is None:
            continue
        if signal.effect_before == signal.effect_after:
            rows.append((signal.name, signal.effect_before, start, end))
        else:
            rows.append((signal.name, signal.effect_before, start, change))
            rows.append((signal.name, signal.effect_after, change, end))
    names, true_effects, from_dates, to_dates = zip(*rows, strict=True)
    return pa.table(
        {
            "signal": texts(names),
            "true_effect": pa.array(true_effects, pa.float64()),
            "from_date": pa.array(np.array(from_dates)),
            "to_date": pa.array(np.array(to_dates)),
        }
    )


def _account_name(number: int) -> str:
    return f"account-{number:07d}"


def _people_table(population: Population, relations: CustomerRelations, accounts: list[str]) -> pa.Table:
    """Build one row per identifier and person: an identifier used by several people has one row for each of them."""
    people, devices, companies, contacts = (
        population.people,
        population.devices,
        population.companies,
        relations.contacts,
    )
    names = [true_person(population, person) for person in range(len(people))]
    owners = [accounts[company] if company >= 0 else None for company in people.company.tolist()]
    rows: list[tuple[str, str, str, str | None]] = []

    def add(kind: str, identifier: str | None, person: int) -> None:
        if identifier is not None:
            rows.append((kind, identifier, names[person], owners[person]))

    for person in range(len(people)):
        add("user_id", people.user_id[person], person)
        add("user_id", people.old_user_id[person], person)
        add("email", people.email[person], person)
        add("email", people.corporate_email[person], person)
    for person in np.flatnonzero(people.role_mailbox_at < NEVER).tolist():
        add("email", companies.role_mailbox[int(people.company[person])], person)
    for device, person in enumerate(devices.owner.tolist()):
        if person >= 0:
            add("anonymous_id", devices.anonymous_id[device], person)
        else:
            rows.append(("anonymous_id", devices.anonymous_id[device], f"bot-{population.block}-{device}", None))
    for device, person in zip(devices.shared_device.tolist(), devices.shared_person.tolist(), strict=True):
        add("anonymous_id", devices.anonymous_id[device], person)
    for position in np.flatnonzero(contacts.person < 0).tolist():
        account = accounts[int(contacts.company[position])]
        rows.append(("email", contacts.email[position], f"buyer-{population.block}-{position}", account))
    kinds, identifiers, persons, account_names = zip(*rows, strict=True)
    return pa.table(
        {
            "identifier_type": texts(kinds),
            "identifier": texts(identifiers),
            "true_person": texts(persons),
            "true_account": texts(account_names),
        }
    )


def _account_identifier_table(population: Population, relations: CustomerRelations, accounts: list[str]) -> pa.Table:
    companies, workspaces = population.companies, population.workspaces
    rows = [
        (accounts[company], "workspace_id", identifier)
        for company, identifier in zip(workspaces.company.tolist(), workspaces.identifier, strict=True)
    ]
    rows += [(account, "domain", domain) for account, domain in zip(accounts, companies.domain, strict=True)]
    rows += [
        (account, "domain", domain)
        for account, domain in zip(accounts, companies.second_domain, strict=True)
        if domain is not None
    ]
    rows += [
        (accounts[company], "crm_account_id", relations.accounts.identifier[company])
        for company in np.flatnonzero(relations.accounts.created < NEVER).tolist()
    ]
    names, kinds, identifiers = zip(*rows, strict=True)
    return pa.table({"true_account": texts(names), "identifier_type": texts(kinds), "identifier": texts(identifiers)})
