"""The simulator's year as a matrix, without its tables: what one counts, what came of it, what was true."""

from dataclasses import dataclass

import numpy as np

from demo.behaviour import behave, count_by_day
from demo.period import DAY, DAYS, START
from demo.population import Population, populate
from demo.sales import CLOSE_LAG_DAYS, WON, SalesYear, sell
from demo.signals import INDEX
from ml.dataset import Dataset, Feature

BLOCK = 500
FEATURES = (*INDEX, "company_size")


@dataclass(frozen=True)
class Year:
    """Accounts by monthly as-of date: counts of 28 days, outcomes within the horizon, and their true probabilities.

    The truth is that of 90 days. NaN labels are not mature.
    """

    dataset: Dataset
    probabilities: np.ndarray


def simulated_year(accounts: int, seed: int, horizon_days: int, *, by_opening: bool = False) -> Year:
    """Accounts that are no customers yet and have no open deal, as the simulator knows them.

    Won is a deal that closed within the horizon; by opening, one that opened within it and was won later.
    """
    blocks = [_block(seed, number, accounts, horizon_days, by_opening) for number in range(accounts // BLOCK)]
    X, labels, names, days, probabilities = (np.concatenate(part) for part in zip(*blocks, strict=True))
    order = np.lexsort((names, days))
    dates = START.astype("datetime64[D]") + days
    encoding = tuple(Feature(f"{name}__events_28d", name, "events_28d", "examples", 0) for name in FEATURES)
    dataset = Dataset(X[order], encoding, names.astype(object)[order], dates[order], labels[order])
    return Year(dataset, probabilities[order])


def simulated_days(accounts: int, seed: int, days: np.ndarray) -> np.ndarray:
    """The counts of 28 days before each of `days` (since the start): (day, account, feature), of the same year.

    Accounts with a deal that opened by the last of these days are left out.
    """
    blocks = []
    for number in range(accounts // BLOCK):
        population, cumulated, year = _play(seed, number, accounts)
        deals = year.opportunities
        idle = np.setdiff1d(np.arange(BLOCK), deals.company[deals.opened // DAY <= days.max()])
        counts = cumulated[..., days] - cumulated[..., np.maximum(days - 28, 0)]
        of_signals = counts[idle][:, list(INDEX.values())].transpose(2, 0, 1)
        employees = np.broadcast_to(population.companies.employees[idle, None], (len(days), len(idle), 1))
        blocks.append(np.concatenate([of_signals, employees], axis=2))
    return np.concatenate(blocks, axis=1).astype(np.float64)


def _play(seed: int, number: int, accounts: int) -> tuple[Population, np.ndarray, SalesYear]:
    """A block's companies, their events per (company, signal) before each day, and what sales did."""
    streams = [np.random.default_rng([seed, number, part]) for part in range(3)]
    population = populate(streams[0], seed, number, number * BLOCK, BLOCK, accounts)
    cumulated = count_by_day(behave(streams[1], population), population.people, BLOCK)
    return population, cumulated, sell(streams[2], population.companies, cumulated)


def _block(seed: int, number: int, accounts: int, horizon_days: int, by_opening: bool) -> tuple[np.ndarray, ...]:
    population, cumulated, year = _play(seed, number, accounts)
    deals, truth = year.opportunities, year.probabilities
    won = (deals.outcome == WON) & ~deals.is_expansion
    opened_on, closed_on = (np.full(BLOCK, 10_000, dtype=np.int64) for _ in range(2))
    opened_on[deals.company[won]] = deals.opened[won] // DAY
    closed_on[deals.company[won]] = deals.closes[won] // DAY
    company, day = truth.company, truth.day
    counts = cumulated[company, :, day] - cumulated[company, :, np.maximum(day - 28, 0)]
    anchor = opened_on if by_opening else closed_on
    is_won = (anchor[company] >= day) & (anchor[company] < day + horizon_days)
    known = day + horizon_days + (CLOSE_LAG_DAYS[1] if by_opening else 0) <= DAYS
    labels = np.where(known, is_won.astype(np.float64), np.nan)
    X = np.column_stack([counts[:, list(INDEX.values())], population.companies.employees[company]]).astype(np.float64)
    names = np.array([f"a{number * BLOCK + one:06d}" for one in company])
    return X, labels, names, day, truth.probability
