-- Grain: one row per (time window, month, kind of account, level of other activity, signal, threshold): how many accounts
-- converted, how many did not, and how many of each had shown the signal. All that lift is computed from.

with

account_days as (
    select * from {{ ref("account_days") }}
),

signals as (
    select signal from {{ ref("signals") }} where measured_from = 'events'
),

final as (
    {{ conversion_counts("account_days", "signals") }}
)

select * from final
