-- Grain: one row per (account, person) who is a member of a scored account: what part the person plays in it as of the scored date.
-- Not a prediction: shares of what the account did, and the seniority that is known. Weights: docs/plays.md.

with

scoring as (
    select as_of_date from {{ ref("as_of_dates") }} where is_scoring
),

members as (
    {{ scored_members() }}
),

person_days as (
    {{ person_days() }}
),

days as (
    select
        person_days.*,
        case when signals.category = 'collaboration' then person_days.counted_events else 0 end as reaching_events
    from person_days
    left join {{ ref("signals") }} as signals on person_days.signal = signals.signal
),

activity as (
    select
        account_id,
        person_id,
        cast(count(distinct case when age <= 28 then occurred_on end) as integer) as active_days_28d,
        cast(count(distinct occurred_on) as integer) as active_days_90d,
        sum(counted_events) as events_90d,
        sum(reaching_events) as reaching_events_90d,
        max(occurred_on) as last_active_on
    from days
    group by account_id, person_id
),

totals as (
    select
        account_id,
        sum(events_90d) as events_90d,
        sum(reaching_events_90d) as reaching_events_90d
    from activity
    group by account_id
),

known_positions as (
    select positions.*
    from {{ ref("person_positions") }} as positions
    inner join scoring on positions.available_at < scoring.as_of_date
),

positions as (
    {{ newest_positions("known_positions") }}
),

rules as (
    select
        account_id,
        person_id,
        {{ exact_sum("points") }} as points
    from {{ ref("person_rule_points") }}
    group by account_id, person_id
),

described as (
    select
        members.account_id,
        members.person_id,
        members.as_of_date,
        positions.department,
        positions.job_function,
        positions.seniority,
        coalesce(activity.active_days_28d, 0) as active_days_28d,
        coalesce(activity.active_days_90d, 0) as active_days_90d,
        activity.last_active_on,
        coalesce(activity.events_90d / cast(nullif(totals.events_90d, 0) as double), 0) as activity_share,
        coalesce(activity.reaching_events_90d / cast(nullif(totals.reaching_events_90d, 0) as double), 0) as reach_share,
        persons.email is not null and coalesce(consents.opted_out_at >= members.as_of_date, true) as can_be_contacted,
        coalesce(rules.points, 0) as rule_points
    from members
    inner join {{ ref("persons") }} as persons on members.person_id = persons.person_id
    left join activity on members.account_id = activity.account_id and members.person_id = activity.person_id
    left join totals on members.account_id = totals.account_id
    left join positions on members.person_id = positions.person_id
    left join rules on members.account_id = rules.account_id and members.person_id = rules.person_id
    left join {{ ref("person_consents") }} as consents on members.person_id = consents.person_id
),

weighed as (
    select
        *,
        100 * (
            0.5 * activity_share
            + 0.3 * reach_share
            + 0.2 * case
                when seniority in ('executive', 'director') then 1.0
                when seniority = 'manager' then 0.6
                else 0.3
            end
        ) as points
    from described
),

ranked as (
    select
        *,
        cast(row_number() over (partition by account_id order by points desc, person_id) as integer) as champion_rank,
        case
            when can_be_contacted
                then row_number() over (partition by account_id, can_be_contacted order by points desc, person_id)
        end as contact_rank
    from weighed
),

final as (
    select
        account_id,
        person_id,
        as_of_date,
        cast(round(points) as integer) as person_score,
        rule_points,
        champion_rank,
        case
            when champion_rank = 1 and active_days_90d > 0 then 'champion'
            when seniority in ('executive', 'director') then 'decision_maker'
            when job_function = 'technical' and active_days_90d > 0 then 'evaluator'
            when active_days_90d > 0 then 'user'
            else 'contact'
        end as buying_role,
        department,
        job_function,
        seniority,
        active_days_28d,
        active_days_90d,
        last_active_on,
        activity_share,
        reach_share,
        can_be_contacted,
        coalesce(contact_rank = 1, false) as is_first_contact
    from ranked
)

select * from final
