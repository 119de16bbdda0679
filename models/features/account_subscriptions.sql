-- Grain: one row per (subscription, account), since when it could be known of the account. Subscriptions of workspaces that
-- belong to no account are not here.

with

subscriptions as (
    select * from {{ ref("stg_billing__subscriptions") }}
),

reach as (
    select * from {{ ref("organisation_reach") }}
),

final as (
    select
        subscriptions.subscription_id,
        reach.target as account_id,
        subscriptions.plan,
        subscriptions.seats,
        coalesce(subscriptions.amount_monthly, 0) > 0 as is_paid,
        subscriptions.started_at,
        subscriptions.ended_at,
        greatest(subscriptions.available_at, reach.available_at) as available_at
    from subscriptions
    inner join reach on 'workspace:' || subscriptions.group_id = reach.node
)

select * from final
