-- Both times of a staged fact are there, and it was not known before it happened (design section 3).
{{ config(meta={"dagster": {"ref": {"name": "events"}}}) }}

with

facts as (
    select event_id as fact_id, occurred_at, available_at from {{ ref("events") }}
    union all
    select touch_id, occurred_at, available_at from {{ ref("stg_marketing__touches") }}
),

final as (
    select *
    from facts
    where occurred_at is null or available_at is null or available_at < occurred_at
)

select * from final
