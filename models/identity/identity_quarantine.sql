-- Grain: one row per identifier that was refused some or all of its links, and why.

with

candidates as (
    select * from {{ ref("identity_edge_candidates") }}
),

identifiers as (
    select * from {{ ref("identifiers") }}
),

refused as (
    select
        candidates.lower_node as node,
        candidates.refused_because,
        count(*) as refused_links,
        min(candidates.higher_node) as example,
        min(candidates.available_at) as first_refused_at
    from candidates
    where candidates.refused_because is not null
    group by candidates.lower_node, candidates.refused_because
),

final as (
    select
        identifiers.identifier_type,
        identifiers.identifier,
        refused.refused_because,
        refused.refused_links,
        refused.example,
        refused.first_refused_at
    from refused
    inner join identifiers on refused.node = identifiers.node
)

select * from final
