-- Grain: one row per (workspace or CRM account, domain that it was shown to control): verified, or with its own sign-on.

with

traits as (
    select
        'workspace:' || group_id as organisation_node,
        verified_host,
        sso_host,
        available_at
    from {{ ref("declared_organisations") }}
),

versions as (
    select node as organisation_node, verified_host, sso_host, available_at
    from {{ ref("crm_account_versions") }}
    where not is_deleted
),

shown as (
    select organisation_node, verified_host as host, available_at from traits
    union all
    select organisation_node, sso_host, available_at from traits
    union all
    select organisation_node, verified_host, available_at from versions
    union all
    select organisation_node, sso_host, available_at from versions
),

final as (
    select
        shown.organisation_node,
        hosts.domain,
        min(shown.available_at) as available_at
    from shown
    inner join {{ ref("email_hosts") }} as hosts on shown.host = hosts.host
    where hosts.kind = 'corporate'
    group by shown.organisation_node, hosts.domain
)

select * from final
