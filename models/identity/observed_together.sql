-- Grain: one row per (observation, usable identifier), of observations that show at least two. What may tie people together, before
-- anything is cut. A pair is known once both ends are: an alias may name an id before it is ever used.

with

observed as (
    select * from {{ ref("observed_identifiers") }}
),

identifiers as (
    select * from {{ ref("identifiers") }} where not is_blocked
),

usable as (
    select
        observed.observation_id,
        observed.node,
        observed.identifier_type,
        observed.priority,
        observed.is_mentioned,
        observed.rule,
        observed.source,
        greatest(observed.available_at, identifiers.first_seen_at) as available_at,
        count(*) over (partition by observed.observation_id) as identifiers_together
    from observed
    inner join identifiers on observed.node = identifiers.node
),

final as (
    select
        observation_id,
        node,
        identifier_type,
        priority,
        is_mentioned,
        rule,
        source,
        available_at
    from usable
    where identifiers_together > 1
)

select * from final
