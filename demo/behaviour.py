"""What people do: weekly counts of every planted signal per account, spread over its people and their devices."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from demo.period import (
    DAY,
    DAYS,
    HOUR,
    LENGTH,
    MINUTE,
    NEVER,
    WEEK,
    WEEKS,
    Booleans,
    Integers,
    spread,
    whole_milliseconds,
)
from demo.population import Companies, Devices, People, Population
from demo.signals import COUNT, INDEX, SIGNALS

CHURN_SHARE: Final = 0.3
CHURNED_RATE: Final = 0.03  # of the rate before
ONBOARDING_BOOST: Final = 1.0  # a new workspace starts at twice its later rates and settles within weeks
ONBOARDING_WEEKS: Final = 2.5
TEAM_EXPONENT: Final = 0.25  # a team of 16 does twice as much as one person: size of team must not drown the signals
ENGAGEMENT_SPREAD: Final = 0.55
ENGAGEMENT_MEMORY: Final = 0.9  # week to week
SIGNAL_MEMORY: Final = 0.93
SIGNAL_DRIFT: Final = 0.25  # standard deviation of a signal's own slow drift around the account's propensity
# Weeks of the simulated year begin on a Tuesday.
WEEKDAY_OFFSETS: Final = np.repeat(np.arange(7), [18, 19, 18, 16, 5, 5, 19])
SOLO_SIGNALS: Final = (
    "signed_in",
    "dashboard_created",
    "export_run",
    "home_viewed",
    "docs_viewed",
    "theme_changed",
    "tour_viewed",
)


SingleFloats = npt.NDArray[np.float32]  # half the time of double precision, and enough for a rate


@dataclass(frozen=True)
class EventLog:
    """Tracks and pages of a block: when, which signal (index in `SIGNALS`), who, and on what device.

    `person` is -1 for a bot; `device` is -1 for calls of the product's backend; `is_identified` says whether the call
    carried a user id.
    """

    time: Integers
    signal: Integers
    person: Integers
    device: Integers
    is_identified: Booleans

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.time)

    def keep(self, chosen: Booleans | Integers) -> "EventLog":
        """Return the chosen events, by mask or by position."""
        return EventLog(
            self.time[chosen], self.signal[chosen], self.person[chosen], self.device[chosen], self.is_identified[chosen]
        )


def behave(random: np.random.Generator, population: Population) -> EventLog:
    """Draw every track and page of a block, in no particular order."""
    companies, people, devices = population.companies, population.people, population.devices
    log = _join(
        [
            _usage(random, companies, people, devices),
            _milestones(random, population),
            _solo_usage(random, people, devices),
            _anonymous_views(random, devices),
            _shared_device_usage(random, devices),
            _bot_views(random, devices),
        ]
    )
    return log.keep((log.time >= 0) & (log.time < LENGTH))


def count_by_day(log: EventLog, people: People, companies: int) -> Integers:
    """Count events per (company, signal), cumulated over days: `[c, s, d]` holds the events before day `d`."""
    company = np.where(log.person >= 0, people.company[log.person], -1)
    known = company >= 0
    cell = (company[known] * COUNT + log.signal[known]) * DAYS + log.time[known] // DAY
    daily = np.bincount(cell, minlength=companies * COUNT * DAYS).reshape(companies, COUNT, DAYS)
    cumulated = np.zeros((companies, COUNT, DAYS + 1), dtype=np.int64)
    np.cumsum(daily, axis=2, out=cumulated[:, :, 1:])
    return cumulated


def _join(logs: list[EventLog]) -> EventLog:
    return EventLog(
        np.concatenate([log.time for log in logs]),
        np.concatenate([log.signal for log in logs]),
        np.concatenate([log.person for log in logs]),
        np.concatenate([log.device for log in logs]),
        np.concatenate([log.is_identified for log in logs]),
    )


def _autoregression(random: np.random.Generator, shape: tuple[int, ...], memory: float) -> SingleFloats:
    """Draw stationary AR(1) paths with unit variance along the last axis."""
    path = random.standard_normal(shape, dtype=np.float32)
    path[..., 1:] *= np.float32(np.sqrt(1 - memory**2))
    for week in range(1, shape[-1]):
        path[..., week] += np.float32(memory) * path[..., week - 1]
    return path


def _weekly_rates(random: np.random.Generator, companies: Companies, people: People) -> SingleFloats:
    """Return the expected events per (company, signal, week): base rate, propensities, engagement, churn, team."""
    count = len(companies)
    base = np.array([signal.weekly_rate for signal in SIGNALS], dtype=np.float32)[None, :, None]
    loading = np.array([signal.engagement for signal in SIGNALS], dtype=np.float32)[None, :, None]
    own = np.array([signal.own_spread for signal in SIGNALS], dtype=np.float32)
    engagement = ENGAGEMENT_SPREAD * (
        random.standard_normal((count, 1), dtype=np.float32)
        + _autoregression(random, (count, WEEKS), ENGAGEMENT_MEMORY)
    )
    propensity = own * random.standard_normal((count, COUNT), dtype=np.float32)
    drift = SIGNAL_DRIFT * _autoregression(random, (count, COUNT, WEEKS), SIGNAL_MEMORY)
    spread_of_log = own[None, :, None] ** 2 + SIGNAL_DRIFT**2 + 2 * (loading * ENGAGEMENT_SPREAD) ** 2
    rate = np.exp(loading * engagement[:, None, :] + propensity[:, :, None] + drift - spread_of_log / 2) * base
    churned = np.where(
        random.random(count) < CHURN_SHARE, companies.started + random.exponential(150 * DAY, count), NEVER
    )
    week_start = np.arange(WEEKS) * WEEK
    alive = np.where(week_start[None, :] >= churned[:, None], CHURNED_RATE, 1.0)
    alive[week_start[None, :] + WEEK <= companies.started[:, None]] = 0.0
    age = np.maximum(week_start[None, :] - companies.started[:, None], 0) / WEEK
    alive *= 1 + ONBOARDING_BOOST * np.exp(-age / ONBOARDING_WEEKS)
    alive *= (people.members_count[:, None] / 4) ** TEAM_EXPONENT
    rate *= alive[:, None, :].astype(np.float32)
    competitors = np.flatnonzero(companies.is_competitor)
    for name in ("pricing_viewed", "docs_viewed", "changelog_viewed", "security_viewed"):
        rate[competitors, INDEX[name]] += 1.5 * (alive[competitors] > 0)
    return rate


def _usage(random: np.random.Generator, companies: Companies, people: People, devices: Devices) -> EventLog:
    """Draw what members do in their workspace."""
    counts = random.poisson(_weekly_rates(random, companies, people))
    cell = np.repeat(np.arange(counts.size), counts.ravel())
    company, rest = np.divmod(cell, COUNT * WEEKS)
    signal, week = np.divmod(rest, WEEKS)
    day = WEEKDAY_OFFSETS[random.integers(0, len(WEEKDAY_OFFSETS), len(cell))]
    hour = np.clip(random.normal(14.0, 3.6, len(cell)), 0.0, 23.99)
    time = whole_milliseconds(week * WEEK + day * DAY + hour * HOUR)
    inside = (time >= companies.started[company] + 5 * MINUTE) & (time < LENGTH - HOUR)
    time, company, signal = time[inside], company[inside], signal[inside]
    person = _choose_members(random, people, company, time)
    is_server_side = np.array([signal.is_server_side for signal in SIGNALS])[signal]
    device = np.where(is_server_side, -1, _choose_devices(random, devices, person, time))
    return EventLog(time, signal, person, device, np.ones(len(time), dtype=np.bool_))


def _choose_members(random: np.random.Generator, people: People, company: Integers, time: Integers) -> Integers:
    """Choose for each event one of the members who have joined by then; early members are more active."""
    members = people.company >= 0
    key = (people.company[members] << 45) + people.joined[members]
    present = np.searchsorted(key, (company << 45) + time, side="right") - people.members_start[company]
    choice = np.floor(present * random.random(len(company)) ** 1.6).astype(np.int64)
    return people.members_start[company] + choice


def _choose_devices(random: np.random.Generator, devices: Devices, person: Integers, time: Integers) -> Integers:
    """Choose one of the person's devices, the first one most often and whenever the other is not known yet."""
    first = devices.first_of_person[person]
    device = first + np.floor(devices.count_of_person[person] * random.random(len(person)) ** 2).astype(np.int64)
    return np.where(devices.identified_at[device] <= time, device, first)


def _on_own_device(
    random: np.random.Generator, devices: Devices, name: str, person: Integers, time: Integers
) -> EventLog:
    signal = np.full(len(time), INDEX[name])
    device = _choose_devices(random, devices, person, time)
    return EventLog(whole_milliseconds(time), signal, person, device, np.ones(len(time), dtype=np.bool_))


def _milestones(random: np.random.Generator, population: Population) -> EventLog:
    """Draw what happens once: workspaces created and set up, colleagues invited and accepting."""
    people, workspaces, devices = population.people, population.workspaces, population.devices
    creator, created = workspaces.creator, workspaces.created
    is_set_up = random.random(len(creator)) < 0.75
    setup = (created + whole_milliseconds(random.exponential(18 * HOUR, len(creator))))[is_set_up]
    is_guest = (people.joined < NEVER) & (random.random(len(people)) < 0.7)
    is_guest[creator] = False
    guest = np.flatnonzero(is_guest)
    start = population.companies.started[people.company[guest]]
    invited = np.maximum(people.joined[guest] - spread(random, HOUR, 4 * DAY, len(guest)), start + 2 * MINUTE)
    host = _choose_members(random, people, people.company[guest], invited)
    accepted = people.joined[guest] + 3 * MINUTE
    return _join(
        [
            _on_own_device(random, devices, "workspace_created", creator, created + MINUTE),
            _on_own_device(random, devices, "setup_completed", creator[is_set_up], setup + 10 * MINUTE),
            _on_own_device(random, devices, "teammate_invited", host, invited),
            _on_own_device(random, devices, "invite_accepted", guest, accepted),
        ]
    )


def _solo_usage(random: np.random.Generator, people: People, devices: Devices) -> EventLog:
    """Draw what people do outside any workspace: before they join theirs, or always."""
    solo = np.flatnonzero(people.signed_up < people.joined)
    until = np.minimum(np.minimum(people.joined[solo], people.signed_up[solo] + 120 * DAY), LENGTH - HOUR)
    span = np.maximum(until - people.signed_up[solo], 0)
    events = random.poisson(span / WEEK * random.gamma(0.8, 1.2, len(solo)))
    person = np.repeat(solo, events)
    time = whole_milliseconds(people.signed_up[person] + MINUTE + random.random(len(person)) * np.repeat(span, events))
    choices = np.array([INDEX[name] for name in SOLO_SIGNALS])
    signal = choices[random.integers(0, len(choices), len(person))]
    return EventLog(
        time, signal, person, _choose_devices(random, devices, person, time), np.ones(len(time), dtype=np.bool_)
    )


def _anonymous_views(random: np.random.Generator, devices: Devices) -> EventLog:
    """Draw the page views of each device before its owner signs in on it for the first time."""
    known = np.flatnonzero(devices.owner >= 0)
    is_first = devices.first_of_person[devices.owner[known]] == known
    views = np.where(is_first, 1 + random.poisson(1.8, len(known)), random.integers(0, 3, len(known)))
    device = np.repeat(known, views)
    reach = np.minimum(devices.identified_at[device], 12 * DAY)
    time = devices.identified_at[device] - whole_milliseconds(random.random(len(device)) ** 2 * reach * 0.99) - MINUTE
    pages = np.array([INDEX["home_viewed"], INDEX["docs_viewed"], INDEX["pricing_viewed"]])
    signal = pages[random.choice(3, len(device), p=[0.72, 0.2, 0.08])]
    return EventLog(time, signal, devices.owner[device], device, np.zeros(len(device), dtype=np.bool_))


def _shared_device_usage(random: np.random.Generator, devices: Devices) -> EventLog:
    """Draw a few calls of every further user of a shared device, in the fortnight after signing in on it."""
    calls = random.integers(2, 8, len(devices.shared_device))
    person = np.repeat(devices.shared_person, calls)
    since = np.repeat(devices.shared_from, calls)
    time = since + spread(random, MINUTE, 14 * DAY, len(since))
    choices = np.array([INDEX["signed_in"], INDEX["home_viewed"]])
    signal = choices[random.integers(0, 2, len(since))]
    device = np.repeat(devices.shared_device, calls)
    return EventLog(time, signal, person, device, np.ones(len(since), dtype=np.bool_))


def _bot_views(random: np.random.Generator, devices: Devices) -> EventLog:
    """Draw the many anonymous page views of crawlers, each in visits of a few days."""
    bots = np.flatnonzero(devices.owner < 0)
    views = random.integers(200, 1_000, len(bots))
    device = np.repeat(bots, views)
    visit = np.repeat(random.uniform(0, LENGTH - 10 * DAY, len(bots)), views)
    time = whole_milliseconds(visit + random.random(len(device)) * 9 * DAY)
    pages = np.array([INDEX["home_viewed"], INDEX["docs_viewed"], INDEX["pricing_viewed"], INDEX["changelog_viewed"]])
    signal = pages[random.integers(0, 4, len(device))]
    nobody = np.full(len(device), -1)
    return EventLog(time, signal, nobody, device, np.zeros(len(device), dtype=np.bool_))
