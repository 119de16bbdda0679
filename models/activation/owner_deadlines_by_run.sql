-- Grain: one row per (owner, number of hours): when so many of the owner's working hours are over, counted from the start of the run
-- under way. The owner `*` stands for owners of the CRM that owners.csv does not know (setting office_hours).

with

runs as (
    select * from {{ source("publishing", "runs") }} where status = 'running'
),

owners as (
    select owner, time_zone, working_days, works_from, works_until from {{ ref("owners") }}

    union all

    select
        '*',
        split_part(value, ' ', 3),
        split_part(value, ' ', 1),
        split_part(split_part(value, ' ', 2), '-', 1),
        split_part(split_part(value, ' ', 2), '-', 2)
    from {{ ref("settings") }}
    where setting = 'office_hours'
),

allowances as (
    select distinct sla_hours from {{ ref("routing_rules") }} where sla_hours is not null
),

-- In the owner's own time, so that 09:00 is 09:00 in summer and in winter.
clocks as (
    select
        owners.owner,
        owners.time_zone,
        owners.working_days,
        allowances.sla_hours,
        3600 * allowances.sla_hours as allowed_seconds,
        {{ seconds_of_day("owners.works_from") }} as begins_at,
        {{ seconds_of_day("owners.works_until") }} as ends_at,
        date_trunc('second', (runs.started_at at time zone 'UTC') at time zone owners.time_zone) as starts_at
    from owners
    cross join allowances
    cross join runs
),

-- A week has at least one working day, so these weeks have enough of them.
days as (
    select
        *,
        unnest(generate_series(0, 7 * cast(ceil(allowed_seconds / (ends_at - begins_at)) as bigint) + 7)) as days_on
    from clocks
),

hours as (
    select
        *,
        date_trunc('day', starts_at) + days_on * interval '1 day' + begins_at * interval '1 second' as opens_at,
        date_trunc('day', starts_at) + days_on * interval '1 day' + ends_at * interval '1 second' as closes_at
    from days
),

worked as (
    select
        *,
        case
            when
                {{ among(
                    "substr('MonTueWedThuFriSatSun', 3 * cast(extract(isodow from opens_at) as integer) - 2, 3)", "working_days"
                ) }}
                then greatest({{ seconds_between("greatest(opens_at, starts_at)", "closes_at") }}, 0)
            else 0
        end as seconds_worked
    from hours
),

added as (
    select
        *,
        sum(seconds_worked) over (partition by owner, sla_hours order by days_on) as seconds_so_far
    from worked
),

final as (
    select
        owner,
        sla_hours,
        (min(closes_at - (seconds_so_far - allowed_seconds) * interval '1 second') at time zone min(time_zone)) at time zone 'UTC'
            as due_at
    from added
    where seconds_so_far >= allowed_seconds and seconds_so_far - seconds_worked < allowed_seconds
    group by owner, sla_hours
)

select * from final
