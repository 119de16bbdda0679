-- Grain: one row per (dimension, member): how many of the accounts that reps spoke of were good leads, in all, by grade, play and owner. Of
-- each account and play the newest answer counts. Answers are no outcomes, and no label is made of them.

with

dispositions as (
    select * from {{ ref("account_dispositions") }}
),

ranked as (
    select
        *,
        row_number() over (partition by account_id, play order by said_at desc, disposition_id) as age_rank
    from dispositions
),

answers as (
    select 'all' as dimension, 'all' as member, disposition, reason from ranked where age_rank = 1
    union all
    select 'grade', grade, disposition, reason from ranked where age_rank = 1 and grade is not null
    union all
    select 'play', play, disposition, reason from ranked where age_rank = 1 and play is not null
    union all
    select 'owner', owner, disposition, reason from ranked where age_rank = 1 and owner is not null
),

counted as (
    select
        dimension,
        member,
        count(*) as answers,
        cast(sum(case when disposition = 'good_lead' then 1 else 0 end) as bigint) as accepted,
        cast(sum(case when disposition = 'not_ready' then 1 else 0 end) as bigint) as not_ready
    from answers
    group by dimension, member
),

rated as (
    select *, accepted / cast(answers as double) as acceptance_rate from counted
),

refusals as (
    select
        dimension,
        member,
        coalesce(nullif(trim(reason), ''), replace(disposition, '_', ' ')) as given_reason,
        count(*) as times
    from answers
    where disposition <> 'good_lead'
    group by dimension, member, given_reason
),

ranked_refusals as (
    select
        *,
        row_number() over (partition by dimension, member order by times desc, given_reason) as reason_rank
    from refusals
),

final as (
    select
        rated.dimension,
        rated.member,
        rated.answers,
        rated.accepted,
        rated.not_ready,
        rated.acceptance_rate,
        {{ wilson_bound("rated.acceptance_rate", "rated.answers", "-") }} as acceptance_low,
        {{ wilson_bound("rated.acceptance_rate", "rated.answers", "+") }} as acceptance_high,
        ranked_refusals.given_reason as most_given_reason
    from rated
    left join ranked_refusals
        on rated.dimension = ranked_refusals.dimension
        and rated.member = ranked_refusals.member
        and ranked_refusals.reason_rank = 1
)

select * from final
