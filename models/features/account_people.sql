{{ config(materialized="by_as_of_date") }}

-- Grain: one row per (account, as-of date) with somebody active in the last 90 days: who these people are, as known then. How
-- many they are is in `account_usage`.

with

active as (
    select distinct
        account_id,
        person_id
    from {{ ref("account_days") }}
    where
        person_id is not null
        and occurred_on < {{ as_of_date() }}
        and available_on < {{ as_of_date() }}
        and occurred_on >= {{ as_of_date() }} - 90
),

known_positions as (
    select * from {{ ref("person_positions") }} where available_at < {{ as_of_date() }}
),

positions as (
    {{ newest_positions("known_positions") }}
),

ranked_enrichment as (
    select
        spans.person_id,
        enrichment.match_confidence,
        row_number() over (
            partition by spans.person_id
            order by greatest(enrichment.available_at, spans.available_at) desc, enrichment.match_confidence desc
        ) as age_rank
    from {{ ref("stg_enrichment__people") }} as enrichment
    inner join {{ ref("person_spans") }} as spans
        on 'email:' || enrichment.email = spans.node
        and enrichment.available_at < spans.known_until
    where
        enrichment.match_confidence is not null
        and enrichment.available_at < {{ as_of_date() }}
        and spans.available_at < {{ as_of_date() }}
),

final as (
    select
        active.account_id,
        {{ as_of_date() }} as as_of_date,
        cast(count(distinct positions.department) as integer) as departments_90d,
        cast(count(distinct positions.job_function) as integer) as functions_90d,
        cast(sum(case when positions.seniority in ('director', 'executive') then 1 else 0 end) as integer) as decision_makers_90d,
        {{ exact_sum("enrichment.match_confidence") }} / count(enrichment.match_confidence) as enrichment_confidence
    from active
    left join positions on active.person_id = positions.person_id
    left join ranked_enrichment as enrichment on active.person_id = enrichment.person_id and enrichment.age_rank = 1
    group by active.account_id
)

select * from final
