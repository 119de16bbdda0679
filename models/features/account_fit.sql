-- Grain: one row per (account, as-of date): who the account is, as enrichment, CRM and the product had said by then.
-- Enrichment first: a CRM record exists because a rep took an interest, and would whisper that to the model.

with

cohort as (
    select account_id, as_of_date from {{ ref("account_cohort") }}
),

reach as (
    select * from {{ ref("organisation_reach") }}
),

enriched as (
    select
        reach.target as account_id,
        companies.industry,
        companies.employees,
        companies.country,
        companies.match_confidence,
        greatest(companies.available_at, reach.available_at) as available_at,
        1 as preference
    from {{ ref("stg_enrichment__companies") }} as companies
    inner join {{ ref("email_hosts") }} as hosts on companies.host = hosts.host
    inner join reach on 'domain:' || hosts.domain = reach.node
),

recorded as (
    select
        reach.target,
        versions.industry,
        versions.employees,
        versions.country,
        cast(null as double),
        greatest(versions.available_at, reach.available_at),
        2
    from {{ ref("crm_account_versions") }} as versions
    inner join reach on versions.node = reach.node
),

declared as (
    select
        reach.target,
        null,
        organisations.employees,
        null,
        cast(null as double),
        greatest(organisations.available_at, reach.available_at),
        3
    from {{ ref("declared_organisations") }} as organisations
    inner join reach on 'workspace:' || organisations.group_id = reach.node
),

attributes as (
    select * from enriched
    union all
    select * from recorded
    union all
    select * from declared
),

known as (
    select
        cohort.account_id,
        cohort.as_of_date,
        {% for attribute in ["industry", "employees", "country", "match_confidence"] -%}
        row_number() over (
            partition by cohort.account_id, cohort.as_of_date
            order by
                case when attributes.{{ attribute }} is null then 1 else 0 end,
                attributes.preference,
                attributes.available_at desc,
                attributes.{{ attribute }}
        ) as {{ attribute }}_rank,
        {% endfor -%}
        attributes.industry,
        attributes.employees,
        attributes.country,
        attributes.match_confidence
    from cohort
    inner join attributes on cohort.account_id = attributes.account_id and attributes.available_at < cohort.as_of_date
),

final as (
    select
        account_id,
        as_of_date,
        max(case when industry_rank = 1 then industry end) as industry,
        max(case when employees_rank = 1 then employees end) as employees,
        max(case when country_rank = 1 then country end) as country,
        max(case when match_confidence_rank = 1 then match_confidence end) as match_confidence
    from known
    group by account_id, as_of_date
)

select * from final
