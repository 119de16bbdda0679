-- Grain: one row per person: the oldest identifier, which gives the person its id.

with

members as (
    select
        components.component,
        identifiers.node,
        identifiers.first_seen_at,
        row_number() over (partition by components.component order by identifiers.first_seen_at, identifiers.node) as age_rank
    from {{ ref("person_components") }} as components
    inner join {{ ref("identifiers") }} as identifiers on components.node = identifiers.node
),

final as (
    select
        component,
        node,
        {{ stable_id("per", "node") }} as person_id,
        first_seen_at
    from members
    where age_rank = 1
)

select * from final
