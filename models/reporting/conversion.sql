-- Grain: one row per kind of account. Engaged accounts used the product at all, and before they bought if they bought.

with

journeys as (
    select * from {{ ref("account_journeys") }}
    where first_active_on is not null and (first_won_on is null or first_active_on <= first_won_on)
),

final as (
    select
        kind,
        count(*) as engaged_accounts,
        count(first_won_on) as won_accounts,
        count(first_won_on) / cast(count(*) as double) as conversion_rate,
        avg(first_active_on - signed_up_on) as mean_days_to_first_use,
        avg(first_won_on - first_active_on) as mean_days_from_first_use_to_won
    from journeys
    group by kind
)

select * from final
