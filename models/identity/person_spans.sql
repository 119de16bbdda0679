-- Grain: one row per (identifier, time span): the person that a fact with this identifier belongs to when it becomes known
-- within the span. People who turn out to be one are one from the day on which that was known, and two before it. Facts that
-- become known while the identifier is nobody's wait for its next person.

with

reach as (
    select * from {{ ref("person_reach") }}
),

anchors as (
    select * from {{ ref("person_anchors") }}
),

held as (
    {{ spans_of_the_oldest("reach", "anchors") }}
),

compared as (
    select
        *,
        lag(known_until) over (partition by node order by available_at) as known_until_before,
        lead(available_at) over (partition by node order by available_at) as available_at_next
    from held
),

-- A stretch lasts until the identifier itself is cut. What became known in it belongs to the person that it ends with, under
-- whatever name: people who turn out to be one, or who lose the identifier that named them, take their history along.
numbered as (
    select
        *,
        sum(case when known_until_before = available_at then 0 else 1 end) over (
            partition by node
            order by available_at
            rows between unbounded preceding and current row
        ) as stretch
    from compared
),

final as (
    select
        numbered.node,
        anchors.person_id,
        coalesce(numbered.known_until_before, {{ the_beginning_of_time() }}) as known_from,
        numbered.known_until,
        numbered.available_at,
        min(coalesce(numbered.known_until_before, {{ the_beginning_of_time() }})) over (
            partition by numbered.node, numbered.stretch
        ) as settled_from,
        min(numbered.available_at) over (
            partition by numbered.node, numbered.stretch, numbered.oldest_node
        ) as settled_since,
        numbered.available_at_next is null or numbered.available_at_next > numbered.known_until as is_settled,
        numbered.known_until = {{ the_end_of_time() }} as is_last
    from numbered
    inner join anchors on numbered.oldest_node = anchors.node
)

select * from final
