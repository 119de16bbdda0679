-- Grain: one row per (identifier, reason) that was refused some or all of its ties: how many, and an example of what it would have
-- tied together. An identifier that was cut and is not any more has the moment at which that ended. Identifiers of companies are
-- here for the claims on them that were refused.

with

identifiers as (
    select * from {{ ref("identifiers") }}
),

observed as (
    select * from {{ ref("observed_identifiers") }}
),

refused as (
    select
        node,
        blocked_because as refused_because,
        cast(null as bigint) as identities,
        cast(null as integer) as allowed,
        cast(null as varchar) as example,
        first_seen_at as first_refused_at,
        {{ the_end_of_time() }} as refused_until
    from identifiers
    where is_blocked

    union all

    select
        node,
        reason,
        max(identities),
        max(allowed),
        min(example),
        min(cut_from),
        max(cut_until)
    from {{ ref("identifier_cuts") }}
    group by node, reason
),

seen_with as (
    select
        refused.node,
        refused.refused_because,
        count(distinct others.node) as refused_links,
        min(others.node) as example
    from refused
    inner join observed on refused.node = observed.node
    inner join observed as others on observed.observation_id = others.observation_id and observed.node <> others.node
    group by refused.node, refused.refused_because
),

refused_claims as (
    select
        claimed as node,
        refused_because,
        count(distinct claimant) as refused_links,
        min(claimant) as example,
        min(available_at) as first_refused_at
    from {{ ref("organisation_claims") }}
    where refused_because is not null
    group by claimed, refused_because
),

final as (
    select
        identifiers.identifier_type,
        identifiers.identifier,
        refused.refused_because,
        coalesce(seen_with.refused_links, 0) as refused_links,
        refused.identities,
        refused.allowed,
        coalesce(refused.example, seen_with.example) as example,
        refused.first_refused_at,
        refused.refused_until
    from refused
    inner join identifiers on refused.node = identifiers.node
    left join seen_with on refused.node = seen_with.node and refused.refused_because = seen_with.refused_because

    union all

    select
        split_part(node, ':', 1),
        substr(node, length(split_part(node, ':', 1)) + 2),
        refused_because,
        refused_links,
        null,
        null,
        example,
        first_refused_at,
        {{ the_end_of_time() }}
    from refused_claims
)

select * from final
