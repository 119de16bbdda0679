-- Grain: one row per (identifier of a person, organisation identifier, rule): a reason to count this person to that company.

with

observations as (
    select * from {{ ref("identity_observations") }}
),

identifiers as (
    select * from {{ ref("identifiers") }} where not is_blocked
),

corporate_hosts as (
    select * from {{ ref("email_hosts") }} where kind = 'corporate'
),

observed as (
    select
        case
            when user_id is not null then 'user_id:' || user_id
            when anonymous_id is not null then 'anonymous_id:' || anonymous_id
            else 'email:' || email
        end as node,
        email,
        group_id,
        available_at
    from observations
),

evidence as (
    select node, 'workspace' as rule, 'workspace:' || group_id as organisation_node, available_at
    from observed
    where group_id is not null

    union all

    select observed.node, 'corporate_domain', 'domain:' || corporate_hosts.domain, observed.available_at
    from observed
    inner join corporate_hosts on {{ host_of("observed.email") }} = corporate_hosts.host

    union all

    select 'crm_contact_id:' || contacts.crm_contact_id, 'crm_contact', 'crm_account:' || contacts.crm_account_id, contacts.available_at
    from {{ ref("stg_salesforce__contacts") }} as contacts
    where contacts.crm_account_id is not null

    union all

    select 'email:' || people.email, 'enrichment', 'domain:' || corporate_hosts.domain, people.available_at
    from {{ ref("stg_enrichment__people") }} as people
    inner join corporate_hosts on people.company_host = corporate_hosts.host
    where people.match_confidence >= 0.9

    union all

    -- An override is a decision about the whole history: known from the beginning.
    select
        identifier_type || ':' || identifier, 'override', other_type || ':' || other_identifier,
        cast('1970-01-01' as timestamp)
    from {{ ref("identity_overrides") }}
),

final as (
    select
        evidence.node,
        evidence.rule,
        evidence.organisation_node,
        greatest(min(evidence.available_at), min(identifiers.first_seen_at), min(organisations.first_seen_at)) as available_at
    from evidence
    inner join identifiers on evidence.node = identifiers.node
    inner join {{ ref("organisation_identifiers") }} as organisations on evidence.organisation_node = organisations.node
    group by evidence.node, evidence.rule, evidence.organisation_node
)

select * from final
