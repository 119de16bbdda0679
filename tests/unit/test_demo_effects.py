"""What is planted can be found: strong signals separate those who are won, noise does not, the truth ranks well."""

from collections.abc import Iterator

import duckdb
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from demo.behaviour import behave, count_by_day
from demo.period import AS_OF_DAYS, Booleans, Floats, Integers
from demo.population import populate
from demo.sales import DELETED_SHARE, WIN_CENTRE, WON, hazard, sell, true_probability
from demo.signals import COUNT, INDEX, NOISE, SIGNALS, STRONGEST
from demo.simulate import simulate

ACCOUNTS = 1_000
MATURE_DAYS = AS_OF_DAYS[AS_OF_DAYS + 90 <= 365]


class Example:
    """What a perfect observer knows of 1,000 companies: 28-day counts per as-of date, truth and outcome."""

    def __init__(self) -> None:
        counts: list[Floats] = []
        outcomes: list[Booleans] = []
        probabilities: list[Floats] = []
        expansions: list[Booleans] = []
        expansion_probabilities: list[Floats] = []
        for block in range(2):
            streams = [np.random.default_rng([11, block, part]) for part in range(3)]
            population = populate(streams[0], 11, block, block * 500, 500, ACCOUNTS)
            cumulated = count_by_day(behave(streams[1], population), population.people, 500)
            year = sell(streams[2], population.companies, cumulated)
            deals = year.opportunities
            won = (deals.outcome == WON) & ~deals.is_expansion
            won_day = np.full(500, 10_000, dtype=np.int64)
            won_day[deals.company[won]] = deals.closes[won] // 86_400_000_000
            truth = year.probabilities
            mature = np.isin(truth.day, MATURE_DAYS)
            company, day = truth.company[mature], truth.day[mature]
            counts.append(np.log1p(cumulated[company, :, day] - cumulated[company, :, day - 28]))
            outcomes.append((won_day[company] >= day) & (won_day[company] < day + 90))
            probabilities.append(truth.probability[mature])
            customers = year.expansion_probabilities
            mature = np.isin(customers.day, MATURE_DAYS)
            bought = (deals.outcome == WON) & deals.is_expansion
            bought_by_day = np.zeros((500, 366 + 1), dtype=np.int64)
            closed_on = deals.closes[bought] // 86_400_000_000
            np.add.at(bought_by_day, (deals.company[bought], np.minimum(closed_on, 365) + 1), 1)
            bought_before = bought_by_day.cumsum(axis=1)
            company, day = customers.company[mature], customers.day[mature]
            expansions.append(bought_before[company, day + 90] > bought_before[company, day])
            expansion_probabilities.append(customers.probability[mature])
        self.counts = np.concatenate(counts)
        self.is_won = np.concatenate(outcomes)
        self.probability = np.concatenate(probabilities)
        self.is_expanded = np.concatenate(expansions)
        self.expansion_probability = np.concatenate(expansion_probabilities)


@pytest.fixture(scope="module")
def example() -> Example:
    return Example()


@pytest.fixture(scope="module")
def weights(example: Example) -> Floats:
    scaled = (example.counts - example.counts.mean(axis=0)) / np.maximum(example.counts.std(axis=0), 1e-9)
    return LogisticRegression(C=0.1, max_iter=1_000).fit(scaled, example.is_won).coef_[0]


def test_base_rate_and_ceiling_are_realistic(example: Example) -> None:
    assert 0.02 < example.is_won.mean() < 0.08
    assert 0.78 < roc_auc_score(example.is_won, example.probability) < 0.92


def test_true_probability_is_about_right_on_average(example: Example) -> None:
    assert example.probability.mean() == pytest.approx(example.is_won.mean(), rel=0.5)


def test_the_truth_of_customers_ranks_and_counts_those_who_buy_more(example: Example) -> None:
    assert example.expansion_probability.mean() == pytest.approx(example.is_expanded.mean(), rel=0.3)
    assert 0.68 < roc_auc_score(example.is_expanded, example.expansion_probability) < 0.88


def test_strong_signals_separate_those_who_are_won(example: Example, weights: Floats) -> None:
    for name in STRONGEST:
        values = example.counts[:, INDEX[name]]
        assert values[example.is_won].mean() > 1.25 * values[~example.is_won].mean(), name
        assert weights[INDEX[name]] > 0.15, name


def test_negative_signals_lower_the_chance(weights: Floats) -> None:
    for signal in SIGNALS:
        if signal.part == "negative":
            assert weights[INDEX[str(signal.name)]] < 0, signal.name


def test_noise_weighs_less_than_every_strong_signal(weights: Floats) -> None:
    strongest_noise = max(abs(weights[INDEX[name]]) for name in NOISE)
    assert strongest_noise < min(weights[INDEX[name]] for name in STRONGEST)


def test_five_strongest_effects_lead_clearly() -> None:
    assert len(STRONGEST) == 5
    others = [max(abs(signal.effect_before), abs(signal.effect_after)) for signal in SIGNALS if signal.part != "strong"]
    assert min(SIGNALS[INDEX[name]].effect_after for name in STRONGEST) > 1.2 * max(others)
    assert all(SIGNALS[INDEX[name]].effect_before == SIGNALS[INDEX[name]].effect_after == 0 for name in NOISE)


@pytest.mark.parametrize("margin", [-9.0, -5.0, -2.0, 0.0])
def test_true_probability_is_the_chance_of_the_held_state(margin: float) -> None:
    """The closed form against drawing the process it describes."""
    random = np.random.default_rng(1)
    size = 400_000
    opened = random.exponential(-7 / np.log1p(-hazard(np.array(margin))), size)
    closed = (opened + random.uniform(7, 35, size) < 90).mean()
    won_for_good = (0.35 + 0.45 / (1 + np.exp(-(margin - WIN_CENTRE)))) * (1 - DELETED_SHARE)
    assert true_probability(np.array([margin]))[0] == pytest.approx(closed * won_for_good, rel=0.05, abs=2e-4)


def test_counts_by_day_are_the_events_before_that_day() -> None:
    population = populate(np.random.default_rng(3), 3, 0, 0, 20, 20)
    log = behave(np.random.default_rng(4), population)
    cumulated = count_by_day(log, population.people, 20)
    company: Integers = np.where(log.person >= 0, population.people.company[log.person], -1)
    for day in (0, 1, 100, 365):
        expected = np.zeros((20, COUNT), dtype=np.int64)
        before = (log.time < day * 86_400_000_000) & (company >= 0)
        np.add.at(expected, (company[before], log.signal[before]), 1)
        assert (cumulated[:, :, day] == expected).all()


@pytest.fixture(scope="module")
def company() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        simulate(connection, 300, 5)
        yield connection


PLANTED = {
    "personal addresses that join a company later": """
        select count(distinct user_id) from segment.groups as joined
        join segment.users as known on joined.user_id = known.id
        where known.email like '%@gmail.com' and joined.timestamp > (
            select min(timestamp) + interval 3 day - interval 1 minute from segment.identifies
            where user_id = joined.user_id)
    """,
    "companies with two domains": """
        select count(*) from (select true_account from truth.account_identifiers where identifier_type = 'domain'
        group by true_account having count(*) = 2)
    """,
    "companies with two workspaces": """
        select count(*) from (select true_account from truth.account_identifiers where identifier_type = 'workspace_id'
        group by true_account having count(*) = 2)
    """,
    "shared devices": """
        select count(*) from (select anonymous_id from segment.identifies where anonymous_id is not null
        group by anonymous_id having count(distinct user_id) > 1)
    """,
    "role mailboxes": """
        select count(*) from (select email from segment.identifies group by email having count(distinct user_id) > 1)
    """,
    "parent accounts": "select count(parent_id) from salesforce.account",
    "CRM accounts without a workspace id": "select count(*) from salesforce.account where workspace_id_c is null",
    "bots": "select count(*) from segment.pages where context_user_agent similar to '.*([Bb]ot|crawler).*'",
    "competitors": "select count(*) from segment.users where email like '%@rival-one.example'",
    "students": "select count(*) from segment.users where email like '%@students.%.example' and title = 'Student'",
    "people without a company": """
        select count(*) from truth.people where true_account is null and identifier_type = 'email'
    """,
    "uncertain enrichment": "select count(*) from enrichment.people where match_confidence < 0.5",
    "corrected accounts": "select count(*) - count(distinct id) from salesforce.account_history",
    "deals booked by mistake": "select count(*) from salesforce.opportunity where is_won and is_deleted",
    "expansion deals": "select count(*) from salesforce.opportunity where type = 'Expansion'",
    "paid without a deal": """
        select count(*) from billing.subscriptions where plan <> 'free' and workspace_id not in (
            select identifier from truth.account_identifiers
            where identifier_type = 'workspace_id' and true_account in (
                select known.true_account from truth.account_identifiers as known
                join salesforce.opportunity as deal on deal.account_id = known.identifier where deal.is_won))
    """,
}


@pytest.mark.parametrize("what", PLANTED)
def test_is_planted(company: duckdb.DuckDBPyConnection, what: str) -> None:
    row = company.execute(PLANTED[what]).fetchone()
    assert row is not None
    assert row[0] > 0
