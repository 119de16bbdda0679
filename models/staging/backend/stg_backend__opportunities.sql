-- Grain: one row per imported opportunity, its latest version.

with

opportunities as (
    {{ source_columns("backend", "opportunities", [
        ["source", "varchar"], ["opportunity_id", "varchar"], ["group_id", "varchar"], ["user_id", "varchar"], ["email", "varchar"],
        ["domain", "varchar"], ["name", "varchar"], ["type", "varchar"], ["stage", "varchar"], ["amount", "double"],
        ["is_closed", "boolean"], ["is_won", "boolean"], ["created_at", "timestamp"], ["closed_at", "timestamp"],
        ["available_at", "timestamp"], ["closed_available_at", "timestamp"], ["owner", "varchar"], ["_version", "bigint"],
    ]) }}
),

versions as (
    select
        *,
        row_number() over (partition by source, opportunity_id order by _version desc) as version,
        min(available_at) over (partition by source, opportunity_id) as created_available_at
    from opportunities
),

final as (
    select
        'backend:' || source || ':' || opportunity_id as opportunity_id,
        cast(null as varchar) as crm_account_id,
        group_id,
        user_id,
        lower(trim(email)) as email,
        {{ host_of("domain") }} as host,
        name,
        case
            when lower(type) like '%expansion%' or lower(type) like '%existing%' or lower(type) like '%upsell%' then 'expansion'
            else 'new_business'
        end as opportunity_type,
        stage,
        amount,
        owner as owner_id,
        coalesce(is_closed, closed_at is not null) as is_closed,
        coalesce(is_won, false) as is_won,
        created_at,
        created_available_at,
        closed_at,
        closed_available_at,
        cast(null as timestamp) as deleted_available_at
    from versions
    where version = 1
)

select * from final
