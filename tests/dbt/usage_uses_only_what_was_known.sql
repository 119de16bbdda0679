-- Usage as of the newest date that training looks back from, counted anew from the days that had happened and had arrived by
-- then. One SQL makes all dates, so one date speaks for them.
{{ config(meta={"dagster": {"ref": {"name": "account_usage"}}}) }}

with

looked_at as (
    select max(as_of_date) as as_of_date
    from {{ ref("as_of_dates") }}
    where not is_scoring
),

counted as (
    select
        account_days.account_id,
        looked_at.as_of_date,
        count(distinct case when account_days.occurred_on >= looked_at.as_of_date - 28 then account_days.occurred_on end) as active_days_28d,
        count(distinct case when account_days.occurred_on >= looked_at.as_of_date - 28 then account_days.person_id end) as people_28d,
        sum(
            case
                when account_days.occurred_on >= looked_at.as_of_date - 28 and signals.use_in_model then account_days.counted_events
                else 0
            end
        ) as events_28d,
        looked_at.as_of_date - max(account_days.occurred_on) as days_since_last
    from {{ ref("account_days") }} as account_days
    inner join looked_at
        on account_days.occurred_on < looked_at.as_of_date
        and account_days.available_on < looked_at.as_of_date
    inner join {{ ref("signals") }} as signals on account_days.signal = signals.signal
    group by account_days.account_id, looked_at.as_of_date
),

final as (
    select
        usage.account_id,
        usage.as_of_date,
        usage.active_days_28d,
        counted.active_days_28d as known_active_days_28d,
        usage.people_28d,
        counted.people_28d as known_people_28d,
        usage.events_28d,
        counted.events_28d as known_events_28d,
        usage.days_since_last,
        counted.days_since_last as known_days_since_last
    from {{ ref("account_usage") }} as usage
    inner join looked_at on usage.as_of_date = looked_at.as_of_date
    left join counted on usage.account_id = counted.account_id
    where
        usage.active_days_28d is distinct from counted.active_days_28d
        or usage.people_28d is distinct from counted.people_28d
        or usage.events_28d is distinct from counted.events_28d
        or usage.days_since_last is distinct from counted.days_since_last
)

select * from final
