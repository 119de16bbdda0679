-- Grain: one row per pair of organisation identifiers that something says are one company: the first that said it. What can be
-- refused by looking at the claims alone is refused here; whether a claim would join two owners is found next
-- (`organisation_owners`), and `organisation_claims` shows both.

{%- set rules = [
    "override", "crm_merge", "crm_sync", "crm_workspace", "verified_domain", "website", "workspace_domain", "two_contacts",
    "workspace_majority", "two_witnesses",
] %}

with

versions as (
    select * from {{ ref("crm_account_versions") }}
),

hosts as (
    select * from {{ ref("email_hosts") }} where kind = 'corporate'
),

observations as (
    select * from {{ ref("identity_observations") }}
),

decisions as (
    select * from {{ ref("organisation_decisions") }}
),

majorities as (
    select * from {{ ref("organisation_majorities") }}
),

-- A record that is not there ties nothing: whoever loads HubSpot alone has its ids alone.
synced as (
    select
        versions.node,
        versions.synced_node,
        greatest(versions.available_at, min(others.available_at)) as available_at
    from versions
    inner join versions as others on versions.synced_node = others.node
    group by versions.node, versions.synced_node, versions.available_at
),

contacts as (
    select
        contacts.crm_account_id,
        contacts.email,
        hosts.domain,
        contacts.available_at,
        row_number() over (
            partition by contacts.crm_account_id, hosts.domain
            order by contacts.available_at, contacts.crm_contact_id
        ) as contact_number
    from {{ crm_records("contacts") }} as contacts
    inner join hosts on {{ host_of("contacts.email") }} = hosts.host
    where contacts.crm_account_id is not null
),

-- What a workspace says of itself: a trait of the group call, or a record of a company that has a domain for an id.
named_domains as (
    select
        organisations.group_id,
        hosts.domain,
        organisations.available_at
    from {{ ref("declared_organisations") }} as organisations
    inner join hosts on organisations.host = hosts.host

    union all

    select group_id, substr(group_id, 8), available_at
    from observations
    where group_id like 'domain:%'
),

websites as (
    select
        versions.node,
        hosts.domain,
        min(versions.available_at) as available_at
    from versions
    inner join hosts on versions.website_host = hosts.host
    where not versions.is_deleted
    group by versions.node, hosts.domain
),

mappings as (
    select
        node,
        group_id,
        min(available_at) as available_at
    from versions
    where group_id is not null and crm_account_id is not null and not is_deleted
    group by node, group_id
),

workspace_domains as (
    select 'workspace_domain' as rule, group_id, domain, available_at from named_domains
    union all
    select 'workspace_majority', group_id, domain, available_at from majorities
),

first_workspace_domains as (
    select
        *,
        row_number() over (
            partition by group_id
            order by available_at, case when rule = 'workspace_domain' then 1 else 2 end, domain
        ) as domain_number,
        row_number() over (partition by group_id, rule order by available_at, domain) as domain_number_of_rule
    from workspace_domains
),

-- A workspace's company is at the domain that it says of itself, and at the one that it belongs to.
homes as (
    select
        'workspace:' || group_id as node,
        domain,
        available_at
    from first_workspace_domains
    where domain_number = 1 or (rule = 'workspace_domain' and domain_number_of_rule = 1)

    union all

    select node, domain, available_at
    from websites

    union all

    select
        mappings.node,
        first_workspace_domains.domain,
        greatest(mappings.available_at, first_workspace_domains.available_at)
    from mappings
    inner join first_workspace_domains
        on mappings.group_id = first_workspace_domains.group_id and first_workspace_domains.domain_number = 1
),

-- What speaks for two domains being one company's: somebody with an address at the one is seen at the company of the other, in
-- the product or as its contact, or an enrichment provider says where the owner of an address works.
seen_at_homes as (
    select
        members.domain,
        homes.domain as home,
        members.email as witness,
        greatest(members.available_at, homes.available_at) as available_at
    from {{ ref("organisation_members") }} as members
    inner join homes on 'workspace:' || members.group_id = homes.node

    union all

    select contacts.domain, homes.domain, contacts.email, greatest(contacts.available_at, homes.available_at)
    from contacts
    inner join homes on 'crm_account:' || contacts.crm_account_id = homes.node

    union all

    select address_hosts.domain, company_hosts.domain, 'enrichment of ' || people.email, people.available_at
    from {{ ref("stg_enrichment__people") }} as people
    inner join hosts as address_hosts on {{ host_of("people.email") }} = address_hosts.host
    inner join hosts as company_hosts on people.company_host = company_hosts.host
    -- Alone a provider has to be surer (0.9, see membership_evidence); here a second witness says the same.
    where people.match_confidence >= 0.8
),

witnesses as (
    select
        least(domain, home) as lower_domain,
        greatest(domain, home) as higher_domain,
        witness,
        min(available_at) as available_at
    from seen_at_homes
    where domain <> home
    group by least(domain, home), greatest(domain, home), witness
),

numbered_witnesses as (
    select
        *,
        row_number() over (partition by lower_domain, higher_domain order by available_at, witness) as witness_number
    from witnesses
),

own_workspaces as (
    select
        domain,
        min(available_at) as available_at
    from majorities
    group by domain
),

-- The second domain is the one without a workspace of its own; where both have one, two companies work together.
second_domains as (
    select
        case when lower_workspaces.domain is null then pairs.lower_domain else pairs.higher_domain end as domain,
        case when lower_workspaces.domain is null then pairs.higher_domain else pairs.lower_domain end as home,
        lower_workspaces.domain is not null and higher_workspaces.domain is not null as has_own_workspace,
        pairs.available_at
    from numbered_witnesses as pairs
    left join own_workspaces as lower_workspaces
        on pairs.lower_domain = lower_workspaces.domain and pairs.available_at >= lower_workspaces.available_at
    left join own_workspaces as higher_workspaces
        on pairs.higher_domain = higher_workspaces.domain and pairs.available_at >= higher_workspaces.available_at
    where pairs.witness_number = 2
),

said as (
    -- A decision counts for the whole history: it is known from the beginning.
    select 'override' as rule, node as claimed, other_node as claimant, cast('1970-01-01' as timestamp) as available_at
    from decisions
    where decision = 'join'

    union all

    select 'crm_merge', node, merged_into_node, available_at
    from versions
    where merged_into_node is not null

    union all

    select 'crm_sync', node, synced_node, available_at
    from synced

    union all

    select 'crm_workspace', 'workspace:' || group_id, node, available_at
    from mappings

    union all

    select 'verified_domain', 'domain:' || domain, organisation_node, available_at
    from {{ ref("organisation_verified_domains") }}

    union all

    select 'website', 'domain:' || domain, node, available_at
    from websites

    union all

    select rule, 'workspace:' || group_id, 'domain:' || domain, available_at
    from workspace_domains

    union all

    -- One contact may be a consultant; two at the same domain are colleagues.
    select 'two_contacts', 'domain:' || domain, 'crm_account:' || crm_account_id, available_at
    from contacts
    where contact_number = 2

    union all

    -- One guest may be a consultant too: a second witness is another person, or a provider who says where the guest works.
    select 'two_witnesses', 'domain:' || domain, 'domain:' || home, available_at
    from second_domains
),

prioritised as (
    select
        said.rule,
        case said.rule
            {%- for rule in rules %}
            when '{{ rule }}' then {{ loop.index }}
            {%- endfor %}
        end as priority,
        said.claimed,
        said.claimant,
        said.available_at,
        -- An override alone shows nobody that there is such a domain or workspace.
        min(case when said.rule <> 'override' then said.available_at end) over (
            partition by least(said.claimed, said.claimant), greatest(said.claimed, said.claimant)
        ) as seen_at,
        separations.node is not null as is_kept_apart
    from said
    left join decisions as separations
        on separations.decision = 'separate'
        and least(said.claimed, said.claimant) = least(separations.node, separations.other_node)
        and greatest(said.claimed, said.claimant) = greatest(separations.node, separations.other_node)
    where said.claimed <> said.claimant
),

-- A pair is a pair, whichever of the two was named first.
first_said as (
    select
        *,
        row_number() over (
            partition by least(claimed, claimant), greatest(claimed, claimant)
            order by available_at, priority, claimed
        ) as saying
    from prioritised
),

ordered as (
    select
        rule,
        priority,
        claimed,
        claimant,
        available_at,
        seen_at,
        is_kept_apart,
        row_number() over (order by case when rule = 'override' then 1 else 2 end, available_at, priority, claimed, claimant) as claim_rank,
        -- A workspace has one domain of its own, and a second domain one company.
        row_number() over (
            partition by claimed, claimant like 'domain:%', is_kept_apart, rule = 'override'
            order by available_at, priority, claimant
        ) as domain_number
    from first_said
    where saying = 1
),

final as (
    select
        ordered.claimed,
        ordered.claimant,
        ordered.rule,
        ordered.priority,
        ordered.available_at,
        ordered.seen_at,
        ordered.claim_rank,
        case
            when ordered.is_kept_apart then 'kept apart by an override'
            when ordered.rule in ('workspace_domain', 'workspace_majority') and ordered.domain_number > 1
                then 'the workspace has a domain already'
            when ordered.rule = 'two_witnesses' and ordered.domain_number > 1 then 'a second domain of another company'
            when second_domains.has_own_workspace then 'the domain has a workspace of its own'
        end as refused_because
    from ordered
    left join second_domains
        on ordered.rule = 'two_witnesses'
        and ordered.claimed = 'domain:' || second_domains.domain
        and ordered.claimant = 'domain:' || second_domains.home
)

select * from final
