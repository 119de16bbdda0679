-- Grain: one row per organisation identifier that ends with an owner: the CRM account that its first claims lead to. Claims are
-- taken in order, and none joins two owners (docs/decisions/0004-links-are-never-unmade.md). Not here: mergers of owners.
{{ config(materialized="first_come_owners") }}

with

claims as (
    select * from {{ ref("organisation_claim_candidates") }} where refused_because is null
),

final as (
    select 'claim' as kind, claimed as left_node, claimant as right_node, claim_rank from claims

    union all

    select 'owner', node, node, cast(null as bigint)
    from {{ ref("crm_account_versions") }}
    where crm_account_id is not null

    union all

    select 'owner', claimed, claimed, null from claims where claimed like 'crm_account:%'

    union all

    select 'owner', claimant, claimant, null from claims where claimant like 'crm_account:%'

    union all

    select 'owner', set_apart_node, set_apart_node, null
    from {{ ref("organisation_decisions") }}
    where set_apart_node is not null
)

select * from final
