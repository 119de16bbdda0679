-- Grain: one row per (account, as-of date) with a known limit: the limits of `account_limits`, said in one row.

with

limits as (
    select
        *,
        row_number() over (partition by account_id, as_of_date order by utilisation desc nulls last, limit_name) as utilisation_rank
    from {{ ref("account_limits") }}
),

final as (
    select
        account_id,
        as_of_date,
        max(utilisation) as utilisation,
        min(days_to_limit) as days_to_limit,
        max(case when utilisation_rank = 1 then limit_name end) as limit_name,
        cast(case when max(utilisation) >= 0.8 then 1 else 0 end as integer) as is_near,
        max(case when limit_name = 'seats' then utilisation end) as seats_utilisation
    from limits
    group by account_id, as_of_date
)

select * from final
