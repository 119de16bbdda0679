-- Grain: one row per identifier that names a person at some time, because it is the oldest of those known to belong together.
-- Left out is what was tied to an older identifier from the first moment on: it never was the oldest.

with

identifiers as (
    select * from {{ ref("identifiers") }} where not is_blocked
),

edges as (
    select left_node as node, right_node as other_node, available_at from {{ ref("identity_edges") }}
    union all
    select right_node, left_node, available_at from {{ ref("identity_edges") }}
),

tied_from_the_start as (
    select distinct identifiers.node
    from identifiers
    inner join edges on identifiers.node = edges.node and edges.available_at <= identifiers.first_seen_at
    inner join identifiers as others on edges.other_node = others.node
    where
        others.first_seen_at < identifiers.first_seen_at
        or (others.first_seen_at = identifiers.first_seen_at and others.node < identifiers.node)
),

final as (
    select
        identifiers.node,
        {{ stable_id("per", "identifiers.node") }} as person_id,
        identifiers.first_seen_at,
        row_number() over (order by identifiers.first_seen_at, identifiers.node) as age_rank
    from identifiers
    left join tied_from_the_start on identifiers.node = tied_from_the_start.node
    where tied_from_the_start.node is null
)

select * from final
