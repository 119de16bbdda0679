-- Grain: one row per account that sales never works, why, and since when that could be known (seeds/exclusions.csv). Not here: what
-- keeps sales away only for now, the rows of kind `state`; those are in `play_exclusions`.

with

exclusions as (
    select * from {{ ref("exclusions") }}
),

domains as (
    select reach.target as account_id, identifiers.identifier as domain, reach.available_at
    from {{ ref("organisation_reach") }} as reach
    inner join {{ ref("organisation_identifiers") }} as identifiers on reach.node = identifiers.node
    where identifiers.identifier_type = 'domain'

    union all

    -- An individual is judged by the hosts of the addresses.
    select
        members.account_id,
        {{ host_of("person_identifiers.identifier") }},
        greatest(person_identifiers.available_at, members.available_at)
    from {{ ref("account_members") }} as members
    inner join {{ ref("person_identifiers") }} as person_identifiers on members.person_id = person_identifiers.person_id
    where members.matched_by = 'individual' and person_identifiers.identifier_type = 'email'
),

addresses as (
    select
        members.account_id,
        lower(person_identifiers.identifier) as address,
        greatest(person_identifiers.available_at, members.available_at) as available_at
    from {{ ref("account_members") }} as members
    inner join {{ ref("person_identifiers") }} as person_identifiers on members.person_id = person_identifiers.person_id
    where members.matched_by = 'individual' and person_identifiers.identifier_type = 'email'
),

titles as (
    select members.account_id, lower(trim(traits.title)) as title, greatest(traits.available_at, members.available_at) as available_at
    from {{ ref("account_members") }} as members
    inner join {{ ref("person_traits") }} as traits on members.person_id = traits.person_id
    where members.matched_by = 'individual'
),

crm_types as (
    select
        reach.target as account_id,
        lower(trim(versions.account_type)) as account_type,
        greatest(versions.available_at, reach.available_at) as available_at
    from {{ crm_records("accounts") }} as versions
    inner join {{ ref("organisation_reach") }} as reach on 'crm_account:' || versions.crm_account_id = reach.node
    where not versions.is_deleted
),

matches as (
    select domains.account_id, exclusions.reason, domains.available_at
    from domains
    inner join exclusions on exclusions.kind = 'domain' and domains.domain = lower(exclusions.value)

    union all

    select domains.account_id, exclusions.reason, domains.available_at
    from domains
    inner join exclusions on exclusions.kind = 'domain_pattern' and {{ matches("domains.domain", "exclusions.value") }}

    union all

    select addresses.account_id, exclusions.reason, addresses.available_at
    from addresses
    inner join exclusions on exclusions.kind = 'email_pattern' and {{ matches("addresses.address", "exclusions.value") }}

    union all

    select titles.account_id, exclusions.reason, titles.available_at
    from titles
    inner join exclusions on exclusions.kind = 'title' and titles.title = lower(exclusions.value)

    union all

    select titles.account_id, exclusions.reason, titles.available_at
    from titles
    inner join exclusions on exclusions.kind = 'title_pattern' and {{ matches("titles.title", "exclusions.value") }}

    union all

    select crm_types.account_id, exclusions.reason, crm_types.available_at
    from crm_types
    inner join exclusions on exclusions.kind = 'crm_type_pattern' and {{ matches("crm_types.account_type", "exclusions.value") }}
),

ranked as (
    select
        *,
        row_number() over (partition by account_id order by available_at, reason) as match_rank
    from matches
),

final as (
    select account_id, reason, available_at
    from ranked
    where match_rank = 1
)

select * from final
