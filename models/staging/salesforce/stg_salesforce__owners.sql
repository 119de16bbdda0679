-- Grain: one row per Salesforce user.

with

users as (
    {{ source_columns("salesforce", "user", [["id", "varchar"], ["name", "varchar"], ["email", "varchar"], ["is_active", "boolean"]]) }}
),

final as (
    select
        id as owner_id,
        name,
        lower(email) as email,
        coalesce(is_active, true) as is_active
    from users
)

select * from final
