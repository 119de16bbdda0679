-- Grain: one row per organisation identifier: a workspace, a company's domain or a CRM account.

with

seen as (
    select 'workspace:' || group_id as node, available_at from {{ ref("identity_observations") }} where group_id is not null

    union all

    select node, available_at from {{ ref("crm_account_versions") }} where not is_deleted

    union all

    select 'domain:' || hosts.domain, observations.available_at
    from {{ ref("identity_observations") }} as observations
    inner join {{ ref("email_hosts") }} as hosts on {{ host_of("observations.email") }} = hosts.host
    where hosts.kind = 'corporate'

    union all

    -- Whom a provider is sure of, as membership_evidence asks, works at a company even where nobody has its address.
    select 'domain:' || hosts.domain, people.available_at
    from {{ ref("stg_enrichment__people") }} as people
    inner join {{ ref("email_hosts") }} as hosts on people.company_host = hosts.host
    where hosts.kind = 'corporate' and people.match_confidence >= 0.9

    union all

    select claimed, seen_at from {{ ref("organisation_claim_candidates") }} where seen_at is not null

    union all

    select claimant, seen_at from {{ ref("organisation_claim_candidates") }} where seen_at is not null
),

final as (
    select
        node,
        split_part(node, ':', 1) as identifier_type,
        substr(node, length(split_part(node, ':', 1)) + 2) as identifier,
        min(available_at) as first_seen_at
    from seen
    group by node
)

select * from final
