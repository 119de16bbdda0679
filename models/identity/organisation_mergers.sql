-- Grain: one row per (owner, owner that it is one company with), with since when: by a merger in the CRM, by the synchronisation of
-- two CRMs, or by a decision.
-- An owner is one with itself.
{{ config(materialized="earliest_reach") }}

with

owners as (
    select * from {{ ref("organisation_owners") }}
),

mergers as (
    select
        left_owners.owner as left_node,
        right_owners.owner as right_node,
        claims.available_at
    from {{ ref("organisation_claim_candidates") }} as claims
    inner join owners as left_owners on claims.claimed = left_owners.node
    inner join owners as right_owners on claims.claimant = right_owners.node
    where
        claims.refused_because is null
        and claims.rule in {{ owner_joining_rules() }}
        and left_owners.owner <> right_owners.owner
),

final as (
    select 'edge' as kind, left_node, right_node, available_at, {{ the_end_of_time() }} as known_until from mergers
    union all
    select 'source', left_node, left_node, cast('1970-01-01' as timestamp), {{ the_end_of_time() }} from mergers
    union all
    select 'source', right_node, right_node, cast('1970-01-01' as timestamp), {{ the_end_of_time() }} from mergers
)

select * from final
