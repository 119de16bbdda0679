-- Counts reconcile from signal events to signals: an event without an account is one of nobody known. So it names no
-- company, and its person is a visitor, a blocked or cut identifier or nobody at all.
{{ config(meta={"dagster": {"ref": {"name": "account_signals"}}}) }}

with

without_account as (
    select
        signal_events.event_id,
        signal_events.signal,
        signal_events.node,
        signal_events.organisation_node,
        signal_events.available_at
    from {{ ref("signal_events") }} as signal_events
    left join {{ ref("account_signals") }} as account_signals
        on signal_events.event_id = account_signals.event_id and signal_events.signal = account_signals.signal
    where account_signals.event_id is null
),

final as (
    select
        without_account.event_id,
        without_account.signal,
        without_account.node,
        without_account.organisation_node
    from without_account
    left join {{ ref("person_spans") }} as person_spans
        on without_account.node = person_spans.node
        and without_account.available_at >= person_spans.settled_from
        and without_account.available_at < person_spans.known_until
        and person_spans.is_settled
    left join {{ ref("persons") }} as persons on person_spans.person_id = persons.person_id
    where without_account.organisation_node is not null or persons.is_known
)

select * from final
