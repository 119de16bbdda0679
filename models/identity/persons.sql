-- Grain: one row per person. Anonymous visitors are persons too, but not known ones: they never are an account of their own.

with

person_identifiers as (
    select * from {{ ref("person_identifiers") }}
),

identifiers as (
    select * from {{ ref("identifiers") }}
),

person_traits as (
    select * from {{ ref("person_traits") }}
),

newest_traits as (
    select
        person_id,
        max(case when name_rank = 1 then name end) as name,
        max(case when title_rank = 1 then title end) as title
    from (
        select
            *,
            row_number() over (
                partition by person_id
                order by case when name is null then 1 else 0 end, available_at desc, name
            ) as name_rank,
            row_number() over (
                partition by person_id
                order by case when title is null then 1 else 0 end, available_at desc, title
            ) as title_rank
        from person_traits
    ) as ranked_traits
    group by person_id
),

spans as (
    select
        person_identifiers.person_id,
        min(identifiers.first_seen_at) as first_seen_at,
        min(case when identifiers.identifier_type <> 'anonymous_id' then person_identifiers.available_at end) as known_at,
        min(case when identifiers.identifier_type = 'email' then identifiers.identifier end) as email,
        count(*) as identifiers
    from person_identifiers
    inner join identifiers on person_identifiers.node = identifiers.node
    group by person_identifiers.person_id
),

final as (
    select
        spans.person_id,
        spans.email,
        newest_traits.name,
        newest_traits.title,
        spans.known_at is not null as is_known,
        spans.known_at,
        spans.first_seen_at,
        spans.identifiers
    from spans
    left join newest_traits on spans.person_id = newest_traits.person_id
)

select * from final
