"""Simulate a product-led company with known truth, and write its raw tables.

Accounts are drawn in blocks of `BLOCK_SIZE`, each from random streams of its own that depend on the seed and the
block's number alone. So memory is bounded by a few blocks, and the same seed and size give the same tables on every
run.
"""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa

from demo.behaviour import EventLog, behave, count_by_day
from demo.crm_tables import crm_tables, representative_table
from demo.hard_identity import EASY, HardIdentity, harden
from demo.other_sources import billing_tables, draw_paid_since, enrichment_tables, marketing_tables
from demo.period import Integers
from demo.population import People, populate
from demo.raw_tables import Tables, append, create_tables, one_writing_thread
from demo.sales import sell
from demo.segment_tables import segment_tables
from demo.signals import INDEX
from demo.truth import signal_table, truth_tables

BLOCK_SIZE: Final = 500
BLOCKS_PER_WRITE: Final = 4  # batches of 2,000 accounts, about 200 MB of Arrow
BOUGHT_SIGNALS: Final = ("pricing_viewed", "limit_reached", "checkout_started")  # rarer once a company has bought
STREAMS: Final = ("population", "behaviour", "sales", "segment", "crm", "other sources", "hard identity")


@dataclass(frozen=True)
class SimulationSummary:
    """What a simulation wrote."""

    accounts: int
    people: int
    tracks: int
    pages: int
    won_new_business: int
    rows: int

    @property
    def events(self) -> int:
        """Return the number of delivered tracks and pages, duplicates included."""
        return self.tracks + self.pages


@dataclass(frozen=True)
class _Block:
    tables: Tables
    accounts: int
    people: int


def simulate(
    connection: duckdb.DuckDBPyConnection,
    accounts: int = 3000,
    seed: int = 7,
    progress: Callable[[int, int], None] | None = None,
    *,
    hard: HardIdentity = EASY,
    blocks_per_write: int = BLOCKS_PER_WRITE,
) -> SimulationSummary:
    """Write the raw tables of a simulated company, replacing those of an earlier simulation, in one transaction.

    Args:
        connection: an open DuckDB connection that may write and has no transaction open.
        accounts: number of companies, at least 1; about 5 people and 340 events each.
        seed: the same seed and number of accounts always give the same tables.
        progress: called with the accounts written so far and the accounts wanted, after every batch.
        hard: what makes identity hard, all of it off at first; without it nothing else changes.
        blocks_per_write: blocks held in memory at once; it does not alter the result.

    Returns:
        Counts of what was written.

    Raises:
        ValueError: if `accounts` or `blocks_per_write` is below 1, or the seed is negative.
    """
    if accounts < 1 or blocks_per_write < 1 or seed < 0:
        given = f"not accounts={accounts}, blocks_per_write={blocks_per_write}, seed={seed}"
        raise ValueError(f"accounts and blocks_per_write must be at least 1 and the seed at least 0, {given}")
    connection.begin()
    try:
        with one_writing_thread(connection):
            summary = _write(connection, accounts, seed, progress, hard, blocks_per_write)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return summary


def is_current(connection: duckdb.DuckDBPyConnection, accounts: int, seed: int, hard: HardIdentity = EASY) -> bool:
    """Say whether the database already holds exactly this simulation, written by this version of the simulator."""
    known = connection.execute(
        "select 1 from information_schema.tables where table_schema = 'demo' and table_name = 'simulation'"
    ).fetchone()
    if known is None:
        return False
    row = connection.execute("select accounts, seed, version from demo.simulation").fetchone()
    return row == (accounts, seed, _version(hard))


def source_version() -> str:
    """Return a hash of the simulator's sources: any change of them makes existing data stale."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _version(hard: HardIdentity) -> str:
    """Name what wrote a simulation: the simulator's sources and what was switched on."""
    return "+".join((source_version(), *hard.switched_on))


def _write(
    connection: duckdb.DuckDBPyConnection,
    accounts: int,
    seed: int,
    progress: Callable[[int, int], None] | None,
    hard: HardIdentity,
    blocks_per_write: int,
) -> SimulationSummary:
    create_tables(connection, hard.traits)
    rows = append(connection, [{"salesforce.user": representative_table(seed), "truth.signals": signal_table()}])
    written = people = tracks = pages = won = 0
    waiting: list[_Block] = []
    for block in _blocks(seed, accounts, hard):
        waiting.append(block)
        written += block.accounts
        people += block.people
        tracks += block.tables["segment.tracks"].num_rows
        pages += block.tables["segment.pages"].num_rows
        won += _count_wins(block.tables["salesforce.opportunity"])
        if len(waiting) == blocks_per_write or written == accounts:
            rows += append(connection, [block.tables for block in waiting], hard.traits)
            waiting = []
            if progress is not None:
                progress(written, accounts)
    connection.execute("create or replace table demo.simulation (seed BIGINT, accounts BIGINT, version VARCHAR)")
    connection.execute("insert into demo.simulation values (?, ?, ?)", [seed, accounts, _version(hard)])
    return SimulationSummary(accounts, people, tracks, pages, won, rows)


def _blocks(seed: int, accounts: int, hard: HardIdentity) -> Iterator[_Block]:
    """Yield the blocks in order; the next one is drawn in a second thread while the caller writes."""
    starts = range(0, accounts, BLOCK_SIZE)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="simulate") as pool:
        ahead: Future[_Block] | None = None
        for start in starts:
            current = ahead or pool.submit(_draw_block, seed, start, accounts, hard)
            following = start + BLOCK_SIZE
            block = current.result()
            ahead = pool.submit(_draw_block, seed, following, accounts, hard) if following < accounts else None
            yield block


def _draw_block(seed: int, start: int, accounts: int, hard: HardIdentity) -> _Block:
    """Draw one block: who exists, what they do, what sales makes of it, and how all that looks in the raw tables."""
    number = start // BLOCK_SIZE
    count = min(BLOCK_SIZE, accounts - start)
    streams = {name: np.random.default_rng([seed, number, position]) for position, name in enumerate(STREAMS)}
    population = populate(streams["population"], seed, number, start, count, accounts)
    log = behave(streams["behaviour"], population)
    cumulated = count_by_day(log, population.people, count)
    year = sell(streams["sales"], population.companies, cumulated)
    log = _thin_after_purchase(streams["behaviour"], log, population.people, year.customer_since)
    paid_since = draw_paid_since(streams["other sources"], population, cumulated, year.customer_since)
    relations = crm_tables(streams["crm"], population, year)
    tables = {
        **segment_tables(streams["segment"], population, log, paid_since),
        **relations.tables,
        **marketing_tables(streams["other sources"], population),
        **enrichment_tables(streams["other sources"], population),
        **billing_tables(streams["other sources"], population, paid_since),
        **truth_tables(population, relations, year),
    }
    if hard.switched_on:
        tables = harden(streams["hard identity"], population, hard, tables)
    return _Block(tables, count, len(population.people))


def _thin_after_purchase(
    random: np.random.Generator, log: EventLog, people: People, customer_since: Integers
) -> EventLog:
    """Drop most looks at prices and most limits of customers: a paid plan makes both rare."""
    bought = np.isin(log.signal, [INDEX[name] for name in BOUGHT_SIGNALS]) & (log.person >= 0)
    company = np.where(bought, people.company[log.person], -1)
    since = np.where(company >= 0, customer_since[company], log.time + 1)
    return log.keep(~((since <= log.time) & (random.random(len(log)) < 0.6)))


def _count_wins(opportunities: pa.Table) -> int:
    columns = [opportunities[name].to_pylist() for name in ("type", "is_won", "is_deleted")]
    return sum(kind == "New Business" and won and not deleted for kind, won, deleted in zip(*columns, strict=True))
