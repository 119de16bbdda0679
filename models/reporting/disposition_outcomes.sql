-- Grain: one row per disposition: how the accounts of which reps said so went, where the horizon has passed. It says how far the weak
-- labels can be trusted; nothing is decided by it.

with

labels as (
    select * from {{ ref("weak_labels") }}
),

counted as (
    select
        disposition,
        count(*) as answers,
        cast(sum(case when is_mature then 1 else 0 end) as bigint) as mature,
        cast(sum(case when is_won then 1 else 0 end) as bigint) as won
    from labels
    group by disposition
),

rated as (
    select
        *,
        case when mature > 0 then won / cast(mature as double) end as win_rate
    from counted
),

final as (
    select
        disposition,
        answers,
        mature,
        won,
        win_rate,
        {{ wilson_bound("win_rate", "mature", "-") }} as win_rate_low,
        {{ wilson_bound("win_rate", "mature", "+") }} as win_rate_high
    from rated
)

select * from final
