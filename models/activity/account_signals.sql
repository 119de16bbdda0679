{{ config(alias="signals") }}

-- Grain: one row per (event, signal, account). An event of a person who joined a company later counts for the individual
-- first and for the company from the day of joining; `available_at` says since when.

with

signal_events as (
    select * from {{ ref("signal_events") }}
),

facts as (
    select distinct event_id as fact_id, node, organisation_node, available_at
    from signal_events
),

attributed as (
    {{ attributed("facts") }}
),

final as (
    select
        signal_events.event_id,
        signal_events.signal,
        attributed.account_id,
        attributed.person_id,
        signal_events.occurred_at,
        attributed.available_at,
        signal_events.amount,
        signal_events.detail,
        signal_events.organisation_node as workspace,
        signal_events.anonymous_id,
        signal_events.country,
        signal_events.channel
    from signal_events
    inner join attributed on signal_events.event_id = attributed.fact_id
)

select * from final
