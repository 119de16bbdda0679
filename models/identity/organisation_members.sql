-- Grain: one row per (workspace, member, domain of an address of the member), with since when both were known. A blocked identifier
-- is no member, and one that is cut (identifier_cuts) counts only while it is not: a kiosk is not a colleague of everybody.

with

observations as (
    select * from {{ ref("identity_observations") }}
),

identifiers as (
    select * from {{ ref("identifiers") }} where not is_blocked
),

-- The strongest identifier of the record that stands for somebody.
observed as (
    select
        coalesce(users.node, devices.node, addresses.node) as member,
        observations.email,
        observations.group_id,
        observations.available_at
    from observations
    left join identifiers as users on 'user_id:' || observations.user_id = users.node
    left join identifiers as devices on 'anonymous_id:' || observations.anonymous_id = devices.node
    left join identifiers as addresses on 'email:' || observations.email = addresses.node
    where coalesce(users.node, devices.node, addresses.node) is not null
),

addresses as (
    select
        observed.member,
        hosts.domain,
        observed.email,
        min(observed.available_at) as available_at
    from observed
    inner join {{ ref("email_hosts") }} as hosts on {{ host_of("observed.email") }} = hosts.host
    where hosts.kind = 'corporate'
    group by observed.member, hosts.domain, observed.email
),

-- A person with two addresses at a domain is one member at it.
first_addresses as (
    select
        *,
        row_number() over (partition by member, domain order by available_at, email) as address_number
    from addresses
),

memberships as (
    select
        member,
        group_id,
        min(available_at) as available_at
    from observed
    where group_id is not null
    group by member, group_id
),

joined as (
    select
        memberships.group_id,
        memberships.member,
        first_addresses.domain,
        first_addresses.email,
        greatest(memberships.available_at, first_addresses.available_at) as available_at
    from memberships
    inner join first_addresses on memberships.member = first_addresses.member and first_addresses.address_number = 1
),

final as (
    select
        joined.group_id,
        joined.member,
        joined.domain,
        joined.email,
        coalesce(cuts.cut_until, joined.available_at) as available_at
    from joined
    left join {{ ref("identifier_cuts") }} as cuts
        on joined.member = cuts.node and joined.available_at >= cuts.cut_from and joined.available_at < cuts.cut_until
    where cuts.node is null or cuts.cut_until < {{ the_end_of_time() }}
)

select * from final
