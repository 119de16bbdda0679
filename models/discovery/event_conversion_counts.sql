-- Grain: one row per (time window, month, kind of account, level of other activity, event name, threshold): `conversion_counts`,
-- of what events are called rather than of what they mean. Not here: names that few accounts send, where a source sends very
-- many names; of those nothing could be shown.

with

event_days as (
    select
        account_id,
        event as signal,
        occurred_on,
        available_on,
        events as counted_events
    from {{ ref("event_days") }}
),

ranked_names as (
    select event as signal, row_number() over (order by accounts desc, event) as place
    from {{ ref("event_names") }}
),

event_names as (
    select signal from ranked_names where place <= 300
),

final as (
    {{ conversion_counts("event_days", "event_names") }}
)

select * from final
