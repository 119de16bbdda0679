-- Grain: one row per (account, signal) of which something became known since the published run, told apart by when it happened
-- and when the event itself was known: one that was known then, and is the account's only now, came with a person or organisation.

with

predictions as (
    select * from {{ source("ml", "predictions") }}
),

accounts as (
    select
        today.account_id,
        before.as_of_date as date_before,
        today.as_of_date as date_today
    from predictions as today
    inner join predictions as before on today.account_id = before.account_id and before.run_id = {{ published_run() }}
    where today.run_id = {{ running_run() }}
),

facts as (
    select
        signals.account_id,
        signals.signal,
        signals.occurred_at >= accounts.date_before as is_new,
        signal_events.available_at >= accounts.date_before as was_unknown
    from {{ ref("account_signals") }} as signals
    inner join accounts on signals.account_id = accounts.account_id
    inner join {{ ref("signal_events") }} as signal_events
        on signals.event_id = signal_events.event_id and signals.signal = signal_events.signal
    where
        signals.available_at >= accounts.date_before
        and signals.available_at < accounts.date_today
        and signals.occurred_at < accounts.date_today
),

final as (
    select
        account_id,
        signal,
        count(case when is_new then 1 end) as behaviour,
        count(case when not is_new and was_unknown then 1 end) as late,
        count(case when not is_new and not was_unknown then 1 end) as identity
    from facts
    group by account_id, signal
)

select * from final
