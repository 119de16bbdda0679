-- Grain: one row per (account, as-of date) with a named workspace or project: what the names say, as known then. A workspace
-- counts under its latest name only. Names of people and of CRM records are not looked at.

with

cohort as (
    select account_id, as_of_date from {{ ref("account_cohort") }}
),

patterns as (
    select * from {{ ref("name_patterns") }}
),

workspaces as (
    select
        reach.target as account_id,
        reach.node,
        {{ json_text("events.properties", "'name'") }} as name,
        events.occurred_at,
        greatest(events.available_at, reach.available_at) as available_at
    from {{ ref("events") }} as events
    inner join {{ ref("organisation_reach") }} as reach on 'workspace:' || nullif(trim(events.group_id), '') = reach.node
    where events.event_type = 'group'
),

projects as (
    select
        signals.account_id,
        signals.detail as node,
        signals.detail as name,
        signals.occurred_at,
        signals.available_at
    from {{ ref("account_signals") }} as signals
    inner join {{ ref("signal_roles") }} as roles on signals.signal = roles.signal and roles.role = 'project'
),

named as (
    select 'workspace' as kind, * from workspaces where nullif(trim(name), '') is not null
    union all
    select 'project', * from projects where name is not null
),

known as (
    select
        cohort.account_id,
        cohort.as_of_date,
        lower(trim(named.name)) as name,
        row_number() over (
            partition by cohort.account_id, cohort.as_of_date, named.kind, named.node
            order by named.occurred_at desc, named.available_at desc, named.name
        ) as age_rank
    from cohort
    inner join named on cohort.account_id = named.account_id and named.available_at < cohort.as_of_date
),

meanings as (
    select distinct
        names.name,
        patterns.kind
    from (select distinct name from known where age_rank = 1) as names
    inner join patterns on {{ matches("names.name", "patterns.pattern") }}
),

final as (
    select
        known.account_id,
        known.as_of_date,
        cast(max(case when meanings.kind = 'production' then 1 else 0 end) as integer) as is_named_production,
        cast(max(case when meanings.kind = 'non_customer' then 1 else 0 end) as integer) as is_named_non_customer
    from known
    left join meanings on known.name = meanings.name
    where known.age_rank = 1
    group by known.account_id, known.as_of_date
)

select * from final
