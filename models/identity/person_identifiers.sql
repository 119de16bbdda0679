-- Grain: one row per identifier of a person. Blocked identifiers, and those that are cut today, are nobody's.

with

spans as (
    select * from {{ ref("person_spans") }} where is_last
),

identifiers as (
    select * from {{ ref("identifiers") }}
),

edges as (
    select left_node as node, rule, available_at from {{ ref("identity_edges") }} where known_until = {{ the_end_of_time() }}
    union all
    select right_node, rule, available_at from {{ ref("identity_edges") }} where known_until = {{ the_end_of_time() }}
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
        spans.person_id,
        identifiers.identifier_type,
        identifiers.identifier,
        identifiers.node,
        coalesce(first_edges.rule, 'alone') as linked_by,
        spans.settled_since as available_at
    from spans
    inner join identifiers on spans.node = identifiers.node
    left join first_edges on spans.node = first_edges.node and first_edges.edge_rank = 1
)

select * from final
