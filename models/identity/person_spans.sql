-- Grain: one row per (identifier, time span): the person that a fact with this identifier belongs to when it becomes known
-- within the span. People who turn out to be one are one from the day on which that was known, and two before it.

with

anchors as (
    select * from {{ ref("person_anchors") }}
),

reach as (
    select
        person_reach.node,
        person_reach.target as person_id,
        person_reach.available_at,
        anchors.age_rank
    from {{ ref("person_reach") }} as person_reach
    inner join anchors on person_reach.target = anchors.person_id
),

ranked as (
    select
        *,
        min(age_rank) over (
            partition by node
            order by available_at, age_rank
            rows between unbounded preceding and current row
        ) as oldest_so_far,
        row_number() over (partition by node, available_at order by age_rank) as rank_at_the_time
    from reach
),

-- Only an identifier older than all before changes the person.
changes as (
    select node, person_id, available_at, age_rank
    from ranked
    where age_rank = oldest_so_far and rank_at_the_time = 1
),

spans as (
    select
        *,
        lag(available_at) over (partition by node order by available_at) as available_at_before,
        lead(available_at) over (partition by node order by available_at) as available_at_next
    from changes
),

final as (
    select
        node,
        person_id,
        case when available_at_before is null then cast('0001-01-01' as timestamp) else available_at end as known_from,
        coalesce(available_at_next, cast('9999-12-31' as timestamp)) as known_until,
        available_at,
        available_at_next is null as is_last
    from spans
)

select * from final
