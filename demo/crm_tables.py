"""Salesforce's tables of a block, as Fivetran writes them: accounts, contacts, leads, opportunities, tasks, history."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from demo import vocabulary
from demo.identifiers import numbers, salesforce_identifiers
from demo.period import DAY, HOUR, LENGTH, MINUTE, NEVER, Booleans, Floats, Integers, spread
from demo.population import Population
from demo.raw_tables import choices, constant, dates, history_ends, texts, timestamps, values
from demo.sales import DELETED, LOST, Opportunities, SalesYear

LAST_CHANGE: Final = LENGTH - HOUR  # what changes later is not synced yet
PROSPECT_SHARE: Final = 0.22  # accounts in the CRM without any task or deal
WORKSPACE_ID_SHARE: Final = 0.5
CONTACT_SHARE: Final = 0.35
LEAD_SHARE: Final = 0.15
OPEN_STAGES: Final = ("Discovery", "Evaluation", "Proposal", "Negotiation")
STAGES: Final = (*OPEN_STAGES, "Closed Won", "Closed Lost")
CLOSING: Final = len(OPEN_STAGES)  # position of the closing version in a deal's history; the deletion comes after it
LEAD_SOURCES: Final = ("Product", "Website", "Outbound", "Referral", "Webinar")


@dataclass(frozen=True)
class Accounts:
    """CRM accounts: one per company at most, with the same positions as the companies."""

    identifier: list[str]
    created: Integers  # NEVER when the company is not in the CRM
    has_workspace_id: Booleans


@dataclass(frozen=True)
class Contacts:
    """CRM contacts: people of the product (person >= 0) and buyers who never use it."""

    identifier: list[str]
    person: Integers
    company: Integers
    created: Integers
    first_name: list[str]
    last_name: list[str]
    email: list[str]
    title: list[str]
    department: Integers


@dataclass(frozen=True)
class CustomerRelations:
    """The CRM of a block: its tables, and what the truth needs to know of them."""

    tables: dict[str, pa.Table]
    accounts: Accounts
    contacts: Contacts


def representative_table(seed: int) -> pa.Table:
    """Build Salesforce's user table: the sales representatives."""
    names = vocabulary.SALES_REPRESENTATIVES
    hired = np.full(len(names), -400 * DAY)
    return pa.table(
        {
            "id": texts(_representative_identifiers(seed)),
            "name": texts(names),
            "email": texts(f"{name.lower().replace(' ', '.')}@product.example" for name in names),
            "title": constant("Account Executive", len(names)),
            "is_active": constant(True, len(names)),
            "created_date": timestamps(hired),
            "_fivetran_synced": timestamps(hired + MINUTE),
        }
    )


def crm_tables(random: np.random.Generator, population: Population, year: SalesYear) -> CustomerRelations:
    """Build Salesforce's tables of a block.

    Args:
        random: the block's stream for the CRM.
        population: who exists.
        year: what sales did.

    Returns:
        Arrow tables by raw table name, with the accounts and contacts behind them.
    """
    accounts = _draw_accounts(random, population, year)
    deals = year.opportunities
    deal_identifiers = salesforce_identifiers("006", population.seed, numbers(population.block, len(deals)))
    leads = _draw_leads(random, population, accounts, deals)
    contacts = _draw_contacts(random, population, accounts, leads)
    history = _account_history(random, population, accounts, year)
    tables = {
        "salesforce.account_history": history,
        "salesforce.account": _current(history),
        "salesforce.contact": _contact_table(population, accounts, contacts),
        "salesforce.lead": _lead_table(random, population, accounts, contacts, leads, deal_identifiers),
        "salesforce.task": _task_table(random, population, accounts, contacts, year),
    }
    tables["salesforce.opportunity_history"] = _opportunity_history(
        random, population, accounts, deals, deal_identifiers
    )
    tables["salesforce.opportunity"] = _current(tables["salesforce.opportunity_history"])
    return CustomerRelations(tables, accounts, contacts)


def _representative_identifiers(seed: int) -> list[str]:
    return salesforce_identifiers("005", seed, np.arange(len(vocabulary.SALES_REPRESENTATIVES)))


def _draw_accounts(random: np.random.Generator, population: Population, year: SalesYear) -> Accounts:
    """Create CRM accounts: some early by sales, the others at the latest with the first task or deal."""
    companies = population.companies
    count = len(companies)
    by_sales = companies.started + spread(random, HOUR, 120 * DAY, count)
    is_child = companies.parent >= 0
    is_family = is_child.copy()
    is_family[companies.parent[is_child]] = True
    created = np.where((random.random(count) < PROSPECT_SHARE) & ~companies.is_competitor | is_family, by_sales, NEVER)
    np.minimum.at(created, year.tasks.company, year.tasks.time - HOUR)
    np.minimum.at(created, year.opportunities.company, year.opportunities.opened)
    created = np.where(created < NEVER, np.maximum(created, companies.started + MINUTE), NEVER)
    created[created >= LAST_CHANGE] = NEVER
    child = np.flatnonzero(is_child)
    np.minimum.at(created, companies.parent[child], created[child])  # a child's parent_id must exist
    has_workspace_id = (random.random(count) < WORKSPACE_ID_SHARE) & (created >= companies.started)
    identifiers = salesforce_identifiers("001", population.seed, companies.number)
    return Accounts(identifiers, created, has_workspace_id)


def _account_history(
    random: np.random.Generator, population: Population, accounts: Accounts, year: SalesYear
) -> pa.Table:
    """Build one row per version of an account: created, one correction for some, customer after the first win."""
    companies, seed = population.companies, population.seed
    count = len(companies)
    corrected_at = accounts.created + spread(random, 5 * DAY, 150 * DAY, count)
    is_corrected = (accounts.created < NEVER) & (random.random(count) < 0.25) & (corrected_at < LAST_CHANGE)
    corrected_at = np.where(is_corrected, corrected_at, NEVER)
    customer_at = np.where(year.customer_since < LAST_CHANGE, year.customer_since, NEVER)
    changes_owner = random.random(count) < 0.4
    new_employees = np.maximum(companies.employees * random.uniform(0.7, 1.6, count), 2).astype(np.int64)
    new_owner = (companies.representative + 1 + random.integers(0, 10, count)) % len(vocabulary.SALES_REPRESENTATIVES)
    hides_website = (random.random(count) < 0.1) & accounts.has_workspace_id
    website = [
        None if hidden else f"https://www.{domain}"
        for domain, hidden in zip(companies.domain, hides_website.tolist(), strict=True)
    ]

    row_company = np.tile(np.arange(count), 3)
    start = np.concatenate([accounts.created, corrected_at, customer_at])
    exists = start < NEVER
    company, start = row_company[exists], start[exists]
    order = np.lexsort((start, company))
    company, start = company[order], start[order]
    is_after = start >= corrected_at[company]
    following = np.append(np.where(company[1:] == company[:-1], start[1:], NEVER), NEVER)[: len(company)]
    parent = np.where((companies.parent >= 0) & (accounts.created[companies.parent] < NEVER), companies.parent, -1)[
        company
    ]
    return pa.table(
        {
            "id": choices(accounts.identifier, company),
            "name": choices(companies.name, company),
            "website": choices(website, company),
            "industry": choices(vocabulary.INDUSTRIES, companies.industry[company]),
            "number_of_employees": values(
                np.where(is_after & ~changes_owner[company], new_employees[company], companies.employees[company])
            ),
            "billing_country": choices(vocabulary.COUNTRIES, companies.country[company]),
            "type": choices(("Prospect", "Customer"), (start >= customer_at[company]).astype(np.int64)),
            "parent_id": choices(accounts.identifier, parent),
            "owner_id": choices(
                _representative_identifiers(seed),
                np.where(is_after & changes_owner[company], new_owner[company], companies.representative[company]),
            ),
            "workspace_id_c": choices(
                population.workspaces.identifier, np.where(accounts.has_workspace_id[company], company, -1)
            ),
            "is_deleted": constant(False, len(company)),
            "created_date": timestamps(accounts.created[company]),
            "last_modified_date": timestamps(start),
            "system_modstamp": timestamps(start),
            "_fivetran_synced": timestamps(start + MINUTE),
            "_fivetran_start": timestamps(start),
            "_fivetran_end": history_ends(following),
            "_fivetran_active": pa.array(following == NEVER),
        }
    )


def _current(history: pa.Table) -> pa.Table:
    return history.filter(history["_fivetran_active"])


@dataclass(frozen=True)
class _Leads:
    person: Integers
    created: Integers
    converted: Integers  # NEVER when it is not
    deal: Integers  # position of the deal it became, -1 without one


def _draw_leads(
    random: np.random.Generator, population: Population, accounts: Accounts, deals: Opportunities
) -> _Leads:
    people, companies = population.people, population.companies
    person = np.flatnonzero(random.random(len(people)) < LEAD_SHARE)
    created = np.maximum(people.signed_up[person] + spread(random, -10 * DAY, 20 * DAY, len(person)), HOUR)
    inside = created < LAST_CHANGE - DAY
    person, created = person[inside], created[inside]
    company = people.company[person]
    first_deal = np.full(len(companies), -1, dtype=np.int64)
    for position in np.flatnonzero(~deals.is_expansion)[::-1].tolist():
        first_deal[deals.company[position]] = position
    deal = np.where(company >= 0, first_deal[company], -1)
    in_crm = np.where(company >= 0, accounts.created[company], NEVER)
    converted = np.maximum(created, in_crm) + HOUR
    opened = deals.opened[deal] if len(deals) else np.zeros(len(person), dtype=np.int64)
    by_deal = (deal >= 0) & (random.random(len(person)) < 0.5) & (in_crm < NEVER) & (opened > converted)
    converted = np.where(by_deal, opened, converted)
    is_converted = (in_crm < NEVER) & (by_deal | (random.random(len(person)) < 0.5)) & (converted < LAST_CHANGE)
    return _Leads(person, created, np.where(is_converted, converted, NEVER), np.where(by_deal & is_converted, deal, -1))


def _draw_contacts(random: np.random.Generator, population: Population, accounts: Accounts, leads: _Leads) -> Contacts:
    """Create contacts from converted leads, for a share of the other people, and for up to two buyers per account."""
    people, companies = population.people, population.companies
    in_crm = np.where(people.company >= 0, accounts.created[people.company], NEVER)
    created = np.maximum(in_crm, people.signed_up) + spread(random, HOUR, 60 * DAY, len(people))
    created = np.where((in_crm < NEVER) & (random.random(len(people)) < CONTACT_SHARE), created, NEVER)
    created[leads.person] = leads.converted
    known = np.flatnonzero(created < LAST_CHANGE)
    emails = [
        (people.corporate_email[person] or "") if is_changed else people.email[person]
        for person, is_changed in zip(
            known.tolist(), (people.corporate_email_at[known] <= created[known]).tolist(), strict=True
        )
    ]

    buyers_company = np.repeat(np.arange(len(companies)), random.choice(3, len(companies), p=[0.55, 0.3, 0.15]))
    buyers_created = accounts.created[buyers_company] + spread(random, HOUR, 90 * DAY, len(buyers_company))
    kept = (accounts.created[buyers_company] < NEVER) & (buyers_created < LAST_CHANGE)
    buyers_company, buyers_created = buyers_company[kept], buyers_created[kept]
    firsts = random.integers(0, len(vocabulary.FIRST_NAMES), len(buyers_company)).tolist()
    lasts = random.integers(0, len(vocabulary.LAST_NAMES), len(buyers_company)).tolist()
    first_names = [vocabulary.FIRST_NAMES[first] for first in firsts]
    last_names = [vocabulary.LAST_NAMES[last] for last in lasts]
    at_second = (random.random(len(buyers_company)) < 0.5).tolist()
    buyer_emails = [
        f"{first[0]}{last}{position}@{second if second and other else domain}".lower()
        for position, (first, last, domain, second, other) in enumerate(
            zip(
                first_names,
                last_names,
                [companies.domain[company] for company in buyers_company.tolist()],
                [companies.second_domain[company] for company in buyers_company.tolist()],
                at_second,
                strict=True,
            )
        )
    ]
    departments = random.integers(0, len(vocabulary.DEPARTMENTS), len(buyers_company))
    total = len(known) + len(buyers_company)
    return Contacts(
        identifier=salesforce_identifiers("003", population.seed, numbers(population.block, total)),
        person=np.concatenate([known, np.full(len(buyers_company), -1)]),
        company=np.concatenate([people.company[known], buyers_company]),
        created=np.concatenate([created[known], buyers_created]),
        first_name=[people.first_name[person] for person in known.tolist()] + first_names,
        last_name=[people.last_name[person] for person in known.tolist()] + last_names,
        email=emails + buyer_emails,
        title=[people.title[person] for person in known.tolist()]
        + [vocabulary.TITLES[department][2] for department in departments.tolist()],
        department=np.concatenate([people.department[known], departments]),
    )


def _contact_table(population: Population, accounts: Accounts, contacts: Contacts) -> pa.Table:
    companies = population.companies
    return pa.table(
        {
            "id": texts(contacts.identifier),
            "account_id": choices(accounts.identifier, contacts.company),
            "email": texts(contacts.email),
            "first_name": texts(contacts.first_name),
            "last_name": texts(contacts.last_name),
            "title": texts(contacts.title),
            "department": choices(vocabulary.DEPARTMENTS, contacts.department),
            "owner_id": choices(
                _representative_identifiers(population.seed), companies.representative[contacts.company]
            ),
            "is_deleted": constant(False, len(contacts.created)),
            "created_date": timestamps(contacts.created),
            "last_modified_date": timestamps(contacts.created),
            "_fivetran_synced": timestamps(contacts.created + MINUTE),
        }
    )


def _lead_table(
    random: np.random.Generator,
    population: Population,
    accounts: Accounts,
    contacts: Contacts,
    leads: _Leads,
    deal_identifiers: list[str],
) -> pa.Table:
    people, companies = population.people, population.companies
    count = len(leads.person)
    is_converted = leads.converted < NEVER
    company = people.company[leads.person]
    contact_of_person = np.full(len(people), -1, dtype=np.int64)
    used = contacts.person >= 0
    contact_of_person[contacts.person[used]] = np.flatnonzero(used)
    modified = np.where(is_converted, leads.converted, leads.created)
    return pa.table(
        {
            "id": texts(salesforce_identifiers("00Q", population.seed, numbers(population.block, count))),
            "email": choices(people.email, leads.person),
            "company": choices([*companies.name, "[not provided]"], np.where(company >= 0, company, len(companies))),
            "first_name": choices(people.first_name, leads.person),
            "last_name": choices(people.last_name, leads.person),
            "title": choices(people.title, leads.person),
            "status": choices(
                ("Open", "Working", "Nurturing", "Converted"), np.where(is_converted, 3, random.integers(0, 3, count))
            ),
            "owner_id": choices(
                _representative_identifiers(population.seed),
                random.integers(0, len(vocabulary.SALES_REPRESENTATIVES), count),
            ),
            "is_converted": pa.array(is_converted),
            "converted_account_id": choices(accounts.identifier, np.where(is_converted, company, -1)),
            "converted_contact_id": choices(
                contacts.identifier, np.where(is_converted, contact_of_person[leads.person], -1)
            ),
            "converted_opportunity_id": choices(deal_identifiers, leads.deal),
            "converted_date": timestamps(leads.converted),
            "is_deleted": constant(False, count),
            "created_date": timestamps(leads.created),
            "last_modified_date": timestamps(modified),
            "_fivetran_synced": timestamps(modified + MINUTE),
        }
    )


def _opportunity_history(
    random: np.random.Generator,
    population: Population,
    accounts: Accounts,
    deals: Opportunities,
    identifiers: list[str],
) -> pa.Table:
    """Build one row per stage of a deal; the closing row starts when the deal was marked won or lost."""
    companies = population.companies
    count = len(deals)
    shares = np.sort(random.uniform(0.05, 0.95, (count, CLOSING - 1)), axis=1)
    between = (
        deals.opened[:, None] + (shares * (deals.closes - deals.opened)[:, None]).astype(np.int64) // 1_000 * 1_000
    )
    starts = np.column_stack([deals.opened, between, deals.closes, deals.deleted_at])
    amount = np.round(companies.employees[deals.company] ** 0.6 * random.lognormal(6.2, 0.4, count), -2)
    amount = np.where(deals.is_expansion, np.round(amount * 0.4, -2), amount)
    source = random.choice(len(LEAD_SOURCES), count, p=[0.4, 0.2, 0.2, 0.1, 0.1])

    deal, version = np.nonzero(starts < LAST_CHANGE)
    start = starts[deal, version]
    following = np.append(np.where(deal[1:] == deal[:-1], start[1:], NEVER), NEVER)[: len(deal)]
    is_closed = version >= CLOSING
    is_won = is_closed & (deals.outcome[deal] != LOST)
    stage = np.where(is_closed, np.where(is_won, CLOSING, CLOSING + 1), version)
    company = deals.company[deal]
    kind = ("New Business", "Expansion")
    expansion = deals.is_expansion.astype(np.int64)[deal]
    amounts: Floats = amount[deal]
    return pa.table(
        {
            "id": choices(identifiers, deal),
            "account_id": choices(accounts.identifier, company),
            "name": choices(
                [f"{name} - {label}" for label in kind for name in companies.name], company + expansion * len(companies)
            ),
            "stage_name": choices(STAGES, stage),
            "type": choices(kind, expansion),
            "amount": values(amounts),
            "is_closed": pa.array(is_closed),
            "is_won": pa.array(is_won),
            "is_deleted": pa.array((version > CLOSING) & (deals.outcome[deal] == DELETED)),
            "owner_id": choices(_representative_identifiers(population.seed), companies.representative[company]),
            "lead_source": choices(LEAD_SOURCES, source[deal]),
            "created_date": timestamps(deals.opened[deal]),
            "close_date": dates(np.where(is_closed, deals.closes[deal], deals.opened[deal] + 30 * DAY)),
            "last_modified_date": timestamps(start),
            "_fivetran_synced": timestamps(start + MINUTE),
            "_fivetran_start": timestamps(start),
            "_fivetran_end": history_ends(following),
            "_fivetran_active": pa.array(following == NEVER),
        }
    )


def _task_table(
    random: np.random.Generator, population: Population, accounts: Accounts, contacts: Contacts, year: SalesYear
) -> pa.Table:
    """Build tasks; each names one of the account's contacts when it exists by then."""
    companies, tasks = population.companies, year.tasks
    known = tasks.time < LAST_CHANGE - HOUR
    company, time = tasks.company[known], tasks.time[known]
    count = len(time)
    by_company = np.argsort(contacts.company, kind="stable")
    start = np.searchsorted(contacts.company[by_company], company)
    size = np.searchsorted(contacts.company[by_company], company, side="right") - start
    who = np.full(count, -1, dtype=np.int64)
    has_contact = size > 0
    picked = by_company[(start + np.floor(random.random(count) * size).astype(np.int64))[has_contact]]
    who[has_contact] = np.where(contacts.created[picked] <= time[has_contact], picked, -1)
    kind = random.choice(3, count, p=[0.4, 0.45, 0.15])
    return pa.table(
        {
            "id": texts(salesforce_identifiers("00T", population.seed, numbers(population.block, count))),
            "account_id": choices(accounts.identifier, company),
            "who_id": choices(contacts.identifier, who),
            "owner_id": choices(_representative_identifiers(population.seed), companies.representative[company]),
            "subject": choices(("Call", "Follow-up email", "Meeting"), kind),
            "status": constant("Completed", count),
            "type": choices(("Call", "Email", "Meeting"), kind),
            "activity_date": dates(time),
            "created_date": timestamps(time),
            "is_deleted": constant(False, count),
            "_fivetran_synced": timestamps(time + MINUTE),
        }
    )
