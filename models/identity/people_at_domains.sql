-- Grain: one row per (identifier of somebody, address at a company's domain that it was seen with). Not here: who was known not to
-- be one person on that day.

with

hosts as (
    select * from {{ ref("email_hosts") }} where kind = 'corporate'
),

observations as (
    select
        {{ identifier_node_of_observation() }} as node,
        email,
        min(available_at) as available_at
    from {{ ref("identity_observations") }}
    where email is not null
    group by {{ identifier_node_of_observation() }}, email
),

cuts as (
    select * from {{ ref("identifier_cuts") }}
),

final as (
    select
        observations.node,
        observations.email,
        hosts.domain,
        observations.available_at
    from observations
    inner join hosts on {{ host_of("observations.email") }} = hosts.host
    left join cuts
        on observations.node = cuts.node
        and observations.available_at >= cuts.cut_from
        and observations.available_at < cuts.cut_until
    where cuts.node is null
)

select * from final
