-- Grain: one row per (identifier, time span): the company that a fact with this identifier belongs to when it becomes known
-- within the span. Facts from before the first evidence wait for it (`available_at`); facts already counted stay where they
-- are when a person changes company.

with

reach as (
    select * from {{ ref("membership_reach") }}
),

rules as (
    select * from {{ ref("membership_rules") }}
),

evidence as (
    select
        reach.node,
        rules.rule,
        rules.priority,
        rules.confidence,
        substr(reach.target, length(rules.rule) + 2) as organisation_node,
        reach.available_at
    from reach
    inner join rules on split_part(reach.target, '|', 1) = rules.rule
),

moments as (
    select distinct node, available_at from evidence
),

choices as (
    select
        moments.node,
        moments.available_at as decided_at,
        evidence.rule,
        evidence.confidence,
        evidence.organisation_node,
        row_number() over (
            partition by moments.node, moments.available_at
            order by evidence.priority, evidence.available_at desc, evidence.organisation_node
        ) as choice
    from moments
    inner join evidence on moments.node = evidence.node and moments.available_at >= evidence.available_at
),

changes as (
    select
        *,
        lag(organisation_node) over (partition by node order by decided_at) as organisation_node_before
    from choices
    where choice = 1
),

spans as (
    select
        node,
        rule,
        confidence,
        organisation_node,
        decided_at,
        lead(decided_at) over (partition by node order by decided_at) as decided_until,
        row_number() over (partition by node order by decided_at) as span_number
    from changes
    where organisation_node_before is null or organisation_node_before <> organisation_node
),

final as (
    select
        spans.node,
        case when spans.span_number = 1 then cast('0001-01-01' as timestamp) else spans.decided_at end as known_from,
        coalesce(spans.decided_until, cast('9999-12-31' as timestamp)) as known_until,
        spans.rule as matched_by,
        spans.confidence,
        spans.organisation_node,
        organisation_reach.target as account_id,
        spans.decided_at,
        greatest(spans.decided_at, organisation_reach.available_at) as available_at,
        spans.span_number
    from spans
    inner join {{ ref("organisation_reach") }} as organisation_reach on spans.organisation_node = organisation_reach.node
)

select * from final
