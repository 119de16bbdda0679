"""Properties that no warehouse could read as JSON later are set aside before any of them gets the event."""

import duckdb

from ingest.arrow import pa, pc
from ingest.loader.read import Batch


def set_aside_unreadable(batch: Batch) -> Batch:
    """Move such events to the bad ones: a half of a surrogate pair is the usual reason.

    DuckDB judges in memory, whatever the warehouse is, so that all of them hold the same rows.
    """
    with duckdb.connect(config={"threads": 1}) as judge:
        judge.register("events", batch.events)
        unreadable = judge.execute(
            """
            select source, vendor, call, received_at, 'properties are no JSON', properties, segment, item
            from events
            where not json_valid(properties)
            """
        ).to_arrow_table()
    if not len(unreadable):
        return batch
    bad = pa.concat_tables([batch.bad, unreadable.rename_columns(batch.bad.column_names)])
    is_readable = pc.invert(pc.is_in(batch.events["item"], bad["item"].combine_chunks()))
    return Batch(batch.events.filter(is_readable), bad)
