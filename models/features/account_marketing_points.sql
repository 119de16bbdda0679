-- Grain: one row per (account, as-of date) with a marketing touch that counts: its points by seeds/marketing_rules.csv, as known then. From
-- touches alone; what the account did in the product is in no way in it.

with

cohort as (
    select account_id, as_of_date from {{ ref("account_cohort") }}
),

rules as (
    select
        lower(trim(channel)) as channel,
        lower(trim(touch_type)) as touch_type,
        within_days,
        points,
        cap,
        case when channel = '*' then 0 else 2 end + case when touch_type = '*' then 0 else 1 end as nearness
    from {{ ref("marketing_rules") }}
),

touches as (
    select
        *,
        lower(trim(channel)) as channel_word,
        lower(trim(touch_type)) as type_word
    from {{ ref("account_touches") }}
),

-- The rule of each kind of touch: the one that says most about it.
kinds as (
    select distinct channel_word, type_word from touches
),

ranked_rules as (
    select
        kinds.channel_word,
        kinds.type_word,
        rules.*,
        row_number() over (partition by kinds.channel_word, kinds.type_word order by rules.nearness desc) as rule_rank
    from kinds
    inner join rules
        on (rules.channel = '*' or rules.channel = kinds.channel_word)
        and (rules.touch_type = '*' or rules.touch_type = kinds.type_word)
),

counted as (
    select
        cohort.account_id,
        cohort.as_of_date,
        rules.channel,
        rules.touch_type,
        count(*) as touches,
        least(count(*) * max(rules.points), max(rules.cap)) as points
    from cohort
    inner join touches
        on cohort.account_id = touches.account_id
        and touches.available_at < cohort.as_of_date
        and touches.occurred_at < cohort.as_of_date
    inner join ranked_rules as rules
        on touches.channel_word is not distinct from rules.channel_word
        and touches.type_word is not distinct from rules.type_word
        and rules.rule_rank = 1
        and touches.occurred_at >= cohort.as_of_date - rules.within_days
    group by cohort.account_id, cohort.as_of_date, rules.channel, rules.touch_type
),

final as (
    select
        account_id,
        as_of_date,
        cast(sum(touches) as integer) as touches,
        cast(least(round({{ exact_sum("points") }}), 100) as integer) as marketing_score
    from counted
    group by account_id, as_of_date
)

select * from final
