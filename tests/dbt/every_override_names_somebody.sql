-- An override on an identifier that no record has shown is a slip of the pen. What files say is compared as records are: blanks
-- around it do not count, letter case only where it does for its type.
-- The failed run's message adds file, line and near matches (orchestration/identity_failures.py reads the rows of this query).
{{ config(meta={"dagster": {"ref": {"name": "accounts"}}}) }}

with

overrides as (
    select * from {{ ref("identity_overrides") }}
),

rules as (
    select * from {{ ref("identity_rules") }}
),

named as (
    select identifier_type, identifier from overrides
    union
    select other_type, other_identifier from overrides
),

compared as (
    select
        named.identifier_type,
        named.identifier,
        case
            when rules.identifier_type is not null then {{ normalised_identifier("named.identifier", "rules.normalisation") }}
            when named.identifier_type = 'domain' then lower(trim(named.identifier))
            else trim(named.identifier)
        end as known_as
    from named
    left join rules on named.identifier_type = rules.identifier_type
),

known as (
    select identifier_type, identifier from {{ ref("identifiers") }}
    union all
    select identifier_type, identifier from {{ ref("organisation_identifiers") }}
),

final as (
    select
        compared.identifier_type,
        compared.identifier
    from compared
    left join known on compared.identifier_type = known.identifier_type and compared.known_as = known.identifier
    where known.identifier is null
)

select * from final
