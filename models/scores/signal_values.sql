-- Grain: one row per (account, signal) at the scored date: the value behind a contribution, and how a person would say it.

with

examples as (
    select * from {{ ref("scoring_examples") }}
),

signals as (
    select * from {{ ref("signals") }}
),

event_signals as (
    select
        examples.account_id,
        signals.signal,
        cast(coalesce(metrics.events_28d, 0) as double) as value,
        case
            when metrics.events_28d > 0 then signals.label || ' (' || metrics.events_28d || ' in the last 28 days)'
            when metrics.events_90d > 0 then signals.label || ' (' || metrics.events_90d || ' in the last 90 days, none in the last 28)'
            else 'no ' || signals.label || ' in the last 90 days'
        end as phrase
    from examples
    inner join signals on signals.measured_from in ('events', 'sequences')
    left join {{ ref("account_signal_metrics") }} as metrics
        on examples.account_id = metrics.account_id
        and examples.as_of_date = metrics.as_of_date
        and signals.signal = metrics.signal
),

account_signals as (
    {{ account_signal_values("examples") }}
),

final as (
    select account_id, signal, value, phrase from event_signals

    union all

    select
        account_signals.account_id,
        account_signals.signal,
        account_signals.value,
        signals.label || ' (' || account_signals.said || ')'
    from account_signals
    inner join signals on account_signals.signal = signals.signal
)

select * from final
