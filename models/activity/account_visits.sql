-- Grain: one row per (account, person, workspace, device, country, channel, day it happened, day it became known): how many
-- events, and in which half hours of the day (UTC). What they meant is in `account_days`.

with

account_signals as (
    select * from {{ ref("account_signals") }}
),

signal_map as (
    select * from {{ ref("signal_map") }}
),

api_signals as (
    select signal from {{ ref("signal_roles") }} where role = 'api'
),

-- Signals that one event may have beside others. Only their events are told apart one by one: that costs more than all the rest.
signals_of_several as (
    select distinct rules.signal
    from signal_map as rules
    inner join signal_map as others
        on rules.event_type = others.event_type
        and lower(rules.event_name) = lower(others.event_name)
        and rules.signal <> others.signal
),

told as (
    select
        account_signals.*,
        cast(account_signals.occurred_at as date) as occurred_on,
        cast(account_signals.available_at as date) as available_on,
        account_signals.signal in (select api_signals.signal from api_signals) as is_api,
        account_signals.signal in (select signals_of_several.signal from signals_of_several) as may_be_several
    from account_signals
),

events as (
    select
        account_id,
        person_id,
        workspace,
        anonymous_id,
        country,
        case when is_api then 'api' else channel end as channel,
        occurred_at,
        occurred_on,
        available_on
    from told
    where not may_be_several

    union all

    select
        account_id,
        person_id,
        workspace,
        anonymous_id,
        country,
        case when bool_or(is_api) then 'api' else channel end as channel,
        occurred_at,
        occurred_on,
        available_on
    from told
    where may_be_several
    group by event_id, account_id, person_id, workspace, anonymous_id, country, channel, occurred_at, occurred_on, available_on
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
