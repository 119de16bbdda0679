-- A person or company that holds more identifiers than settings allow is several that something tied together by mistake.
-- The message of the failed run names what to cut (orchestration/identity_failures.py reads the rows of this query).
{{ config(meta={"dagster": {"ref": {"name": "accounts"}}}) }}

with

sizes as (
    select
        'person' as kind,
        person_id as id,
        count(*) as identifiers
    from {{ ref("person_identifiers") }}
    group by person_id

    union all

    select
        'account',
        target,
        count(*)
    from {{ ref("organisation_reach") }}
    group by target
),

allowed as (
    select 'person' as kind, {{ setting("max_identifiers_per_person", "integer") }} as most_identifiers
    union all
    select 'account', {{ setting("max_identifiers_per_account", "integer") }}
),

final as (
    select
        sizes.kind,
        sizes.id,
        sizes.identifiers,
        allowed.most_identifiers
    from sizes
    inner join allowed on sizes.kind = allowed.kind
    where sizes.identifiers > allowed.most_identifiers
)

select * from final
