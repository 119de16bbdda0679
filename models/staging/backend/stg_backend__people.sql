-- Grain: one row per imported version of a person.

with

people as (
    {{ source_columns("backend", "people", [
        ["source", "varchar"], ["user_id", "varchar"], ["anonymous_id", "varchar"], ["email", "varchar"], ["name", "varchar"],
        ["title", "varchar"], ["group_id", "varchar"], ["created_at", "timestamp"], ["available_at", "timestamp"],
    ]) }}
),

final as (
    select
        source,
        user_id,
        anonymous_id,
        lower(trim(email)) as email,
        name,
        title,
        group_id,
        coalesce(created_at, available_at) as created_at,
        available_at
    from people
)

select * from final
