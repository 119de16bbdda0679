-- Grain: one row per accepted pair of identifiers. First come, first served: a link once made is never unmade by a later
-- record, so a metric as of any past date reads the same today (docs/decisions/0004-links-are-never-unmade.md).

with

candidates as (
    select * from {{ ref("identity_edge_candidates") }}
),

final as (
    select
        lower_node as left_node,
        higher_node as right_node,
        rule,
        available_at
    from candidates
    where refused_because is null
)

select * from final
