"""Another future: facts known from a date on are added, changed and deleted; what was known before stays as it is."""

import duckdb

SOME_DOMAIN = "select min(domain) from enrichment.companies where hash(domain) % 97 = number % 97"
SOME_WORKSPACE = "select max(workspace_id) from billing.subscriptions where hash(workspace_id) % 17"


def mutate(connection: duckdb.DuckDBPyConnection, date: str) -> None:
    """Deterministic: rows are chosen by the hash of their id."""
    at = f"timestamp '{date}'"
    connection.execute(
        "create temp table users_by_number as "
        "select id as user_id, row_number() over (order by hash(id)) - 1 as number from segment.users"
    )
    change_events(connection, at)
    redeliver_old_messages(connection, at)
    merge_people(connection, at)
    change_crm(connection, at)
    change_tasks(connection, at)
    change_deals(connection, at)
    change_other_sources(connection, at)


def chosen(column: str, one_in: int, remainder: int = 0) -> str:
    return f"hash({column}) % {one_in} = {remainder}"


def change_events(connection: duckdb.DuckDBPyConnection, at: str) -> None:
    tables = connection.execute(
        "select table_name from information_schema.tables where table_schema = 'segment' and table_name <> 'users'"
    ).fetchall()
    (users,) = connection.execute("select count(*) from users_by_number").fetchone()
    for (table,) in tables:
        late = f"received_at >= {at}"
        connection.execute(f'delete from segment."{table}" where {late} and {chosen("id", 5)}')
        connection.execute(  # somebody else, and long ago: a late delivery
            f"""
            update segment."{table}" set
                user_id = users_by_number.user_id,
                timestamp = timestamp - interval 60 day,
                original_timestamp = original_timestamp - interval 60 day
            from users_by_number
            where {late} and {chosen("id", 5, 1)} and users_by_number.number = hash(id) // 5 % {users}
            """
        )
        connection.execute(  # the same message again, under an id of its own, in the far future
            f"""
            insert into segment."{table}" by name
            select * replace ('more-' || id as id, received_at + interval 20 day as received_at)
            from segment."{table}" where {late} and {chosen("id", 5, 2)}
            """
        )


def redeliver_old_messages(connection: duckdb.DuckDBPyConnection, at: str) -> None:
    """A second delivery of an old message that says something else: the first one stands."""
    for table in ("tracks", "pages"):
        connection.execute(
            f"""
            insert into segment.{table} by name
            select * replace (
                'somebody-else' as user_id,
                timestamp - interval 90 day as timestamp,
                {at} + interval 3 hour as received_at
            )
            from segment.{table} where received_at < {at} and {chosen("id", 20)}
            """
        )


def merge_people(connection: duckdb.DuckDBPyConnection, at: str) -> None:
    """Old people turn out to be one: by a shared address, device or alias. Others join a workspace or a domain."""
    connection.execute(  # neighbours are mostly colleagues
        """
        create temp table old_users as
        select user_id, email, row_number() over (order by workspace, hash(user_id)) as number
        from (
            select user_id, any_value(email) as email, max(context_group_id) as workspace
            from segment.identifies where user_id is not null group by user_id
        )
        """
    )
    connection.execute(
        """
        create temp table pairs as
        select one.user_id, one.email, other.user_id as other_user_id, other.email as other_email, one.number
        from old_users as one inner join old_users as other on other.number = one.number + 1
        where one.number % 3 = 0
        """
    )
    moment = f"{at} + interval 1 hour * number"
    call = f"uuid()::varchar as id, {moment} as received_at, {moment} as timestamp"
    connection.execute(  # one gives the other's address
        "insert into segment.identifies by name "
        f"select {call}, user_id, other_email as email, 'Student' as title from pairs where number % 2 = 0"
    )
    connection.execute(  # both use a new device; and an address at the domain of a company
        f"insert into segment.identifies by name select {call}, user_id, 'new-device-' || number as anonymous_id, "
        f"'person' || number || '@' || ({SOME_DOMAIN}) as email "
        "from pairs where number % 4 = 1"
    )
    connection.execute(
        f"insert into segment.aliases by name select {call}, user_id, other_user_id as previous_id "
        "from pairs where number % 4 = 3"
    )
    connection.execute(  # somebody joins another workspace
        f"insert into segment.groups by name select {call}, other_user_id as user_id, "
        f"({SOME_WORKSPACE} = number % 17) as group_id, "
        "case number % 5 when 0 then 'rival-one.example' else 'newname' || number || '.example' end as domain, "
        "5000 as employees from pairs"
    )
    connection.execute(  # a call that forgot its workspace
        f"insert into segment.groups by name select {call}, user_id, 'nowhere.example' as domain from pairs"
    )


def change_crm(connection: duckdb.DuckDBPyConnection, at: str) -> None:
    history = "salesforce.account_history"
    connection.execute(f"delete from {history} where _fivetran_start >= {at} and {chosen('id', 2)}")
    connection.execute(  # a later version says something else of everything
        f"""
        insert into {history} by name
        select * replace (
            {at} + interval 5 day as _fivetran_start,
            'Changed ' || name as name,
            'https://' || id || '-new.example' as website,
            'Mining' as industry, 7 * number_of_employees as number_of_employees, 'ZZ' as billing_country,
            ({SOME_WORKSPACE} = hash({history}.id) % 17) as workspace_id_c
        )
        from {history} where {chosen("id", 3)}
        qualify row_number() over (partition by id order by _fivetran_start desc) = 1
        """
    )
    connection.execute(  # new accounts claim the websites of old ones
        f"""
        insert into {history} by name
        select * replace (
            'late-' || id as id, {at} + interval 1 day as _fivetran_start, {at} + interval 1 day as created_date
        )
        from {history} where {chosen("id", 4)}
        qualify row_number() over (partition by id order by _fivetran_start desc) = 1
        """
    )
    connection.execute(
        f"""
        create or replace table {history} as
        select * replace (
            coalesce(
                lead(_fivetran_start) over versions - interval 1 millisecond, timestamp '9999-12-31 23:59:59'
            ) as _fivetran_end,
            lead(_fivetran_start) over versions is null as _fivetran_active
        )
        from {history}
        window versions as (partition by id order by _fivetran_start)
        """
    )
    columns = ", ".join(row[0] for row in connection.execute("describe salesforce.account").fetchall())
    connection.execute("delete from salesforce.account")
    connection.execute(f"insert into salesforce.account select {columns} from {history} where _fivetran_active")
    connection.execute(f"delete from salesforce.contact where created_date >= {at} and {chosen('id', 2)}")
    connection.execute(  # old people become contacts of other accounts
        f"""
        insert into salesforce.contact by name
        select 'contact-' || number as id, email, {at} + interval 2 hour as created_date, false as is_deleted,
            'CEO' as title, 'Mining' as department,
            (select max(id) from salesforce.account where hash(id) % 7 = number % 7) as account_id
        from pairs where email is not null
        """
    )
    connection.execute(  # two strangers at one domain, whom nobody has tied to an account yet
        "insert into salesforce.contact by name "
        "select 'nobody-' || number as id, 'x' || number || '@nowhere.example' as email, "
        f"{at} + interval 2 hour as created_date, false as is_deleted from pairs where number < 10"
    )
    connection.execute(  # a deleted contact was one until then
        f"update salesforce.contact set is_deleted = true, last_modified_date = {at} + interval 1 day "
        f"where created_date < {at} and {chosen('id', 6)}"
    )
    connection.execute(
        "insert into salesforce.lead by name "
        f"select 'lead-' || number as id, email, {at} as created_date, false as is_deleted from pairs"
    )


def change_tasks(connection: duckdb.DuckDBPyConnection, at: str) -> None:
    connection.execute("alter table salesforce.task add column if not exists last_modified_date timestamp")
    connection.execute(f"delete from salesforce.task where created_date >= {at} and {chosen('id', 2)}")
    connection.execute(  # a deleted task was one until then
        f"update salesforce.task set is_deleted = true, last_modified_date = {at} where {chosen('id', 3)}"
    )
    connection.execute(
        "insert into salesforce.task by name "
        f"select * replace ('late-' || id as id, {at} as created_date) from salesforce.task where {chosen('id', 4)}"
    )


def change_deals(connection: duckdb.DuckDBPyConnection, at: str) -> None:
    deals, history = "salesforce.opportunity", "salesforce.opportunity_history"
    later_deals = f"select id from {deals} where created_date >= {at} and {chosen('id', 3)}"
    connection.execute(f"delete from {history} where id in ({later_deals})")
    connection.execute(f"delete from {deals} where created_date >= {at} and {chosen('id', 3)}")
    ending = (
        f"id in (select id from {history} group by id "
        f"having min(_fivetran_start) < {at} and max(_fivetran_start) >= {at})"
    )
    connection.execute(  # what ends later ends otherwise: won becomes lost, lost becomes won
        f"update {history} set is_won = not is_won, amount = 3 * amount "
        f"where is_closed and _fivetran_start >= {at} and {ending}"
    )
    connection.execute(
        f"update {deals} set is_won = not is_won, amount = 3 * amount "
        f"where is_closed and close_date >= {at} and {ending} "
        f"and id not in (select id from {history} where is_closed and _fivetran_start < {at})"
    )
    connection.execute(  # a won deal is found to be a mistake
        f"create temp table mistakes as select * from {deals} where is_won and not is_deleted and {chosen('id', 4)}"
    )
    connection.execute(
        f"insert into {history} by name select *, true as _fivetran_active, "
        f"greatest(last_modified_date, {at}) + interval 1 day as _fivetran_start "
        "from (select * replace (true as is_deleted) from mistakes)"
    )
    connection.execute(f"update {deals} set is_deleted = true where id in (select id from mistakes)")
    reopen_deals(connection, at)
    new = f"""
        select 'deal-' || id as id, id as account_id, 'New deal' as name,
            'Closed Won' as stage_name, 'New Business' as type,
            1000.0 as amount, true as is_closed, true as is_won, false as is_deleted,
            {at} + interval 3 day as created_date,
            cast({at} + interval 9 day as date) as close_date
        from salesforce.account where {chosen("id", 3)}
    """
    connection.execute(f"insert into {deals} by name {new}")
    for closed, days in (("false", 3), ("true", 9)):
        connection.execute(
            f"insert into {history} by name select * replace ({closed} as is_closed, {closed} as is_won), "
            f"{at} + interval {days} day as _fivetran_start from ({new})"
        )


def reopen_deals(connection: duckdb.DuckDBPyConnection, at: str) -> None:
    """What had been decided before is opened again, and ends the other way: until then it was what it was."""
    deals, history = "salesforce.opportunity", "salesforce.opportunity_history"
    connection.execute(
        f"create temp table reopened as select id, is_won as was_won from {deals} where is_closed and not is_deleted "
        f"and {chosen('id', 3, 1)} and id in (select id from {history} where is_closed and _fivetran_start < {at})"
    )
    for closed, days in (("false", 2), ("true", 6)):
        connection.execute(
            f"""
            insert into {history} by name
            select * exclude (was_won) replace (
                {closed} as is_closed, {closed} and not was_won as is_won,
                cast({at} + interval {days} day as date) as close_date,
                {at} + interval {days} day as _fivetran_start
            )
            from (
                select history.*, reopened.was_won
                from {history} as history inner join reopened on history.id = reopened.id
                where history._fivetran_start < {at} and history.is_closed
                qualify row_number() over (partition by history.id order by history._fivetran_start desc) = 1
            )
            """
        )
    connection.execute(
        f"update {deals} set is_won = not is_won, close_date = cast({at} + interval 6 day as date), "
        f"last_modified_date = {at} + interval 6 day where id in (select id from reopened)"
    )


def change_other_sources(connection: duckdb.DuckDBPyConnection, at: str) -> None:
    connection.execute(  # the provider now says something else, and is sure of it
        f"""
        insert into enrichment.companies by name
        select * replace (
            'Mining' as industry, 'ZZ' as country,
            employees * 9 as employees, 0.99 as match_confidence, {at} as enriched_at
        )
        from enrichment.companies where enriched_at < {at} and {chosen("domain", 2)}
        """
    )
    connection.execute(
        f"""
        insert into enrichment.people by name
        select 'x' as title, email, ({SOME_DOMAIN}) as company_domain, 0.99 as match_confidence, {at} as enriched_at
        from pairs where email is not null
        """
    )
    connection.execute(f"delete from marketing.touches where received_at >= {at} and {chosen('id', 2)}")
    connection.execute(
        f"insert into marketing.touches by name select * replace ('again-' || id as id, {at} as received_at) "
        f"from marketing.touches where {chosen('id', 3)}"
    )
    connection.execute(
        f"update billing.subscriptions set ended_at = {at} + interval 1 day "
        f"where ended_at is null and {chosen('id', 2)}"
    )
    connection.execute(
        "insert into billing.subscriptions by name "
        f"select * replace ('sub-' || id as id, 77 as seats, {at} as started_at, null as ended_at) "
        f"from billing.subscriptions where {chosen('id', 2)}"
    )
