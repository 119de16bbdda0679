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

rules as (
    select * from {{ ref("membership_rules") }}
),

mappings as (
    select
        group_id,
        min(available_at) as available_at
    from {{ ref("crm_account_versions") }}
    where group_id is not null and crm_account_id is not null and not is_deleted
    group by group_id
),

verified_domains as (
    select
        domain,
        min(available_at) as available_at
    from {{ ref("organisation_verified_domains") }}
    group by domain
),

overrides as (
    select
        overrides.identifier_type || ':' || {{ normalised_identifier("overrides.identifier", "person_rules.normalisation") }} as node,
        overrides.other_type || ':' || {{ organisation_identifier("overrides.other_type", "overrides.other_identifier") }}
            as organisation_node
    from {{ ref("identity_overrides") }} as overrides
    inner join {{ ref("identity_rules") }} as person_rules on overrides.identifier_type = person_rules.identifier_type
    where
        overrides.other_type in ('workspace', 'domain', 'crm_account')
        and coalesce(nullif(trim(overrides.decision), ''), 'join') = 'join'
),

-- The strongest identifier of the record that stands for somebody: a blocked user id leaves the address to speak.
observed as (
    select
        coalesce(users.node, devices.node, addresses.node) as node,
        observations.email,
        observations.group_id,
        observations.available_at
    from observations
    left join identifiers as users on 'user_id:' || observations.user_id = users.node
    left join identifiers as devices on 'anonymous_id:' || observations.anonymous_id = devices.node
    left join identifiers as addresses on 'email:' || observations.email = addresses.node
),

at_domains as (
    select
        observed.node,
        corporate_hosts.domain,
        observed.available_at
    from observed
    inner join corporate_hosts on {{ host_of("observed.email") }} = corporate_hosts.host
),

own_evidence as (
    -- An override is a decision about the whole history: known from the beginning.
    select node, 'override' as rule, organisation_node, cast('1970-01-01' as timestamp) as available_at
    from overrides

    union all

    select observed.node, 'crm_workspace', 'workspace:' || observed.group_id, greatest(observed.available_at, mappings.available_at)
    from observed
    inner join mappings on observed.group_id = mappings.group_id

    union all

    select
        at_domains.node, 'verified_domain', 'domain:' || at_domains.domain,
        greatest(at_domains.available_at, verified_domains.available_at)
    from at_domains
    inner join verified_domains on at_domains.domain = verified_domains.domain

    union all

    select 'crm_contact_id:' || contacts.crm_contact_id, 'crm_contact', 'crm_account:' || contacts.crm_account_id, contacts.available_at
    from {{ crm_records("contacts") }} as contacts
    where contacts.crm_account_id is not null

    union all

    select node, 'workspace', 'workspace:' || group_id, available_at
    from observed
    where group_id is not null

    union all

    select node, 'corporate_domain', 'domain:' || domain, available_at
    from at_domains

    union all

    select 'email:' || {{ normalised("email", "people.email") }}, 'enrichment', 'domain:' || corporate_hosts.domain, people.available_at
    from {{ ref("stg_enrichment__people") }} as people
    inner join corporate_hosts on people.company_host = corporate_hosts.host
    where people.match_confidence >= 0.9
),

invitations as (
    select
        events.event_id,
        coalesce(
            'user_id:' || {{ normalised("user_id", "events.user_id") }},
            'anonymous_id:' || {{ normalised("anonymous_id", "events.anonymous_id") }}
        ) as inviter_node,
        nullif(trim(events.group_id), '') as group_id,
        {{ normalised("email", json_text("events.properties", "names.property")) }} as invitee,
        events.available_at
    from {{ ref("source_events") }} as events
    inner join {{ ref("invitation_properties") }} as names on lower(events.event_name) = lower(names.event_name)
),

inviters_evidence as (
    select
        invitations.event_id,
        own_evidence.organisation_node,
        row_number() over (
            partition by invitations.event_id
            order by rules.priority, own_evidence.available_at desc, own_evidence.organisation_node
        ) as choice
    from invitations
    inner join own_evidence
        on invitations.inviter_node = own_evidence.node and invitations.available_at >= own_evidence.available_at
    inner join rules on own_evidence.rule = rules.rule
    where invitations.group_id is null and invitations.invitee is not null
),

-- The invited person counts to the workspace of the invitation, or else to the company that the inviter was known to be at.
invited as (
    select
        'email:' || invitations.invitee as node,
        coalesce('workspace:' || invitations.group_id, inviters_evidence.organisation_node) as organisation_node,
        invitations.available_at
    from invitations
    left join inviters_evidence on invitations.event_id = inviters_evidence.event_id and inviters_evidence.choice = 1
    where invitations.invitee is not null
),

evidence as (
    select * from own_evidence

    union all

    select node, 'inviter', organisation_node, available_at
    from invited
    where organisation_node is not null
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
