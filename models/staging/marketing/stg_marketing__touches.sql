-- Grain: one row per marketing touch, from the marketing tool and from imported files.

with

synced as (
    {{ source_columns("marketing", "touches", [
        ["id", "varchar"], ["email", "varchar"], ["anonymous_id", "varchar"], ["channel", "varchar"], ["campaign", "varchar"],
        ["touch_type", "varchar"], ["occurred_at", "timestamp"], ["received_at", "timestamp"],
    ]) }}
),

imported as (
    {{ source_columns("backend", "touches", [
        ["source", "varchar"], ["touch_id", "varchar"], ["_row_key", "varchar"], ["email", "varchar"], ["user_id", "varchar"],
        ["anonymous_id", "varchar"], ["channel", "varchar"], ["campaign", "varchar"], ["touch_type", "varchar"],
        ["occurred_at", "timestamp"], ["available_at", "timestamp"],
    ]) }}
),

unioned as (
    select
        'marketing:' || id as touch_id, cast(null as varchar) as user_id, anonymous_id, lower(trim(email)) as email,
        channel, campaign, touch_type, least(occurred_at, received_at) as occurred_at, received_at as available_at
    from synced

    union all

    select
        'backend:' || source || ':' || coalesce(touch_id, _row_key), user_id, anonymous_id, lower(trim(email)),
        channel, campaign, touch_type, least(occurred_at, available_at), available_at
    from imported
),

numbered as (
    select
        *,
        row_number() over (partition by touch_id order by available_at, occurred_at) as delivery
    from unioned
),

final as (
    select
        touch_id,
        user_id,
        anonymous_id,
        email,
        channel,
        campaign,
        touch_type,
        occurred_at,
        available_at
    from numbered
    where delivery = 1
)

select * from final
