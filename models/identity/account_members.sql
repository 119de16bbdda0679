-- Grain: one row per (account, person), with the first rule that tied them. A person may belong to several accounts over
-- time: the individual account first, then a company, then another one.

with

person_identifiers as (
    select * from {{ ref("person_identifiers") }}
),

persons as (
    select * from {{ ref("persons") }}
),

company_links as (
    select
        identifier_accounts.account_id,
        person_identifiers.person_id,
        identifier_accounts.matched_by,
        identifier_accounts.confidence,
        identifier_accounts.available_at,
        row_number() over (
            partition by identifier_accounts.account_id, person_identifiers.person_id
            order by identifier_accounts.available_at, identifier_accounts.confidence desc, identifier_accounts.matched_by
        ) as link_rank
    from {{ ref("identifier_accounts") }} as identifier_accounts
    inner join person_identifiers on identifier_accounts.node = person_identifiers.node
),

final as (
    select
        account_id,
        person_id,
        matched_by,
        cast(confidence as double) as confidence,
        available_at
    from company_links
    where link_rank = 1

    union all

    select
        accounts.account_id,
        persons.person_id,
        'individual',
        cast(1 as double),
        persons.known_at
    from persons
    inner join {{ ref("accounts") }} as accounts on {{ stable_id("ind", "persons.person_id") }} = accounts.account_id
)

select * from final
