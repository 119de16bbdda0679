-- Grain: one row per (person, name, title, moment): what a record said, and since when it could be known of that person.

with

person_identifiers as (
    select * from {{ ref("person_identifiers") }}
),

traits as (
    select user_id, email, name, title, available_at from {{ ref("stg_backend__people") }}

    union all

    select user_id, email, name, title, available_at from {{ ref("declared_people") }}

    union all

    select null, email, name, title, available_at from {{ crm_records("contacts") }} as contacts

    union all

    select null, email, null, title, available_at from {{ ref("stg_enrichment__people") }} where match_confidence >= 0.9
),

final as (
    select distinct
        person_identifiers.person_id,
        traits.name,
        traits.title,
        greatest(traits.available_at, person_identifiers.available_at) as available_at
    from traits
    inner join person_identifiers
        on coalesce('user_id:' || traits.user_id, 'email:' || traits.email) = person_identifiers.node
    where traits.name is not null or traits.title is not null
)

select * from final
