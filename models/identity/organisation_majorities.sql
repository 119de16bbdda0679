-- Grain: one row per workspace: the domain that the strict majority of its members with a company's address had at the first
-- moment at which there was one. A single first member decides at once, a tie waits; later members change nothing. Members at a
-- domain that a decision keeps apart from the workspace do not count.

with

members as (
    select * from {{ ref("organisation_members") }}
),

separations as (
    select node, other_node from {{ ref("organisation_decisions") }} where decision = 'separate'
    union all
    select other_node, node from {{ ref("organisation_decisions") }} where decision = 'separate'
),

members_at_domains as (
    select
        members.group_id,
        members.member,
        members.domain,
        members.available_at,
        row_number() over (
            partition by members.group_id, members.member order by members.available_at, members.domain
        ) as domain_number
    from members
    left join separations
        on 'workspace:' || members.group_id = separations.node
        and 'domain:' || members.domain = separations.other_node
    where separations.node is null
),

-- Windows end with the moment itself, so that all who came at once are counted at once.
counted as (
    select
        group_id,
        domain,
        available_at,
        count(*) over (partition by group_id, domain order by available_at) as members_at_domain,
        sum(case when domain_number = 1 then 1 else 0 end) over (partition by group_id order by available_at) as members
    from members_at_domains
),

majorities as (
    select
        group_id,
        available_at,
        min(domain) as domain,
        min(members_at_domain) as members_at_domain,
        min(members) as members
    from counted
    where 2 * members_at_domain > members
    group by group_id, available_at
    -- Members with two addresses can give two domains a majority at once.
    having count(distinct domain) = 1
),

first_majorities as (
    select
        *,
        row_number() over (partition by group_id order by available_at) as majority_number
    from majorities
),

final as (
    select
        group_id,
        domain,
        members_at_domain,
        cast(members as bigint) as members,
        available_at
    from first_majorities
    where majority_number = 1
)

select * from final
