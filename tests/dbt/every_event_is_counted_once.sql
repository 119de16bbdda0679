-- Counts reconcile from staging to events, and from signals to account days. That an event is there once is the grain of
-- `events`, tested there.
{{ config(meta={"dagster": {"ref": {"name": "account_days"}}}) }}

with

staged as (
    {% for model in event_models() -%}
    select count(*) as staged_events from {{ ref(model) }}
    {{ "union all" if not loop.last }}
    {% endfor %}
),

final as (
    select
        'staging to events' as step,
        (select sum(staged_events) from staged) as facts_before,
        (select count(*) from {{ ref("events") }}) as facts_after

    union all

    select
        'signals to account days',
        (select count(*) from {{ ref("account_signals") }}),
        (select coalesce(sum(events), 0) from {{ ref("account_days") }})
)

select * from final where facts_before <> facts_after
