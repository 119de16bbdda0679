-- An override on an identifier that no record has shown is a slip of the pen. Files are written by people, so letter case and
-- blanks around do not count here.
-- The message of the failed run adds file, line and near matches (orchestration/identity_failures.py reads the rows of this query).
{{ config(meta={"dagster": {"ref": {"name": "accounts"}}}) }}

with

overrides as (
    select * from {{ ref("identity_overrides") }}
),

named as (
    select identifier_type, identifier from overrides
    union
    select other_type, other_identifier from overrides
),

known as (
    select identifier_type, identifier from {{ ref("identifiers") }}
    union all
    select identifier_type, identifier from {{ ref("organisation_identifiers") }}
),

final as (
    select
        named.identifier_type,
        named.identifier
    from named
    left join known
        on named.identifier_type = known.identifier_type
        and lower(trim(named.identifier)) = lower(known.identifier)
    where known.identifier is null
)

select * from final
