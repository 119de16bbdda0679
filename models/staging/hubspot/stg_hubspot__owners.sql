-- Grain: one row per HubSpot owner.

with

owners as (
    {{ source_columns("hubspot", "owner", [
        ["owner_id", "varchar"], ["first_name", "varchar"], ["last_name", "varchar"], ["email", "varchar"], ["is_active", "boolean"],
        ["_fivetran_deleted", "boolean"],
    ]) }}
),

final as (
    select
        'hubspot:' || owner_id as owner_id,
        trim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')) as name,
        lower(email) as email,
        coalesce(is_active, not _fivetran_deleted, true) as is_active
    from owners
)

select * from final
