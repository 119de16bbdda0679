-- Grain: one row per pair of organisation identifiers (workspace, domain, CRM account) that mean one company: the accepted
-- claims, from the moment on at which both identifiers had been seen.

with

claims as (
    select * from {{ ref("organisation_claims") }} where refused_because is null
),

identifiers as (
    select * from {{ ref("organisation_identifiers") }}
),

final as (
    select
        claims.claimed as left_node,
        claims.claimant as right_node,
        claims.rule,
        greatest(claims.available_at, claimed.first_seen_at, claimants.first_seen_at) as available_at
    from claims
    inner join identifiers as claimed on claims.claimed = claimed.node
    inner join identifiers as claimants on claims.claimant = claimants.node
)

select * from final
