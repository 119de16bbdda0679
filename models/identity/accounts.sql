-- Grain: one row per account: a company, or a known person without one (kind `individual`). Attributes are today's, for
-- display; features read the history instead. An individual who joined a company has `joined_company_at`.

with

organisations as (
    select * from {{ ref("organisation_identifiers") }}
),

reach as (
    select * from {{ ref("organisation_reach") }}
),

persons as (
    select * from {{ ref("persons") }} where is_known
),

named as (
    select
        reach.target as account_id,
        versions.name,
        versions.website_host,
        versions.crm_account_id,
        versions.owner_id,
        row_number() over (
            partition by reach.target
            order by
                case when versions.crm_account_id is not null then 1 else 2 end,
                versions.superseded_at desc nulls first,
                versions.available_at,
                versions.node
        ) as version_rank
    from {{ ref("crm_account_versions") }} as versions
    inner join reach on versions.node = reach.node
    where not versions.is_deleted
),

group_names as (
    select
        reach.target as account_id,
        max(organisations.name) as name
    from {{ ref("declared_organisations") }} as organisations
    inner join reach on 'workspace:' || organisations.group_id = reach.node
    group by reach.target
),

company_names as (
    select
        reach.target as account_id,
        max(companies.name) as name
    from {{ ref("stg_enrichment__companies") }} as companies
    inner join {{ ref("email_hosts") }} as hosts on companies.host = hosts.host
    inner join reach on 'domain:' || hosts.domain = reach.node
    group by reach.target
),

identified as (
    select
        reach.target as account_id,
        min(organisations.first_seen_at) as first_seen_at,
        min(case when organisations.identifier_type = 'crm_account' then organisations.identifier end) as crm_account_id,
        min(case when organisations.identifier_type = 'workspace' then organisations.identifier end) as group_id,
        min(case when organisations.identifier_type = 'domain' then organisations.identifier end) as domain
    from reach
    inner join organisations on reach.node = organisations.node
    group by reach.target
),

companies as (
    select
        identified.account_id,
        coalesce(
            named.name, group_names.name, company_names.name, identified.domain, identified.group_id, identified.crm_account_id
        ) as name,
        coalesce(identified.domain, named.website_host) as domain,
        'company' as kind,
        account_hierarchy.parent_account_id,
        coalesce(named.crm_account_id, identified.crm_account_id) as crm_account_id,
        identified.group_id,
        named.owner_id,
        identified.first_seen_at,
        cast(null as timestamp) as joined_company_at
    from identified
    left join named on identified.account_id = named.account_id and named.version_rank = 1
    left join group_names on identified.account_id = group_names.account_id
    left join company_names on identified.account_id = company_names.account_id
    left join {{ ref("account_hierarchy") }} as account_hierarchy
        on identified.account_id = account_hierarchy.account_id
        and account_hierarchy.known_until = {{ the_end_of_time() }}
),

first_companies as (
    select
        person_identifiers.person_id,
        min(greatest(identifier_accounts.decided_at, person_identifiers.available_at)) as joined_company_at
    from {{ ref("identifier_accounts") }} as identifier_accounts
    inner join {{ ref("person_identifiers") }} as person_identifiers on identifier_accounts.node = person_identifiers.node
    group by person_identifiers.person_id
),

individuals as (
    select
        {{ stable_id("ind", "persons.person_id") }} as account_id,
        coalesce(persons.name, persons.email, persons.person_id) as name,
        cast(null as varchar) as domain,
        'individual' as kind,
        cast(null as varchar) as parent_account_id,
        cast(null as varchar) as crm_account_id,
        cast(null as varchar) as group_id,
        cast(null as varchar) as owner_id,
        persons.known_at as first_seen_at,
        case
            when first_companies.joined_company_at is not null then greatest(first_companies.joined_company_at, persons.known_at)
        end as joined_company_at
    from persons
    left join first_companies on persons.person_id = first_companies.person_id
),

-- Somebody at a company from the first moment was never an individual account.
final as (
    select * from companies
    union all
    select * from individuals where joined_company_at is null or joined_company_at > first_seen_at
)

select * from final
