"""Who exists: companies with their domains and workspaces, people with their addresses, devices and who shares them."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from demo import vocabulary
from demo.identifiers import numbers, text_identifiers
from demo.period import DAY, HOUR, LENGTH, NEVER, Booleans, Floats, Integers, spread, whole_milliseconds

PERSONAL_SHARE: Final = 0.12  # people of a company who sign up with a personal address
NEVER_JOIN_SHARE: Final = 0.08  # of those, who never join the company's workspace
INDIVIDUALS_SHARE: Final = 0.05  # extra people without any company, relative to people with one
STUDENT_SHARE: Final = 0.25  # of the individuals
SHARED_DEVICE_SHARE: Final = 0.02
KIOSK_SHARE: Final = 0.3  # of the shared devices: used by people of different companies
NAMES: Final = len(vocabulary.NAME_HEADS) * len(vocabulary.NAME_TAILS)
LAST_START: Final = LENGTH - 2 * DAY


@dataclass(frozen=True)
class Companies:
    """The companies of a block; arrays have one entry per company."""

    number: Integers
    name: list[str]
    domain: list[str]
    second_domain: list[str | None]
    industry: Integers
    country: Integers
    employees: Integers
    started: Integers
    parent: Integers  # index of the parent company in the block, -1 without one
    is_competitor: Booleans
    is_covered: Booleans  # a sales representative works this territory
    representative: Integers
    role_mailbox: list[str | None]

    def __len__(self) -> int:
        """Return the number of companies."""
        return len(self.number)


@dataclass(frozen=True)
class Workspaces:
    """The workspaces of a block: one per company, in the companies' order, then the second ones."""

    identifier: list[str]
    company: Integers
    created: Integers
    creator: Integers  # person


@dataclass(frozen=True)
class People:
    """The people of a block: by company and time of joining, then those who have no company."""

    number: Integers
    company: Integers  # -1 without a company
    workspace: Integers  # -1 when the person never joins one
    signed_up: Integers
    joined: Integers  # the workspace; NEVER when the person never does
    is_personal: Booleans  # signed up with a personal address
    first_name: list[str]
    last_name: list[str]
    email: list[str]  # given at sign-up
    corporate_email: list[str | None]  # given later by some who signed up with a personal address
    corporate_email_at: Integers
    role_mailbox_at: Integers  # when the account's shared mailbox became the email trait; NEVER for most
    title: list[str]
    department: Integers
    seniority: Integers
    country: Integers
    user_id: list[str]
    old_user_id: list[str | None]
    renamed_at: Integers  # when an alias call moved the old user id to the new one; NEVER for most
    is_aliased: Booleans  # sign-up tied to the device by an alias call instead of an identify call
    members_start: Integers  # per company: position of its first person
    members_count: Integers  # per company: people, joined or not

    def __len__(self) -> int:
        """Return the number of people."""
        return len(self.number)


@dataclass(frozen=True)
class Devices:
    """The devices of a block, by owner; `shared_*` lists the further users of shared ones. Bots come last."""

    anonymous_id: list[str]
    owner: Integers  # person, -1 for a bot
    identified_at: Integers
    agent: Integers
    clock_skew: Integers
    first_of_person: Integers
    count_of_person: Integers
    shared_device: Integers
    shared_person: Integers
    shared_from: Integers

    def __len__(self) -> int:
        """Return the number of devices."""
        return len(self.owner)


@dataclass(frozen=True)
class Population:
    """Everyone and everything in a block of accounts."""

    block: int
    seed: int
    companies: Companies
    workspaces: Workspaces
    people: People
    devices: Devices


def populate(
    random: np.random.Generator, seed: int, block: int, first_account: int, count: int, total: int
) -> Population:
    """Draw the population of a block of `count` accounts, the first of which is account `first_account` of `total`."""
    companies, heads = _draw_companies(random, seed, first_account, count, total)
    people, workspaces = _draw_people(random, seed, block, companies, heads)
    devices = _draw_devices(random, seed, block, people, count)
    return Population(block, seed, companies, workspaces, people, devices)


def _company_name(seed: int, number: int) -> str:
    """Spread account numbers over all pairs of name parts; names repeat with a counter only when pairs run out."""
    generation, position = divmod(number, NAMES)
    head, tail = divmod((position * 7_919 + seed * 104_729) % NAMES, len(vocabulary.NAME_TAILS))
    return vocabulary.NAME_HEADS[head] + vocabulary.NAME_TAILS[tail] + (str(generation + 1) if generation else "")


def competitor_count(total: int) -> int:
    """Return how many of the first accounts are competitors: eight, fewer in small simulations."""
    return min(len(vocabulary.COMPETITOR_DOMAINS), max(1, total // 100))


def _draw_companies(
    random: np.random.Generator, seed: int, first_account: int, count: int, total: int
) -> tuple[Companies, Integers]:
    account = np.arange(first_account, first_account + count, dtype=np.int64)
    is_competitor = account < competitor_count(total)
    employees = np.clip(np.exp(random.normal(np.log(80), 1.3, count)), 3, 20_000).astype(np.int64)
    early = random.random(count) < 0.4
    started = np.where(early, random.uniform(HOUR, 61 * DAY, count), random.uniform(61 * DAY, LAST_START, count))
    heads = np.clip(np.rint(np.exp(random.normal(1.06, 1.0, count)) * (employees / 80) ** 0.15), 1, 40).astype(np.int64)
    names = [_company_name(seed, int(number)) for number in account]
    forms = random.integers(0, len(vocabulary.COMPANY_FORMS), count)
    domains = [
        vocabulary.COMPETITOR_DOMAINS[number] if number < competitor_count(total) else f"{name.lower()}.example"
        for number, name in zip(account.tolist(), names, strict=True)
    ]
    has_second = (random.random(count) < 0.095) & (heads >= 2) & ~is_competitor
    is_child = (random.random(count) < 0.03) & ~is_competitor
    is_child[: min(count, competitor_count(total) + 1)] = False  # its parent is the company before it
    mailboxes = random.integers(0, len(vocabulary.ROLE_MAILBOXES), count)
    has_mailbox = (random.random(count) < 0.05) & (heads >= 3)
    companies = Companies(
        number=account,
        name=[f"{name} {vocabulary.COMPANY_FORMS[form]}" for name, form in zip(names, forms.tolist(), strict=True)],
        domain=domains,
        second_domain=[
            domain.replace(".example", "-labs.example") if second else None
            for domain, second in zip(domains, has_second.tolist(), strict=True)
        ],
        industry=random.choice(len(vocabulary.INDUSTRIES), count, p=[0.3, 0.18, 0.16, 0.14, 0.12, 0.1]),
        country=random.choice(
            len(vocabulary.COUNTRIES), count, p=[0.4, 0.12, 0.1, 0.08, 0.06, 0.06, 0.04, 0.06, 0.04, 0.04]
        ),
        employees=employees,
        started=whole_milliseconds(started),
        parent=np.where(is_child, np.arange(count) - 1, -1),
        is_competitor=is_competitor,
        is_covered=random.random(count) < 0.42,
        representative=random.integers(0, len(vocabulary.SALES_REPRESENTATIVES), count),
        role_mailbox=[
            f"{vocabulary.ROLE_MAILBOXES[box]}@{domain}" if has else None
            for box, domain, has in zip(mailboxes.tolist(), domains, has_mailbox.tolist(), strict=True)
        ],
    )
    return companies, heads


def _draw_people(
    random: np.random.Generator, seed: int, block: int, companies: Companies, heads: Integers
) -> tuple[People, Workspaces]:
    members = int(heads.sum())
    individuals = round(members * INDIVIDUALS_SHARE)
    count = members + individuals
    company = np.concatenate([np.repeat(np.arange(len(companies)), heads), np.full(individuals, -1)])
    first = np.cumsum(heads) - heads
    is_first = np.zeros(count, dtype=np.bool_)
    is_first[first] = True

    joined = np.full(count, NEVER, dtype=np.int64)
    start = companies.started[company[:members]]
    wait = random.exponential(70 * DAY, members)
    room = LAST_START + DAY - start
    wait = np.where(wait > room, random.random(members) * room, wait)
    joined[:members] = whole_milliseconds(start + np.where(is_first[:members], 0, wait + HOUR))
    lag = spread(random, 3 * DAY, 40 * DAY, count)
    is_personal = (random.random(count) < PERSONAL_SHARE) & (joined - lag > DAY) & (joined < NEVER)
    signed_up = np.where(is_personal, joined - lag, joined)
    signed_up[members:] = spread(random, DAY, LENGTH - DAY, individuals)
    joined[is_personal & ~is_first & (random.random(count) < NEVER_JOIN_SHARE)] = NEVER

    order = np.lexsort((signed_up, joined, np.where(company < 0, len(companies), company)))
    company, joined, signed_up, is_personal = company[order], joined[order], signed_up[order], is_personal[order]
    workspaces, workspace = _draw_workspaces(random, seed, block, companies, company, joined, first, heads)

    corporate_at = np.where(
        is_personal & (joined < NEVER) & (random.random(count) < 0.3),
        joined + spread(random, 0, 20 * DAY, count),
        NEVER,
    )
    corporate_at[corporate_at >= LENGTH] = NEVER
    renamed_at = np.where(random.random(count) < 0.006, signed_up + spread(random, 5 * DAY, 60 * DAY, count), NEVER)
    renamed_at[renamed_at >= LENGTH] = NEVER
    number = numbers(block, count)
    old_user_ids = text_identifiers("old-user", seed, number, prefix="u")
    seniority = random.choice(4, count, p=[0.55, 0.27, 0.13, 0.05])
    department = random.choice(6, count, p=[0.3, 0.2, 0.15, 0.12, 0.08, 0.15])
    is_student = (company < 0) & (random.random(count) < STUDENT_SHARE)
    first_names, last_names, emails, corporate = _draw_addresses(
        random, companies, company, is_personal | (company < 0), is_student, corporate_at < NEVER
    )
    country = np.where(
        (company >= 0) & (random.random(count) < 0.9),
        companies.country[company],
        random.integers(0, len(vocabulary.COUNTRIES), count),
    )
    people = People(
        number=number,
        company=company,
        workspace=workspace,
        signed_up=signed_up,
        joined=joined,
        is_personal=is_personal,
        first_name=first_names,
        last_name=last_names,
        email=emails,
        corporate_email=corporate,
        corporate_email_at=corporate_at,
        role_mailbox_at=_draw_role_mailbox_users(random, companies, first, joined),
        title=[
            "Student" if student else vocabulary.TITLES[field][level]
            for student, field, level in zip(is_student.tolist(), department.tolist(), seniority.tolist(), strict=True)
        ],
        department=department,
        seniority=seniority,
        country=country,
        user_id=text_identifiers("user", seed, number, prefix="u"),
        old_user_id=[
            old if renamed else None for old, renamed in zip(old_user_ids, (renamed_at < NEVER).tolist(), strict=True)
        ],
        renamed_at=renamed_at,
        is_aliased=(random.random(count) < 0.006) & (renamed_at == NEVER),
        members_start=first,
        members_count=heads,
    )
    return people, workspaces


def _draw_workspaces(
    random: np.random.Generator,
    seed: int,
    block: int,
    companies: Companies,
    company: Integers,
    joined: Integers,
    first: Integers,
    heads: Integers,
) -> tuple[Workspaces, Integers]:
    """Give every company a workspace, some companies of five or more a second one, and people one of them."""
    total = len(companies)
    has_second = (heads >= 5) & (random.random(total) < 0.2)
    creator = first + heads // 2
    has_second &= joined[creator] < NEVER
    second = np.full(total, -1, dtype=np.int64)
    second[has_second] = total + np.arange(int(has_second.sum()))
    home = np.where(joined < NEVER, company, -1)
    later = (home >= 0) & (np.arange(len(company)) > creator[company]) & (random.random(len(company)) < 0.5)
    later[creator[has_second]] = True
    later &= second[company] >= 0
    workspace = np.where(later & (home >= 0), second[company], home)
    owners = np.concatenate([np.arange(total), np.flatnonzero(has_second)])
    creators = np.concatenate([first, creator[has_second]])
    identifiers = text_identifiers("workspace", seed, numbers(block, len(owners)), prefix="w")
    return Workspaces(identifiers, owners, joined[creators], creators), workspace


def _draw_role_mailbox_users(
    random: np.random.Generator, companies: Companies, first: Integers, joined: Integers
) -> Integers:
    """Choose 2 to 4 early members of the companies with a shared mailbox, and when each gives it as the email trait."""
    at = np.full(len(joined), NEVER, dtype=np.int64)
    for position in [position for position, mailbox in enumerate(companies.role_mailbox) if mailbox]:
        users = first[position] + np.arange(int(random.integers(2, 5)))
        users = users[users < (first[position + 1] if position + 1 < len(first) else first[position] + 3)]
        when = joined[users] + spread(random, DAY, 60 * DAY, len(users))
        at[users] = np.where(when < LENGTH, when, NEVER)
    return at


def _draw_addresses(
    random: np.random.Generator,
    companies: Companies,
    company: Integers,
    is_private: Booleans,
    is_student: Booleans,
    is_given_later: Booleans,
) -> tuple[list[str], list[str], list[str], list[str | None]]:
    """Draw names, the address given at sign-up, and the corporate one that a person gives later (None for most)."""
    count = len(company)
    firsts = random.integers(0, len(vocabulary.FIRST_NAMES), count).tolist()
    lasts = random.integers(0, len(vocabulary.LAST_NAMES), count).tolist()
    at_second = (random.random(count) < 0.35).tolist()
    providers = random.choice(5, count, p=[0.55, 0.2, 0.12, 0.08, 0.05]).tolist()
    schools = random.integers(0, len(vocabulary.STUDENT_DOMAINS), count).tolist()
    first_names = [vocabulary.FIRST_NAMES[first] for first in firsts]
    last_names = [vocabulary.LAST_NAMES[last] for last in lasts]
    block_number = int(companies.number[0])
    taken: set[str] = set()
    emails: list[str] = []
    corporate: list[str | None] = []
    for person, (owner, private) in enumerate(zip(company.tolist(), is_private.tolist(), strict=True)):
        local = f"{first_names[person]}.{last_names[person]}".lower()
        work = ""
        if owner >= 0:
            second = companies.second_domain[owner]
            domain = second if second and at_second[person] else companies.domain[owner]
            work = f"{local}@{domain}"
            if work in taken:
                work = f"{local}{person}@{domain}"
            taken.add(work)
        if private:
            provider = vocabulary.STUDENT_DOMAINS[schools[person]] if is_student[person] else ""
            provider = provider or vocabulary.PERSONAL_EMAIL_DOMAINS[providers[person]]
            emails.append(f"{local.replace('.', '')}{block_number}x{person}@{provider}")
        else:
            emails.append(work)
        corporate.append(work if is_given_later[person] else None)
    return first_names, last_names, emails, corporate


def _draw_devices(random: np.random.Generator, seed: int, block: int, people: People, accounts: int) -> Devices:
    wanted = random.choice([1, 2, 3], len(people), p=[0.6, 0.3, 0.1])
    owner = np.repeat(np.arange(len(people)), wanted)
    is_first = np.zeros(len(owner), dtype=np.bool_)
    is_first[np.cumsum(wanted) - wanted] = True
    identified_at = people.signed_up[owner] + np.where(is_first, 0, spread(random, DAY, 90 * DAY, len(owner)))
    kept = is_first | (identified_at < LENGTH - HOUR)
    owner, is_first, identified_at = owner[kept], is_first[kept], identified_at[kept]
    is_phone = ~is_first & (random.random(len(owner)) < 0.5)
    agent = np.where(is_phone, vocabulary.AGENT_PHONE, random.integers(0, vocabulary.AGENT_PHONE, len(owner)))
    bots = int(random.binomial(accounts, 0.01))
    is_skewed = random.random(len(owner)) < 0.02
    skew = np.where(is_skewed, spread(random, HOUR, 12 * HOUR, len(owner)), 0) * random.choice([-1, 1], len(owner))
    count_of_person = np.bincount(owner, minlength=len(people))
    device, person, since = _share_devices(random, people, owner, identified_at)
    return Devices(
        anonymous_id=text_identifiers("device", seed, numbers(block, len(owner) + bots), prefix="a"),
        owner=np.concatenate([owner, np.full(bots, -1)]),
        identified_at=np.concatenate([identified_at, np.full(bots, NEVER)]),
        agent=np.concatenate([agent, vocabulary.AGENT_BOT + random.integers(0, 2, bots)]),
        clock_skew=np.concatenate([skew, np.zeros(bots, dtype=np.int64)]),
        first_of_person=np.cumsum(count_of_person) - count_of_person,
        count_of_person=count_of_person,
        shared_device=device,
        shared_person=person,
        shared_from=since,
    )


def _share_devices(
    random: np.random.Generator, people: People, owner: Integers, identified_at: Integers
) -> tuple[Integers, Integers, Integers]:
    """Let 1 to 11 further people sign in on a few devices: colleagues of the owner, or anyone on a kiosk."""
    devices: list[int] = []
    persons: list[int] = []
    since: list[int] = []
    for device in np.flatnonzero(random.random(len(owner)) < SHARED_DEVICE_SHARE / 0.7).tolist():
        company = int(people.company[owner[device]])
        extra = min(int(random.geometric(0.35)), 11)
        if random.random() < KIOSK_SHARE:
            users = random.choice(len(people), min(extra, len(people)), replace=False)
        elif company >= 0:
            colleagues = people.members_start[company] + np.arange(people.members_count[company])
            users = random.permutation(colleagues)[:extra]
        else:
            continue
        users = users[users != owner[device]]
        when = np.maximum(people.signed_up[users], identified_at[device]) + spread(random, HOUR, 60 * DAY, len(users))
        inside = when < LENGTH - DAY
        devices += [device] * int(inside.sum())
        persons += users[inside].tolist()
        since += when[inside].tolist()
    as_array = [np.array(values, dtype=np.int64) for values in (devices, persons, since)]
    return as_array[0], as_array[1], as_array[2]


def fit(companies: Companies) -> Floats:
    """Return the part of the true margin that comes from who the company is: size and industry."""
    industry = np.array([0.35, 0.25, -0.1, 0.0, -0.15, -0.45])
    return 0.3 * np.clip(np.log(companies.employees / 80), -2.5, 2.5) + industry[companies.industry]
