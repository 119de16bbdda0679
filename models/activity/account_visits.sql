-- Grain: one row per (account, person, workspace, device, country, channel, day it happened, day it became known): how many
-- events, and in which half hours of the day (UTC). What they meant is in `account_days`.

with

account_signals as (
    select * from {{ ref("account_signals") }}
),

api_signals as (
    select signal from {{ ref("signal_roles") }} where role = 'api'
),

-- An event of several signals is one event.
events as (
    select
        account_signals.account_id,
        account_signals.person_id,
        account_signals.workspace,
        account_signals.anonymous_id,
        account_signals.country,
        case when count(api_signals.signal) > 0 then 'api' else account_signals.channel end as channel,
        account_signals.occurred_at,
        cast(account_signals.occurred_at as date) as occurred_on,
        cast(account_signals.available_at as date) as available_on
    from account_signals
    left join api_signals on account_signals.signal = api_signals.signal
    group by
        account_signals.event_id, account_signals.account_id, account_signals.person_id, account_signals.workspace,
        account_signals.anonymous_id, account_signals.country, account_signals.channel, account_signals.occurred_at,
        account_signals.available_at
),

final as (
    select
        account_id,
        person_id,
        workspace,
        anonymous_id,
        country,
        channel,
        occurred_on,
        available_on,
        count(*) as events,
        {{ half_hour_mask("occurred_at") }} as half_hours
    from events
    group by account_id, person_id, workspace, anonymous_id, country, channel, occurred_on, available_on
)

select * from final
