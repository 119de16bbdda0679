-- Grain: one row per identifier that names a person at some time, because it is the oldest of those known to belong together.

with

identifiers as (
    select node, first_seen_at from {{ ref("identifiers") }} where not is_blocked
),

edges as (
    select * from {{ ref("identity_edges") }}
),

oldest as (
    {{ oldest_identifiers("identifiers", "edges") }}
),

final as (
    select
        node,
        {{ stable_id("per", "node") }} as person_id,
        first_seen_at,
        age_rank
    from oldest
)

select * from final
