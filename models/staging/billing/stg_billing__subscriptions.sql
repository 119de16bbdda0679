-- Grain: one row per subscription, from the billing system and from imported files. Known from its start on.

with

synced as (
    {{ source_columns("billing", "subscriptions", [
        ["id", "varchar"], ["workspace_id", "varchar"], ["plan", "varchar"], ["seats", "bigint"], ["amount_monthly", "double"],
        ["started_at", "timestamp"], ["ended_at", "timestamp"],
    ]) }}
),

imported as (
    {{ source_columns("backend", "subscriptions", [
        ["source", "varchar"], ["subscription_id", "varchar"], ["_row_key", "varchar"], ["group_id", "varchar"], ["plan", "varchar"],
        ["seats", "bigint"], ["amount_monthly", "double"], ["started_at", "timestamp"], ["ended_at", "timestamp"],
        ["available_at", "timestamp"],
    ]) }}
),

final as (
    select
        'billing:' || id as subscription_id,
        workspace_id as group_id,
        plan,
        seats,
        amount_monthly,
        started_at,
        ended_at,
        started_at as available_at
    from synced

    union all

    select
        'backend:' || source || ':' || coalesce(subscription_id, _row_key),
        group_id,
        plan,
        seats,
        amount_monthly,
        started_at,
        ended_at,
        available_at
    from imported
)

select * from final
