"""Any warehouse that dlt writes SQL into, as the place of a load. Needs dlt, the extra `dlt`.

dlt has no transaction over two tables, so order makes the promise: rows first, the line of the ledger last, each by a
merge that replaces what the segment had. The view `receiver.events` shows segments of the ledger alone. A segment that
a kill cut short is not in it, and is loaded again from its file, whatever dlt knew of it.
"""

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import astuple
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from ingest.arrow import Table, pa, pc
from ingest.loader.load import SegmentSummary, Step, Summarize, held
from ingest.loader.read import Batch
from ingest.loader.tables import EVENTS, QUARANTINE, SCHEMA, SEGMENTS
from ingest.loader.warehouse import WarehouseRefused

dlt: Any = import_module("dlt")  # its types are partly unknown, which strict checks refuse
DltException: Any = import_module("dlt.common.exceptions").DltException
DatabaseUndefinedRelation: Any = import_module("dlt.destinations.exceptions").DatabaseUndefinedRelation
SqlJobClientBase: Any = import_module("dlt.destinations.job_client_impl").SqlJobClientBase

STRATEGY = "delete-insert"  # the one merge of dlt's that leaves the same rows when it runs again
PIPELINE = "pql_load"
SUMMARY = SEGMENTS.names[:-2]  # the columns of the ledger that are a segment's summary
YEAR_1 = -62_135_596_800_000_000  # in microseconds since 1970
SETTINGS = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "LOAD__DELETE_COMPLETED_JOBS": "true",  # copies of the rows, which nobody would search for people who are forgotten
    "LOAD__TRUNCATE_STAGING_DATASET": "true",
}


class DltStore:
    """A pipeline of dlt's whose working folder nobody else uses."""

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline
        self._client = pipeline.sql_client()  # making one takes dlt longer than a query
        formats = pipeline.destination.capabilities().supported_loader_file_formats
        # dlt's way from Arrow to PostgreSQL is CSV in which empty text and none at all are the same.
        self._file_format = "insert_values" if {"csv", "insert_values"} <= set(formats) else None

    def prepare(self) -> None:
        """As the protocol says: three tables, and the view of what direct loads keep in `receiver.events`."""
        has_view = self._has("events")
        if has_view and self._has("deliveries"):
            return
        if has_view:
            raise WarehouseRefused(
                f"{SCHEMA}.events is there already, by another way of loading: name another database"
            )
        self._replace(
            deliveries=EVENTS.empty_table(), quarantine=QUARANTINE.empty_table(), segments=SEGMENTS.empty_table()
        )
        self._query(self._view())

    def recorded(self, segment: str) -> SegmentSummary | None:
        """As the protocol says."""
        columns, key = ", ".join(self._column(name) for name in SUMMARY), self._column("segment")
        found = self._query(f"select {columns} from {self._name('segments')} where {key} = %s", segment)  # noqa: S608 - ours
        return SegmentSummary(*found[0]) if found else None

    def add(self, batch: Batch, summarize: Summarize, loaded_at: datetime, step: Step) -> SegmentSummary:
        """As the protocol says. Ids that other segments brought, too, are loaded: the view hides them."""
        rows = {"deliveries": _first_deliveries(batch.events), "quarantine": batch.bad}
        summary = summarize(len(rows["deliveries"]))
        of_it = f"{self._column('segment')} = %s"
        for table in (table for table, found in rows.items() if not len(found)):
            # An empty merge replaces nothing, and another version of ours may have been killed here after adding some.
            self._query(f"delete from {self._name(table)} where {of_it}", summary.segment)  # noqa: S608 - ours
        self._replace(**{table: found for table, found in rows.items() if len(found)})
        for table, found in rows.items():
            counting = f"select count(*) from {self._name(table)} where {of_it}"  # noqa: S608 - ours
            ((there,),) = self._query(counting, summary.segment)
            if there != len(found):
                raise WarehouseRefused(
                    f"{there:,} of {len(found):,} rows of segment {summary.segment} arrived in {table}; does another "
                    "home load into the same warehouse? The segment stays in the inbox, load it again"
                )
        step("after insert")
        self._record(summary, loaded_at)
        step("after ledger")
        return summary

    def accept_loss(self, segment: str, now: datetime) -> bool:
        """As the protocol says."""
        if self.recorded(segment) is None:
            return False
        accepted, key = self._column("loss_accepted_at"), self._column("segment")
        self._query(f"update {self._name('segments')} set {accepted} = %s where {key} = %s", now, segment)  # noqa: S608 - ours
        return True

    def _record(self, summary: SegmentSummary, loaded_at: datetime) -> None:
        line = dict(zip(SEGMENTS.names, (*astuple(summary), loaded_at, None), strict=True))
        self._replace(segments=pa.Table.from_pylist([line], schema=SEGMENTS))

    def _replace(self, **rows: Table) -> None:
        """Put rows in the place of those that their segment has in these tables; returns once they are committed."""
        if rows:
            resources = [_resource(*table) for table in rows.items()]
            self._pipeline.run(resources, loader_file_format=self._file_format).raise_on_failed_jobs()

    def _has(self, table: str) -> bool:
        try:
            self._query(f"select 1 from {self._name(table)} where 1 = 0")  # noqa: S608 - ours
        except DatabaseUndefinedRelation:
            return False
        return True

    def _view(self) -> str:
        """The first delivery of each id: that of the load that came first, in the order in which a load takes them."""
        column = self._column
        return f"""
            create view {self._name("events")} as
            select {", ".join(column(name) for name in EVENTS.names)}
            from (
                select
                    {", ".join(f"deliveries.{column(name)}" for name in EVENTS.names)},
                    row_number() over (
                        partition by deliveries.{column("source")}, deliveries.{column("message_id")}
                        order by
                            segments.{column("loaded_at")},
                            deliveries.{column("segment")},
                            deliveries.{column("item")}
                    ) as delivery
                from {self._name("deliveries")} as deliveries
                inner join {self._name("segments")} as segments
                    on segments.{column("segment")} = deliveries.{column("segment")}
            ) as ranked
            where delivery = 1
        """  # noqa: S608 - ours

    def _query(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        try:
            self._client.open_connection()
        except Exception as error:  # each driver has errors of its own
            raise WarehouseRefused(f"dlt: {error}") from error
        try:
            return self._client.execute_sql(statement, *parameters) or []
        finally:
            self._client.close_connection()

    def _name(self, table: str) -> str:
        return self._client.make_qualified_table_name(table)

    def _column(self, name: str) -> str:
        return self._client.escape_column_name(name)


@contextmanager
def open_dlt(destination: str, folder: Path) -> Generator[DltStore]:
    """Open a destination by dlt's name of it; where it is and who we are there, dlt's own configuration says.

    Args:
        destination: e.g. `snowflake`.
        folder: The home of the installation. dlt works in `dlt/` in it, which is empty before and afterwards.

    Raises:
        WarehouseRefused: there is none such, or it takes no SQL, or a job failed there, or another load is under way.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    ours = folder / "dlt"
    ours.mkdir(parents=True, exist_ok=True)
    working = ours / "working"
    with held(ours) as is_free:
        if not is_free:
            raise WarehouseRefused("another load by dlt is under way in this home; wait for it to end")
        # What a killed load left would be loaded first, beside the same rows of the file, which is still there.
        shutil.rmtree(working, ignore_errors=True)
        try:
            pipeline = dlt.pipeline(PIPELINE, pipelines_dir=str(working), destination=destination, dataset_name=SCHEMA)
            _check(pipeline, destination)
            yield DltStore(pipeline)
        except DltException as error:
            raise WarehouseRefused(f"dlt: {error}") from error
        finally:
            shutil.rmtree(working, ignore_errors=True)


def _check(pipeline: Any, destination: str) -> None:
    merges = pipeline.destination.capabilities().supported_merge_strategies
    client = pipeline.destination_client()
    if STRATEGY not in (merges or ()) or not isinstance(client, SqlJobClientBase):
        raise WarehouseRefused(f"dlt:{destination} is no warehouse that takes SQL and merges by {STRATEGY}")
    if "@" in str(getattr(client.config.credentials, "host", None)):  # a part of the password, which errors would name
        raise WarehouseRefused(f"dlt:{destination}: in the address of the warehouse write the password's @ as %40")


def _resource(table: str, rows: Table) -> Any:
    """Rows as dlt takes them: in the types of Arrow, and times without a zone, where dlt would give them one."""
    keyed = pa.schema([field.with_nullable(field.name != "segment") for field in rows.schema])
    times = [field.name for field in keyed if pa.types.is_timestamp(field.type)]
    return dlt.resource(
        rows.cast(keyed),
        name=table,
        merge_key="segment",
        write_disposition={"disposition": "merge", "strategy": STRATEGY},
        columns={name: {"data_type": "timestamp", "timezone": False, "precision": 6} for name in times},
    )


def _first_deliveries(events: Table) -> Table:
    """Of each id what came first. Most warehouses know no time before year 1: what a sender says of one is unknown."""
    of_ids = events.group_by(["source", "message_id"]).aggregate([("item", "min")])
    first = events.filter(pc.is_in(events["item"], of_ids["item_min"].combine_chunks()))
    at, original = first.schema.get_field_index("original_at"), first["original_at"]
    is_known = pc.greater_equal(original.cast(pa.int64()), YEAR_1)
    return first.set_column(at, first.schema.field(at), pc.if_else(is_known, original, None))
