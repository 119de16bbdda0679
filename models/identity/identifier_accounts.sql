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
        reach.available_at,
        reach.known_until
    from reach
    inner join rules on split_part(reach.target, '|', 1) = rules.rule
),

moments as (
    select node, available_at as decided_at from evidence
    union
    select node, known_until from evidence where known_until < {{ the_end_of_time() }}
),

-- What was known at each moment. Evidence that came by several ways counts from the first that still holds.
known as (
    select
        moments.node,
        moments.decided_at,
        evidence.rule,
        evidence.priority,
        evidence.confidence,
        evidence.organisation_node,
        min(evidence.available_at) as available_at
    from moments
    left join evidence
        on moments.node = evidence.node
        and moments.decided_at >= evidence.available_at
        and moments.decided_at < evidence.known_until
    group by
        moments.node, moments.decided_at, evidence.rule, evidence.priority, evidence.confidence, evidence.organisation_node
),

choices as (
    select
        *,
        row_number() over (
            partition by node, decided_at
            order by priority, available_at desc, organisation_node
        ) as choice
    from known
),

changes as (
    select
        *,
        lag(organisation_node) over (partition by node order by decided_at) as organisation_node_before
    from choices
    where choice = 1
),

-- Where the last evidence has ended, the span without an organisation ends the one before it.
decisions as (
    select
        node,
        rule,
        confidence,
        organisation_node,
        decided_at,
        coalesce(lead(decided_at) over (partition by node order by decided_at), {{ the_end_of_time() }}) as decided_until
    from changes
    where organisation_node is distinct from organisation_node_before
),

spans as (
    select
        *,
        lag(decided_until) over (partition by node order by decided_at) as decided_until_before,
        row_number() over (partition by node order by decided_at) as span_number
    from decisions
    where organisation_node is not null
),

final as (
    select
        spans.node,
        coalesce(spans.decided_until_before, {{ the_beginning_of_time() }}) as known_from,
        spans.decided_until as known_until,
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
