-- Grain: one row per pair of organisation identifiers (workspace, domain, CRM account) that mean one company.
-- First come, first served, as for persons: a domain belongs to the first CRM account that claims it, a workspace to the
-- first CRM account and the first company domain. So nothing known at a past date is unmade later.

with

versions as (
    select * from {{ ref("crm_account_versions") }} where not is_deleted
),

hosts as (
    select * from {{ ref("email_hosts") }} where kind = 'corporate'
),

observations as (
    select * from {{ ref("identity_observations") }}
),

group_traits as (
    select
        group_id,
        {{ host_of(json_text("properties", "'domain'")) }} as host,
        available_at
    from {{ ref("stg_segment__events") }}
    where event_type = 'group' and nullif(trim(group_id), '') is not null
),

people_at_domains as (
    select
        coalesce(observations.user_id, observations.anonymous_id, observations.email) as member,
        hosts.domain,
        min(observations.available_at) as available_at
    from observations
    inner join hosts on {{ host_of("observations.email") }} = hosts.host
    group by 1, 2
),

workspace_members as (
    select
        group_id,
        coalesce(user_id, anonymous_id, email) as member,
        min(available_at) as available_at
    from observations
    where group_id is not null
    group by 1, 2
),

contacts_at_domains as (
    select
        contacts.crm_account_id,
        hosts.domain,
        contacts.available_at,
        row_number() over (
            partition by contacts.crm_account_id, hosts.domain
            order by contacts.available_at, contacts.crm_contact_id
        ) as contact_number
    from {{ ref("stg_salesforce__contacts") }} as contacts
    inner join hosts on {{ host_of("contacts.email") }} = hosts.host
    where contacts.crm_account_id is not null
),

members_at_domains as (
    select
        workspace_members.group_id,
        people_at_domains.domain,
        greatest(workspace_members.available_at, people_at_domains.available_at) as available_at,
        row_number() over (
            partition by workspace_members.group_id, people_at_domains.domain
            order by greatest(workspace_members.available_at, people_at_domains.available_at), workspace_members.member
        ) as member_number
    from workspace_members
    inner join people_at_domains on workspace_members.member = people_at_domains.member
),

claims as (
    select 'website' as rule, 'domain:' || hosts.domain as claimed, versions.node as claimant, versions.available_at
    from versions
    inner join hosts on versions.website_host = hosts.host

    union all

    -- One contact may be a consultant; two at the same domain are colleagues.
    select 'two_contacts', 'domain:' || domain, 'crm_account:' || crm_account_id, available_at
    from contacts_at_domains
    where contact_number = 2

    union all

    -- A guest's domain is not the workspace's; two people's is.
    select 'two_members', 'domain:' || domain, 'workspace:' || group_id, available_at
    from members_at_domains
    where member_number = 2

    union all

    select 'crm_workspace', 'workspace:' || group_id, node, available_at
    from versions
    where group_id is not null and crm_account_id is not null

    union all

    select 'workspace_domain', 'workspace:' || group_traits.group_id, 'domain:' || hosts.domain, group_traits.available_at
    from group_traits
    inner join hosts on group_traits.host = hosts.host

    union all

    select 'workspace_domain', 'workspace:' || group_id, 'domain:' || substr(group_id, 8), available_at
    from observations
    where group_id like 'domain:%'

    union all

    select
        'workspace_domain',
        'workspace:' || workspace_members.group_id,
        'domain:' || people_at_domains.domain,
        greatest(workspace_members.available_at, people_at_domains.available_at)
    from workspace_members
    inner join people_at_domains on workspace_members.member = people_at_domains.member
),

ranked as (
    select
        *,
        row_number() over (
            partition by claimed, split_part(claimant, ':', 1)
            order by available_at, claimant, rule
        ) as claim
    from claims
),

final as (
    select
        claimed as left_node,
        claimant as right_node,
        rule,
        available_at
    from ranked
    where claim = 1
)

select * from final
