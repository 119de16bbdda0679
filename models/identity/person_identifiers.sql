-- Grain: one row per identifier of a person. Blocked identifiers are nobody's.

with

reach as (
    select * from {{ ref("person_reach") }}
),

identifiers as (
    select * from {{ ref("identifiers") }}
),

edges as (
    select left_node as node, rule, available_at from {{ ref("identity_edges") }}
    union all
    select right_node, rule, available_at from {{ ref("identity_edges") }}
),

first_edges as (
    select
        node,
        rule,
        row_number() over (partition by node order by available_at, rule) as edge_rank
    from edges
),

final as (
    select
        reach.target as person_id,
        identifiers.identifier_type,
        identifiers.identifier,
        identifiers.node,
        coalesce(first_edges.rule, 'alone') as linked_by,
        reach.available_at
    from reach
    inner join identifiers on reach.node = identifiers.node
    left join first_edges on reach.node = first_edges.node and first_edges.edge_rank = 1
)

select * from final
