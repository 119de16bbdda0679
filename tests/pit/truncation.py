"""The raw tables as they stood at midnight of a date: every fact that could not be known by then is gone."""

import duckdb

RECEIVED = {
    "marketing.touches": "received_at",
    "enrichment.companies": "enriched_at",
    "enrichment.people": "enriched_at",
}
CREATED = ("contact", "lead", "task")
HISTORIES = {"account": "account_history", "opportunity": "opportunity_history"}
OPEN_END = "timestamp '9999-12-31 23:59:59'"


def truncate(connection: duckdb.DuckDBPyConnection, date: str) -> None:
    at = f"timestamp '{date}'"
    for (table,) in connection.execute(
        "select table_name from information_schema.tables where table_schema = 'segment'"
    ).fetchall():
        connection.execute(f'delete from segment."{table}" where received_at >= {at}')
    for table, column in RECEIVED.items():
        connection.execute(f"delete from {table} where {column} >= {at}")
    for table in CREATED:
        connection.execute(f"delete from salesforce.{table} where created_date >= {at}")
    connection.execute(
        "update salesforce.lead set is_converted = false, converted_account_id = null, converted_contact_id = null, "
        "converted_opportunity_id = null, converted_date = null, last_modified_date = created_date, status = 'Open' "
        f"where converted_date >= {at}"
    )
    for table, history in HISTORIES.items():
        rewind_history(connection, table, history, at)
    connection.execute(f"delete from billing.subscriptions where started_at >= {at}")
    connection.execute(
        "update billing.subscriptions set ended_at = null, status = 'active', updated_at = started_at "
        f"where ended_at >= {at}"
    )


def rewind_history(connection: duckdb.DuckDBPyConnection, table: str, history: str, at: str) -> None:
    """Drop later versions; the newest that remains is open-ended again and becomes today's row."""
    connection.execute(f"delete from salesforce.{history} where _fivetran_start >= {at}")
    connection.execute(
        f"update salesforce.{history} set _fivetran_end = {OPEN_END}, _fivetran_active = true "
        "where _fivetran_start = "
        f"(select max(_fivetran_start) from salesforce.{history} as later where later.id = {history}.id)"
    )
    columns = [row[0] for row in connection.execute(f"describe salesforce.{table}").fetchall()]
    connection.execute(f"delete from salesforce.{table}")
    connection.execute(
        f"insert into salesforce.{table} select {', '.join(columns)} from salesforce.{history} where _fivetran_active"
    )
