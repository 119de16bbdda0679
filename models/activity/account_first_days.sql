{{ config(materialized="first_days") }}

-- Grain: one row per (account, signal, day something became known) on which an earlier first day of the signal became known than
-- before. As of a date, the smallest of the rows known by then is the first day; a row that is not earlier is not here.

with

measured_days as (
    select * from {{ ref("measured_days") }}
),

-- Nothing is known before it happened. So of what was known on the day itself only the very first can be a new first day, and
-- only what came late has to be looked at row by row.
candidates as (
    select
        account_id,
        signal,
        min(available_on) as available_on,
        min(occurred_on) as first_on
    from measured_days
    where available_on <= occurred_on
    group by account_id, signal

    union all

    select
        account_id,
        signal,
        available_on,
        min(occurred_on)
    from measured_days
    where available_on > occurred_on
    group by account_id, signal, available_on
),

known as (
    select
        account_id,
        signal,
        available_on,
        min(first_on) as first_on
    from candidates
    group by account_id, signal, available_on
),

compared as (
    select
        *,
        min(first_on) over (
            partition by account_id, signal
            order by available_on
            rows between unbounded preceding and 1 preceding
        ) as first_on_before
    from known
),

final as (
    select
        account_id,
        signal,
        available_on,
        first_on
    from compared
    where first_on_before is null or first_on < first_on_before
)

select * from final
