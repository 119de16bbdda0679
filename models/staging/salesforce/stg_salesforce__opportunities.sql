-- Grain: one row per Salesforce opportunity, with the moments at which its creation, its closing and its deletion became
-- known. A won deal that was deleted later is not a win: `deleted_available_at` says since when.

{%- set columns = [
    ["id", "varchar"], ["account_id", "varchar"], ["name", "varchar"], ["stage_name", "varchar"], ["type", "varchar"],
    ["amount", "double"], ["is_closed", "boolean"], ["is_won", "boolean"], ["is_deleted", "boolean"], ["owner_id", "varchar"],
    ["created_date", "timestamp"], ["close_date", "timestamp"],
] %}

with

history as (
    {{ source_columns("salesforce", "opportunity_history", columns + [["_fivetran_start", "timestamp"]]) }}
),

latest as (
    {{ source_columns("salesforce", "opportunity", columns + [["last_modified_date", "timestamp"]]) }}
),

-- A deal that was lost, opened again and won was won on the last of these days: the outcome counts from the first version
-- after which nothing else was said.
outcomes as (
    select
        history.id,
        history._fivetran_start,
        history.is_deleted,
        (history.is_closed and coalesce(history.is_won, false) = coalesce(latest.is_won, false)) as is_final_outcome
    from history
    inner join latest on history.id = latest.id
),

reopenings as (
    select
        id,
        max(case when not is_final_outcome then _fivetran_start end) as last_other_at
    from outcomes
    group by id
),

moments as (
    select
        outcomes.id,
        min(outcomes._fivetran_start) as created_available_at,
        min(
            case
                when reopenings.last_other_at is null or outcomes._fivetran_start > reopenings.last_other_at
                    then outcomes._fivetran_start
            end
        ) as closed_available_at,
        min(case when outcomes.is_deleted then outcomes._fivetran_start end) as deleted_available_at
    from outcomes
    inner join reopenings on outcomes.id = reopenings.id
    group by outcomes.id
),

joined as (
    select
        latest.*,
        coalesce(moments.created_available_at, latest.created_date) as created_available_at,
        case when latest.is_closed then coalesce(moments.closed_available_at, latest.last_modified_date) end as closed_available_at,
        -- Where nothing says since when, a deleted deal never was one: better none than a win that does not stand.
        case
            when latest.is_deleted then coalesce(moments.deleted_available_at, latest.last_modified_date, latest.created_date)
        end as deleted_available_at
    from latest
    left join moments on latest.id = moments.id
),

final as (
    select
        id as opportunity_id,
        account_id as crm_account_id,
        cast(null as varchar) as group_id,
        cast(null as varchar) as user_id,
        cast(null as varchar) as email,
        cast(null as varchar) as host,
        name,
        case
            when lower(type) like '%expansion%' or lower(type) like '%existing%' or lower(type) like '%upsell%' then 'expansion'
            else 'new_business'
        end as opportunity_type,
        stage_name as stage,
        amount,
        owner_id,
        coalesce(is_closed, false) as is_closed,
        coalesce(is_won, false) as is_won,
        created_date as created_at,
        created_available_at,
        case when is_closed then least(close_date, closed_available_at) end as closed_at,
        closed_available_at,
        deleted_available_at
    from joined
)

select * from final
