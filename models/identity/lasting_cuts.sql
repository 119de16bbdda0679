-- Grain: one row per identifier that is cut for good from a moment on: an overused one, and a shared one that stays cut because
-- somebody who shared it was forgotten (their ties are gone, and without them it would look harmless).

with

identifiers as (
    select * from {{ ref("identifiers") }}
),

kept as (
    select
        identifier_hash,
        min(kept_since) as kept_since
    from {{ source("privacy", "kept_cuts") }}
    group by identifier_hash
),

overused as (
    select * from {{ ref("overused_identifiers") }}
),

kept_identifiers as (
    select
        identifiers.node,
        kept.kept_since
    from identifiers
    inner join kept on {{ identifier_hash("identifiers.node") }} = kept.identifier_hash
),

final as (
    select
        node,
        kept_since as cut_from,
        'shared with somebody forgotten' as reason,
        cast(null as bigint) as identities,
        cast(null as integer) as allowed,
        cast(null as varchar) as example
    from kept_identifiers

    union all

    select
        overused.node,
        overused.cut_from,
        'too many of type ' || overused.overused_by,
        overused.identities,
        overused.allowed,
        overused.example
    from overused
    left join kept_identifiers on overused.node = kept_identifiers.node
    where kept_identifiers.node is null
)

select * from final
