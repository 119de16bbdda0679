-- Grain: one row per pair of organisation identifiers that something says are one company, whether or not the rules accept it.
-- A refused claim stays here and in the quarantine. Whether it is refused rests on earlier claims alone; a claim between two
-- CRM accounts that were merged later is accepted from that day on.

with

claims as (
    select * from {{ ref("organisation_claim_candidates") }}
),

owners as (
    select * from {{ ref("organisation_owners") }}
),

owned as (
    select
        claims.claimed,
        claims.claimant,
        claims.rule,
        claims.priority,
        claims.available_at,
        claims.refused_because,
        claimed_owners.owner <> claimant_owners.owner and claims.rule not in {{ owner_joining_rules() }} as joins_owners,
        claimed_owners.owner like 'crm_account:%' and claimant_owners.owner like 'crm_account:%' as is_between_crm_accounts,
        mergers.available_at as merged_at
    from claims
    left join owners as claimed_owners on claims.claimed = claimed_owners.node
    left join owners as claimant_owners on claims.claimant = claimant_owners.node
    left join {{ ref("organisation_mergers") }} as mergers
        on claimed_owners.owner = mergers.node and claimant_owners.owner = mergers.target
),

final as (
    select
        claimed,
        claimant,
        rule,
        priority,
        case when joins_owners and merged_at > available_at then merged_at else available_at end as available_at,
        case
            when refused_because is not null then refused_because
            when joins_owners and merged_at is null and is_between_crm_accounts then 'would join two CRM accounts'
            when joins_owners and merged_at is null then 'kept apart by an override'
        end as refused_because
    from owned
)

select * from final
