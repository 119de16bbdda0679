-- Grain: one row per imported version of an account.

with

accounts as (
    {{ source_columns("backend", "accounts", [
        ["source", "varchar"], ["_row_key", "varchar"], ["group_id", "varchar"], ["name", "varchar"], ["domain", "varchar"],
        ["parent_group_id", "varchar"], ["industry", "varchar"], ["employees", "bigint"], ["country", "varchar"],
        ["owner", "varchar"], ["verified_domain", "varchar"], ["sso_domain", "varchar"], ["available_at", "timestamp"],
        ["_version", "bigint"],
    ]) }}
),

final as (
    select
        source,
        coalesce(group_id, 'domain:' || {{ host_of("domain") }}) as group_id,
        name,
        {{ host_of("domain") }} as website_host,
        parent_group_id,
        {{ host_of("verified_domain") }} as verified_host,
        {{ host_of("sso_domain") }} as sso_host,
        industry,
        employees,
        country,
        owner as owner_id,
        available_at,
        lead(available_at) over (partition by source, _row_key order by available_at, _version) as superseded_at
    from accounts
)

select * from final
