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

-- What was counted before a cut is settled by it: people who turn out to be one later take along only what came after.
numbered as (
    select
        *,
        lag(known_until) over (partition by node order by available_at) as known_until_before,
        coalesce(sum(case when is_cut_short then 1 else 0 end) over (
            partition by node
            order by available_at
            rows between unbounded preceding and 1 preceding
        ), 0) as cuts_before
    from held
),

final as (
    select
        numbered.node,
        anchors.person_id,
        coalesce(numbered.known_until_before, {{ the_beginning_of_time() }}) as known_from,
        numbered.known_until,
        numbered.available_at,
        min(coalesce(numbered.known_until_before, {{ the_beginning_of_time() }})) over (
            partition by numbered.node, numbered.cuts_before
        ) as settled_from,
        numbered.is_cut_short or numbered.known_until = {{ the_end_of_time() }} as is_settled,
        numbered.known_until = {{ the_end_of_time() }} as is_last
    from numbered
    inner join anchors on numbered.oldest_node = anchors.node
)

select * from final
