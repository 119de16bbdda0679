-- Grain: one row per (marketing touch, account), since when it could be known of the account.

with

facts as (
    select
        touch_id as fact_id,
        {{ identifier_node(["user_id", "email", "anonymous_id"]) }} as node,
        cast(null as varchar) as organisation_node,
        available_at,
        occurred_at,
        channel,
        touch_type
    from {{ ref("stg_marketing__touches") }}
),

attributed as (
    {{ attributed("facts") }}
),

final as (
    select
        attributed.fact_id as touch_id,
        attributed.account_id,
        attributed.person_id,
        facts.channel,
        facts.touch_type,
        facts.occurred_at,
        attributed.available_at
    from attributed
    inner join facts on attributed.fact_id = facts.fact_id
)

select * from final
