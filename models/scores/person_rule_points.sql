-- Grain: one row per (account, person, group of rules) for members of scored accounts: the points that the person alone would earn by those
-- rules in use whose metric can be read of one person; a group without such a rule has no row. Not parts of the account's points: two
-- people of two active days each may be three days of their account.

{% set windows = [1, 7, 14, 28, 90] -%}
{% set of_role = [
    ["logins", "days_7d", "login", "active_days_7d"],
    ["invites", "sent_28d", "invite_sent", "events_28d"],
    ["invites", "sent_90d", "invite_sent", "events_90d"],
    ["external_shares", "events_28d", "external_share", "events_28d"],
    ["external_shares", "events_90d", "external_share", "events_90d"],
    ["admin", "events_28d", "admin", "events_28d"],
    ["exports", "events_28d", "export", "events_28d"],
    ["exports", "events_90d", "export", "events_90d"],
    ["pricing_visits", "events_28d", "pricing", "events_28d"],
    ["billing_visits", "events_28d", "billing", "events_28d"],
    ["security_visits", "events_28d", "security", "events_28d"],
    ["checkouts", "events_28d", "checkout_begun", "events_28d"],
    ["limit_hits", "events_28d", "limit", "events_28d"],
] -%}
{% set of_all = [
    ["activity", "active_days_7d"],
    ["activity", "active_days_28d"],
    ["activity", "active_days_90d"],
    ["activity", "events_28d"],
    ["breadth", "signals_28d"],
] -%}

with

scoring as (
    select as_of_date from {{ ref("as_of_dates") }} where is_scoring
),

signals as (
    select * from {{ ref("signals") }}
),

members as (
    {{ scored_members() }}
),

person_days as (
    {{ person_days() }}
),

by_signal as (
    select
        account_id,
        person_id,
        signal,
        {% for window in windows -%}
        sum(case when age <= {{ window }} then counted_events else 0 end) as events_{{ window }}d,
        count(distinct case when age <= {{ window }} then occurred_on end) as active_days_{{ window }}d,
        {% endfor -%}
        count(*) as person_days
    from person_days
    group by account_id, person_id, signal
),

by_role as (
    select
        person_days.account_id,
        person_days.person_id,
        roles.role,
        sum(case when person_days.age <= 28 then person_days.counted_events else 0 end) as events_28d,
        sum(person_days.counted_events) as events_90d,
        count(distinct case when person_days.age <= 7 then person_days.occurred_on end) as active_days_7d
    from person_days
    inner join {{ ref("signal_roles") }} as roles on person_days.signal = roles.signal
    group by person_days.account_id, person_days.person_id, roles.role
),

by_person as (
    select
        person_days.account_id,
        person_days.person_id,
        count(distinct case when person_days.age <= 7 then person_days.occurred_on end) as active_days_7d,
        count(distinct case when person_days.age <= 28 then person_days.occurred_on end) as active_days_28d,
        count(distinct person_days.occurred_on) as active_days_90d,
        sum(case when person_days.age <= 28 and signals.use_in_model then person_days.counted_events else 0 end) as events_28d,
        count(
            distinct case
                when person_days.age <= 28 and signals.polarity = 1 and signals.measured_from = 'events' and signals.use_in_model
                    then person_days.signal
            end
        ) as signals_28d
    from person_days
    inner join signals on person_days.signal = signals.signal
    group by person_days.account_id, person_days.person_id
),

known_positions as (
    select positions.*
    from {{ ref("person_positions") }} as positions
    inner join scoring on positions.available_at < scoring.as_of_date
),

positions as (
    {{ newest_positions("known_positions") }}
),

readings as (
    {% for window in windows -%}
    {% for measure in ["events", "active_days"] -%}
    select account_id, person_id, signal, '{{ measure }}_{{ window }}d' as metric, {{ measure }}_{{ window }}d as value from by_signal
    union all
    {% endfor -%}
    {% endfor -%}
    {% for reading in of_role -%}
    select account_id, person_id, '{{ reading[0] }}', '{{ reading[1] }}', {{ reading[3] }} from by_role where role = '{{ reading[2] }}'
    union all
    {% endfor -%}
    {% for reading in of_all -%}
    select account_id, person_id, '{{ reading[0] }}', '{{ reading[1] }}', {{ reading[1] }} from by_person
    union all
    {% endfor -%}
    select by_person.account_id, by_person.person_id, 'decision_makers', 'people_90d', 1
    from by_person
    inner join positions on by_person.person_id = positions.person_id
    where positions.seniority in ('director', 'executive')
),

personal_metrics as (
    {% for window in windows -%}
    {% for measure in ["events", "active_days"] -%}
    select signal, '{{ measure }}_{{ window }}d' as metric from signals where measured_from = 'events'
    union all
    {% endfor -%}
    {% endfor -%}
    {% for reading in of_role + of_all -%}
    select '{{ reading[0] }}', '{{ reading[1] }}'
    union all
    {% endfor -%}
    select 'decision_makers', 'people_90d'
),

rules as (
    select
        rules.rule_group,
        rules.cap,
        rules.signal,
        rules.metric,
        rules."from",
        rules.below,
        rules.points
    from {{ ref("scoring_rules") }} as rules
    inner join {{ ref("rule_presets") }} as presets on rules.preset = presets.preset and presets.in_use and presets.purpose = 'new_business'
    inner join personal_metrics on rules.signal = personal_metrics.signal and rules.metric = personal_metrics.metric
    where rules.one_of is null
),

earned as (
    select
        members.account_id,
        members.person_id,
        members.as_of_date,
        rules.rule_group,
        rules.cap,
        {{ exact_sum('''case
            when coalesce(readings.value, 0) >= coalesce(rules."from", coalesce(readings.value, 0))
                and (rules.below is null or coalesce(readings.value, 0) < rules.below)
                then rules.points
            else 0
        end''') }} as points
    from members
    cross join rules
    left join readings
        on members.account_id = readings.account_id
        and members.person_id = readings.person_id
        and rules.signal = readings.signal
        and rules.metric = readings.metric
    group by members.account_id, members.person_id, members.as_of_date, rules.rule_group, rules.cap
),

final as (
    select
        account_id,
        person_id,
        as_of_date,
        rule_group,
        case when points > greatest(cap, 0) then cap else points end as points,
        cap
    from earned
)

select * from final
