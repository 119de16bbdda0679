-- A metric as of a date uses no fact that happened, or became known, on that date or later: the newest fact of each row is
-- one that was known by then, and no window counts more than was known in it.
{{ config(meta={"dagster": {"ref": {"name": "account_signal_metrics"}}}) }}

with

metrics as (
    select account_id, as_of_date, signal, events_90d, days_since_first, days_since_last
    from {{ ref("account_signal_metrics") }}
),

known as (
    select
        metrics.account_id,
        metrics.as_of_date,
        metrics.signal,
        max(account_days.occurred_on) as last_on,
        sum(case when account_days.occurred_on >= metrics.as_of_date - 90 then account_days.events else 0 end) as events_90d
    from metrics
    inner join {{ ref("account_days") }} as account_days
        on metrics.account_id = account_days.account_id
        and metrics.signal = account_days.signal
        and account_days.occurred_on < metrics.as_of_date
        and account_days.available_on < metrics.as_of_date
    group by metrics.account_id, metrics.as_of_date, metrics.signal
),

final as (
    select
        metrics.*,
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
        or known.last_on is null
        or metrics.as_of_date - known.last_on <> metrics.days_since_last
        or metrics.events_90d > known.events_90d
)

select * from final
