-- Grain: one row per (identifier, span of time) in which it takes no part in anything, because it does not stand for one person.
-- Spans of one identifier do not overlap.

with

lasting as (
    select * from {{ ref("lasting_cuts") }}
),

shared as (
    select * from {{ ref("shared_identifiers") }}
),

final as (
    select
        node,
        cut_from,
        {{ the_end_of_time() }} as cut_until,
        reason,
        identities,
        allowed,
        example
    from lasting

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
