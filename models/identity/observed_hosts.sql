-- Grain: one row per host name seen in an address or a website, with the form in which it is read further. Not yet a
-- domain: `email_hosts` says which is one.

with

observations as (
    select distinct email from {{ ref("identity_observations") }} where email is not null
),

seen as (
    select {{ mail_host_of("email") }} as host from observations

    union

    select {{ mail_host_of("email") }} from {{ crm_records("contacts") }} as contacts

    union

    {% for accounts in [crm_records("accounts"), ref("stg_backend__accounts")] -%}
    {% for column in ["website_host", "verified_host", "sso_host"] -%}
    select accounts.{{ column }} from {{ accounts }} as accounts

    union

    {% endfor -%}
    {% endfor -%}

    select host from {{ ref("stg_enrichment__companies") }}

    union

    select company_host from {{ ref("stg_enrichment__people") }}

    union

    select host from {{ ref("stg_backend__opportunities") }}

    union

    {% for column in ["host", "verified_host", "sso_host"] -%}
    select {{ column }} from {{ ref("declared_organisations") }}

    union

    {% endfor -%}
    select substr(group_id, 8) from {{ ref("stg_backend__events") }} where group_id like 'domain:%'
),

hosts as (
    select
        host,
        {{ one_spelling("host") }} as spelling
    from seen
    where host is not null
),

-- No rule of the public suffix list has ten labels, so what stands further left decides nothing.
final as (
    select
        host,
        case
            when length(spelling) > 253 then null
            when length(spelling) - length(replace(spelling, '.', '')) >= 10 then {{ last_labels("spelling", 10) }}
            else spelling
        end as spelling
    from hosts
)

select * from final
