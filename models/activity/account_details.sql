-- Grain: one row per (account, signal, detail, day it happened, day it became known), for signals whose events tell a detail:
-- the department of an invited teammate, the type of a data source. Events without a detail are not here.

with

account_signals as (
    select * from {{ ref("account_signals") }}
),

final as (
    select
        account_id,
        signal,
        lower(detail) as detail,
        cast(occurred_at as date) as occurred_on,
        cast(available_at as date) as available_on,
        count(*) as events
    from account_signals
    where detail is not null
    group by 1, 2, 3, 4, 5
)

select * from final
