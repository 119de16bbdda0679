-- Grain: one row per (identifier, span of time) in which it takes no part in anything, because it does not stand for one person.
-- Spans of one identifier do not overlap.

with

overused as (
    select * from {{ ref("overused_identifiers") }}
),

shared as (
    select * from {{ ref("shared_identifiers") }}
),

final as (
    select
        node,
        cut_from,
        {{ the_end_of_time() }} as cut_until,
        'too many of type ' || overused_by as reason,
        identities,
        allowed,
        example
    from overused

    union all

    select
        node,
        cut_from,
        cut_until,
        'shared by too many people',
        identities,
        allowed,
        example
    from shared
)

select * from final
