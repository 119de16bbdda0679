-- Grain: one row per domain that behaves like a mail provider's though no list names it: many people, hardly two in one
-- workspace, and no CRM account with that website. A report for whoever keeps `email_domains`; nothing reads it, so a
-- suspicion changes no account, past or present.

with

hosts as (
    select * from {{ ref("email_hosts") }} where kind = 'corporate'
),

observations as (
    select
        coalesce(user_id, anonymous_id, email) as member,
        email,
        group_id
    from {{ ref("identity_observations") }}
),

members as (
    select distinct hosts.domain, observations.member
    from observations
    inner join hosts on {{ host_of("observations.email") }} = hosts.host
),

workspace_members as (
    select distinct group_id, member from observations where group_id is not null
),

people_by_workspace as (
    select
        members.domain,
        workspace_members.group_id,
        count(*) as people
    from members
    inner join workspace_members on members.member = workspace_members.member
    group by members.domain, workspace_members.group_id
),

counted as (
    select
        domain,
        cast(sum(people) as bigint) as memberships,
        count(*) as workspaces,
        max(people) as people_in_largest_workspace
    from people_by_workspace
    group by domain
),

claimed as (
    select distinct hosts.domain
    from {{ ref("crm_account_versions") }} as versions
    inner join hosts on versions.website_host = hosts.host
),

-- Ten workspaces and a fifth of the people in the largest: a company of ten whose people try the product one by one would
-- soon invite each other, and strangers at one provider do not.
final as (
    select
        counted.domain,
        counted.memberships,
        counted.workspaces,
        counted.people_in_largest_workspace
    from counted
    left join claimed on counted.domain = claimed.domain
    where claimed.domain is null and counted.workspaces >= 10 and counted.people_in_largest_workspace * 5 <= counted.memberships
)

select * from final
