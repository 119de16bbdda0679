-- Grain: one row per (account, person, signal, day it happened, day it became known). Everything later reads this table and
-- never the events again.

with

signals as (
    select * from {{ ref("account_signals") }}
),

final as (
    select
        account_id,
        person_id,
        signal,
        cast(occurred_at as date) as occurred_on,
        cast(available_at as date) as available_on,
        count(*) as events,
        sum(amount) as amount
    from signals
    group by 1, 2, 3, 4, 5
)

select * from final
