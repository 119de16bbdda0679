"""What comes from beside product and CRM: marketing touches, enrichment with its confidence, subscriptions."""

import numpy as np
import pyarrow as pa

from demo import vocabulary
from demo.identifiers import numbers, text_identifiers
from demo.period import DAY, HOUR, LENGTH, MINUTE, NEVER, Integers, spread
from demo.population import Population
from demo.raw_tables import choices, texts, timestamps, values
from demo.signals import INDEX

CHANNELS = ("paid_search", "webinar", "email", "event", "content")
TOUCH_TYPES = ("ad_click", "registration", "click", "booth_visit", "download")


def marketing_tables(random: np.random.Generator, population: Population) -> dict[str, pa.Table]:
    """Build marketing touches around people's sign-up; they have no effect of their own on winning."""
    people, devices = population.people, population.devices
    touches = np.where(random.random(len(people)) < 0.35, random.integers(1, 5, len(people)), 0)
    person = np.repeat(np.arange(len(people)), touches)
    time = people.signed_up[person] + spread(random, -40 * DAY, 90 * DAY, len(person))
    inside = (time > 0) & (time < LENGTH - DAY)
    person, time = person[inside], time[inside]
    count = len(person)
    channel = random.choice(len(CHANNELS), count, p=[0.3, 0.2, 0.25, 0.05, 0.2])
    is_anonymous = np.isin(channel, [0, 4]) & (random.random(count) < 0.7)
    campaign = random.integers(0, 6, count)
    table = pa.table(
        {
            "id": texts(text_identifiers("touch", population.seed, numbers(population.block, count))),
            "email": choices(people.email, np.where(is_anonymous, -1, person)),
            "anonymous_id": choices(devices.anonymous_id, np.where(is_anonymous, devices.first_of_person[person], -1)),
            "channel": choices(CHANNELS, channel),
            "campaign": choices([f"campaign-{letter}" for letter in "abcdef"], campaign),
            "touch_type": choices(TOUCH_TYPES, channel),
            "occurred_at": timestamps(time),
            "received_at": timestamps(time + spread(random, MINUTE, 20 * HOUR, count)),
        }
    )
    return {"marketing.touches": table}


def enrichment_tables(random: np.random.Generator, population: Population) -> dict[str, pa.Table]:
    """Build enrichment of domains and of people; what is wrong has a low confidence."""
    return {
        "enrichment.companies": _enriched_companies(random, population),
        "enrichment.people": _enriched_people(random, population),
    }


def _enriched_companies(random: np.random.Generator, population: Population) -> pa.Table:
    companies = population.companies
    count = len(companies)
    second = np.flatnonzero([domain is not None for domain in companies.second_domain])
    company = np.concatenate([np.arange(count), second])
    domains = companies.domain + [companies.second_domain[position] or "" for position in second.tolist()]
    chosen = np.flatnonzero(random.random(len(company)) < np.where(np.arange(len(company)) < count, 0.85, 0.4))
    enriched_at = companies.started[company[chosen]] + spread(random, HOUR, 10 * DAY, len(chosen))
    inside = enriched_at < LENGTH - HOUR
    chosen, enriched_at = chosen[inside], enriched_at[inside]
    is_wrong = random.random(len(chosen)) < 0.03
    confidence = np.where(is_wrong, random.uniform(0.1, 0.45, len(chosen)), random.uniform(0.6, 1.0, len(chosen)))
    said = np.where(is_wrong, random.integers(0, count, len(chosen)), company[chosen])
    error = random.normal(0, 0.4, len(chosen)) * (1 - confidence)
    return pa.table(
        {
            "domain": choices(domains, chosen),
            "name": choices(companies.name, said),
            "industry": choices(vocabulary.INDUSTRIES, companies.industry[said]),
            "employees": values(np.maximum(np.rint(companies.employees[said] * np.exp(error)), 1).astype(np.int64)),
            "country": choices(vocabulary.COUNTRIES, companies.country[said]),
            "match_confidence": values(np.round(confidence, 3)),
            "enriched_at": timestamps(enriched_at),
        }
    )


def _enriched_people(random: np.random.Generator, population: Population) -> pa.Table:
    people, companies = population.people, population.companies
    is_individual = people.company < 0
    is_student = np.array([title == "Student" for title in people.title], dtype=np.bool_)
    share = np.where(is_individual, 0.15, np.where(people.is_personal, 0.5, 0.55))
    person = np.flatnonzero((random.random(len(people)) < share) & ~is_student)
    enriched_at = people.signed_up[person] + spread(random, HOUR, 5 * DAY, len(person))
    inside = enriched_at < LENGTH - HOUR
    person, enriched_at = person[inside], enriched_at[inside]
    count = len(person)
    is_wrong = is_individual[person] | (people.is_personal[person] & (random.random(count) < 0.15))
    low = np.where(people.is_personal[person], 0.7, 0.85)
    confidence = np.where(is_wrong, random.uniform(0.1, 0.45, count), random.uniform(low, 0.99))
    said = np.where(is_wrong, random.integers(0, len(companies), count), people.company[person])
    return pa.table(
        {
            "email": choices(people.email, person),
            "title": choices(people.title, person),
            "seniority": choices(vocabulary.SENIORITIES, people.seniority[person]),
            "department": choices(vocabulary.DEPARTMENTS, people.department[person]),
            "company_domain": choices(companies.domain, said),
            "match_confidence": values(np.round(confidence, 3)),
            "enriched_at": timestamps(enriched_at),
        }
    )


def draw_paid_since(
    random: np.random.Generator, population: Population, cumulated: Integers, customer_since: Integers
) -> Integers:
    """Return when each company began to pay: with its first win, or by itself (more likely after checkouts)."""
    companies = population.companies
    checkouts = cumulated[:, INDEX["checkout_started"], -1]
    chance = np.where(companies.is_competitor, 0.0, 0.015 + 0.015 * np.log1p(checkouts))
    since = companies.started + spread(random, 15 * DAY, 150 * DAY, len(companies))
    by_itself = (customer_since == NEVER) & (random.random(len(companies)) < chance) & (since < LENGTH - DAY)
    return np.where(by_itself, since, customer_since)


def billing_tables(random: np.random.Generator, population: Population, paid_since: Integers) -> dict[str, pa.Table]:
    """Build subscriptions: a free one from the start of every workspace, a paid one after it where a company pays."""
    companies, workspaces = population.companies, population.workspaces
    count = len(workspaces.company)
    upgraded = np.maximum(paid_since[workspaces.company], workspaces.created + HOUR)
    upgraded = np.where((upgraded < LENGTH - HOUR) & (paid_since[workspaces.company] < NEVER), upgraded, NEVER)
    paid = np.flatnonzero((upgraded < NEVER) & (workspaces.created < LENGTH))
    cancelled = upgraded[paid] + spread(random, 60 * DAY, 200 * DAY, len(paid))
    is_cancelled = (random.random(len(paid)) < 0.08) & (cancelled < LENGTH - HOUR)
    free = np.flatnonzero(workspaces.created < LENGTH)
    workspace = np.concatenate([free, paid])
    company = workspaces.company[workspace]
    started = np.concatenate([workspaces.created[free], upgraded[paid]])
    ended = np.concatenate([upgraded[free], np.where(is_cancelled, cancelled, NEVER)])
    is_paid = np.arange(len(workspace)) >= len(free)
    plan = np.where(is_paid, np.where(companies.employees[company] >= 200, 2, 1), 0)
    seats = np.where(is_paid, np.maximum(population.people.members_count[company], 5), 3)
    price = np.array([0.0, 12.0, 25.0])[plan]
    position = workspace + is_paid * count
    identifiers = text_identifiers("subscription", population.seed, numbers(population.block, 2 * count))
    table = pa.table(
        {
            "id": choices(identifiers, position),
            "workspace_id": choices(workspaces.identifier, workspace),
            "plan": choices(("free", "team", "business"), plan),
            "seats": values(seats),
            "amount_monthly": values(price * seats),
            "status": choices(("active", "canceled"), (ended < NEVER).astype(np.int64)),
            "started_at": timestamps(started),
            "ended_at": timestamps(ended),
            "updated_at": timestamps(np.where(ended < NEVER, ended, started)),
        }
    )
    return {"billing.subscriptions": table}
