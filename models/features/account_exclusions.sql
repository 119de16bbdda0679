-- Grain: one row per account that sales never works, and why (seeds/exclusions.csv).

with

exclusions as (
    select * from {{ ref("exclusions") }}
),

domains as (
    select account_id, domain from {{ ref("accounts") }} where domain is not null

    union

    select reach.target, identifiers.identifier
    from {{ ref("organisation_reach") }} as reach
    inner join {{ ref("organisation_identifiers") }} as identifiers on reach.node = identifiers.node
    where identifiers.identifier_type = 'domain'

    union

    -- An individual is judged by the host of the address.
    select members.account_id, {{ host_of("persons.email") }}
    from {{ ref("account_members") }} as members
    inner join {{ ref("persons") }} as persons on members.person_id = persons.person_id
    where members.matched_by = 'individual'
),

matches as (
    select domains.account_id, exclusions.reason
    from domains
    inner join exclusions on exclusions.kind = 'domain' and domains.domain = lower(exclusions.value)

    union all

    select domains.account_id, exclusions.reason
    from domains
    inner join exclusions on exclusions.kind = 'domain_pattern' and {{ matches("domains.domain", "exclusions.value") }}

    union all

    select members.account_id, exclusions.reason
    from {{ ref("account_members") }} as members
    inner join {{ ref("persons") }} as persons on members.person_id = persons.person_id
    inner join exclusions on exclusions.kind = 'title' and lower(persons.title) = lower(exclusions.value)
    where members.matched_by = 'individual'
),

final as (
    select account_id, min(reason) as reason
    from matches
    group by account_id
)

select * from final
