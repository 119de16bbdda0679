"""Attributed signals of simulated companies, straight to Parquet: who they belong to is given, in bounded memory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from demo.behaviour import EventLog, behave
from demo.period import LENGTH, START, Integers
from demo.population import People, populate
from demo.segment_tables import deliver
from demo.signals import INDEX, SIGNALS

BLOCK_SIZE: Final = 500
SIGNAL_COUNT: Final = 25
AMOUNTS_OF: Final = ("export_run", "api_called")
STREAMS: Final = ("population", "behaviour", "delivery", "amounts")
SEED: Final = 7


@dataclass(frozen=True)
class History:
    """What is simulated: `events` in whole, by the same companies over `years`, the last of which ends with `END`."""

    events: int
    years: int = 1


def write_signals(path: Path, history: History) -> int:
    """Write (account_id, person_id, signal, occurred_at, available_at, amount), in the order of becoming known.

    The 25 signals that happen most often are taken, and as many companies as it takes. Each year the same companies
    have other people. Blocks go to a file of their own first: memory holds one block, and DuckDB sorts them then.

    Returns:
        The number of rows, `history.events` exactly.
    """
    drawn = path.with_suffix(".drawn.parquet")
    rows = 0
    with pq.ParquetWriter(drawn, SCHEMA, compression="zstd") as writer:
        block = 0
        while rows < history.events:
            for year in range(history.years):
                table = _draw_block(block, year, history.years)
                writer.write_table(table)
                rows += table.num_rows
            block += 1
    with duckdb.connect() as connection:
        connection.execute(f"set memory_limit = '4GiB'; set temp_directory = '{path.parent / 'sorting'}'")
        connection.execute("set enable_progress_bar = false")
        names = ", ".join(f"'{SIGNALS[index].name}'" for index in most_frequent_signals())
        # What is beyond the wanted number is cut before sorting: companies of the last block, not the last days.
        connection.execute(
            f"""
            copy (
                select
                    'acc_' || substr(md5(account::varchar), 1, 16) as account_id,
                    'per_' || substr(md5(person::varchar), 1, 16) as person_id,
                    [{names}][signal + 1] as signal,
                    occurred_at,
                    available_at,
                    amount
                from (select * from read_parquet('{drawn}') limit {history.events})
                order by available_at
            ) to '{path}' (format parquet, compression zstd)
            """
        )
    drawn.unlink()
    return history.events


SCHEMA: Final = pa.schema(
    {
        "account": pa.int64(),
        "person": pa.int64(),
        "signal": pa.int8(),
        "occurred_at": pa.timestamp("us"),
        "available_at": pa.timestamp("us"),
        "amount": pa.float64(),
    }
)


def most_frequent_signals() -> list[int]:
    """Positions in `SIGNALS` of the named ones with the highest rates."""
    return sorted(INDEX.values(), key=lambda index: (-SIGNALS[index].weekly_rate, index))[:SIGNAL_COUNT]


def _draw_block(block: int, year: int, years: int) -> pa.Table:
    streams = {name: np.random.default_rng([SEED, year, block, at]) for at, name in enumerate(STREAMS)}
    first = block * BLOCK_SIZE
    population = populate(streams["population"], SEED + year, block, first, BLOCK_SIZE, first + BLOCK_SIZE)
    log = behave(streams["behaviour"], population)
    log = log.keep(_is_of_a_company(log, population.people) & np.isin(log.signal, most_frequent_signals()))
    delivery = deliver(streams["delivery"], log.time, np.zeros(len(log), dtype=np.int64))
    _, first_copy = np.unique(delivery.position, return_index=True)
    position, received = delivery.position[first_copy], delivery.received[first_copy]
    log = log.keep(position)
    shift = (year + 1 - years) * LENGTH
    number = np.full(len(SIGNALS), -1)
    number[most_frequent_signals()] = np.arange(SIGNAL_COUNT)
    has_amount = np.isin(log.signal, [INDEX[name] for name in AMOUNTS_OF])
    amounts = streams["amounts"].integers(1, 5_000, len(log)).astype(np.float64)
    columns = [
        pa.array(population.people.company[log.person] + first),
        pa.array((year << 40) + (block << 20) + log.person),
        pa.array(number[log.signal].astype(np.int8)),
        _timestamps(log.time + shift),
        _timestamps(received + shift),
        pa.array(amounts, mask=~has_amount),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def _is_of_a_company(log: EventLog, people: People) -> np.ndarray:
    return (log.person >= 0) & (people.company[log.person] >= 0) & log.is_identified


def _timestamps(since_start: Integers) -> pa.Array:
    return pa.array(START + since_start.astype("timedelta64[us]"))
