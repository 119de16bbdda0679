-- A metric as of a date uses no fact that happened, or became known, on that date or later. Looked at closely for the newest
-- date that training looks back from, since one SQL serves all dates: the newest fact of each row is one that was known by
-- then, and the window counts no more than was known in it.
{{ config(meta={"dagster": {"ref": {"name": "account_signal_metrics"}}}) }}

with

metrics as (
    select * from {{ ref("account_signal_metrics") }}
),

looked_at as (
    select max(as_of_date) as as_of_date
    from {{ ref("as_of_dates") }}
    where not is_scoring
),

known as (
    select
        measured_days.account_id,
        looked_at.as_of_date,
        measured_days.signal,
        max(measured_days.occurred_on) as last_on,
        sum(case when measured_days.occurred_on >= looked_at.as_of_date - 90 then measured_days.events else 0 end) as events_90d
    from {{ ref("measured_days") }} as measured_days
    inner join looked_at
        on measured_days.occurred_on < looked_at.as_of_date
        and measured_days.available_on < looked_at.as_of_date
    group by measured_days.account_id, looked_at.as_of_date, measured_days.signal
),

final as (
    select
        metrics.account_id,
        metrics.as_of_date,
        metrics.signal,
        metrics.days_since_first,
        metrics.days_since_last,
        metrics.events_90d,
        known.last_on,
        known.events_90d as known_events_90d
    from metrics
    left join known
        on metrics.account_id = known.account_id
        and metrics.as_of_date = known.as_of_date
        and metrics.signal = known.signal
    where
        metrics.days_since_last < 1
        or metrics.days_since_first < metrics.days_since_last
        or (
            metrics.as_of_date = (select looked_at.as_of_date from looked_at)
            and (
                known.last_on is null
                or metrics.as_of_date - known.last_on <> metrics.days_since_last
                or metrics.events_90d > known.events_90d
            )
        )
)

select * from final
