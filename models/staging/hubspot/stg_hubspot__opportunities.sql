-- Grain: one row per HubSpot deal, with the moments at which its creation, its closing and its deletion became known. A won deal
-- that was deleted later is not a win: `deleted_available_at` says since when. Not here: deals that were merged into another.

with

deals as (
    {{ source_columns("hubspot", "deal", [
        ["deal_id", "varchar"], ["is_deleted", "boolean"], ["_fivetran_deleted", "boolean"], ["deal_pipeline_stage_id", "varchar"],
        ["owner_id", "varchar"], ["property_dealname", "varchar"], ["property_dealtype", "varchar"], ["property_amount", "double"],
        ["property_hs_is_closed", "boolean"], ["property_hs_is_closed_won", "boolean"], ["property_closedate", "timestamp"],
        ["property_createdate", "timestamp"], ["property_hs_lastmodifieddate", "timestamp"], ["_fivetran_synced", "timestamp"],
    ]) }}
),

merged_records as (
    select merged_id, kept_id from {{ ref("stg_hubspot__merges") }} where record_type = 'deal'
),

merged_companies as (
    select merged_id, kept_id from {{ ref("stg_hubspot__merges") }} where record_type = 'company'
),

merged_contacts as (
    select merged_id, kept_id from {{ ref("stg_hubspot__merges") }} where record_type = 'contact'
),

stages as (
    {{ hubspot_stages() }}
),

history as (
    {{ hubspot_stage_history() }}
),

deal_companies as (
    {{ source_columns("hubspot", "deal_company", [["deal_id", "varchar"], ["company_id", "varchar"], ["type_id", "varchar"]]) }}
),

deal_contacts as (
    {{ source_columns("hubspot", "deal_contact", [["deal_id", "varchar"], ["contact_id", "varchar"]]) }}
),

contacts as (
    {{ source_columns("hubspot", "contact", [["id", "varchar"], ["property_email", "varchar"]]) }}
),

-- Association type 5 is the primary company; without one, the company that HubSpot knew first.
companies as (
    select
        deal_companies.deal_id,
        coalesce(merged_companies.kept_id, deal_companies.company_id) as company_id,
        row_number() over (
            partition by deal_companies.deal_id
            order by case when deal_companies.type_id = '5' then 1 else 2 end, length(deal_companies.company_id), deal_companies.company_id
        ) as company_rank
    from deal_companies
    left join merged_companies on deal_companies.company_id = merged_companies.merged_id
),

people as (
    select
        deal_contacts.deal_id,
        contacts.property_email,
        row_number() over (partition by deal_contacts.deal_id order by length(contacts.id), contacts.id) as contact_rank
    from deal_contacts
    left join merged_contacts on deal_contacts.contact_id = merged_contacts.merged_id
    inner join contacts on coalesce(merged_contacts.kept_id, deal_contacts.contact_id) = contacts.id
    where contacts.property_email is not null
),

staged as (
    select
        deals.*,
        coalesce(stages.label, deals.deal_pipeline_stage_id) as stage,
        coalesce(stages.is_closed, deals.property_hs_is_closed, false) as is_closed,
        coalesce(stages.is_won, deals.property_hs_is_closed_won, false) as is_won,
        coalesce(deals.is_deleted, deals._fivetran_deleted, false) as is_gone
    from deals
    left join merged_records on deals.deal_id = merged_records.merged_id
    left join stages on deals.deal_pipeline_stage_id = stages.stage_id
    where merged_records.merged_id is null
),

-- A deal that was lost, opened again and won was won on the last of these days: the outcome counts from the first stage
-- after which nothing else was said.
outcomes as (
    select
        staged.deal_id,
        history.entered_at,
        coalesce(stages.is_closed and stages.is_won = staged.is_won, false) as is_final_outcome
    from staged
    inner join history on staged.deal_id = history.deal_id
    left join stages on history.stage_id = stages.stage_id
),

reopenings as (
    select
        deal_id,
        max(case when not is_final_outcome then entered_at end) as last_other_at
    from outcomes
    group by deal_id
),

moments as (
    select
        outcomes.deal_id,
        min(outcomes.entered_at) as created_available_at,
        min(
            case
                when reopenings.last_other_at is null or outcomes.entered_at > reopenings.last_other_at then outcomes.entered_at
            end
        ) as closed_available_at
    from outcomes
    inner join reopenings on outcomes.deal_id = reopenings.deal_id
    group by outcomes.deal_id
),

-- Deleting a deal does not touch its last change: the loader's own time says when that was seen.
joined as (
    select
        staged.*,
        coalesce(moments.created_available_at, staged.property_createdate) as created_available_at,
        case
            when staged.is_closed
                then coalesce(
                    moments.closed_available_at,
                    staged.property_hs_lastmodifieddate,
                    staged._fivetran_synced,
                    greatest(staged.property_closedate, staged.property_createdate)
                )
        end as closed_available_at,
        case
            when staged.is_gone
                then coalesce(staged._fivetran_synced, staged.property_hs_lastmodifieddate, staged.property_createdate)
        end as deleted_available_at
    from staged
    left join moments on staged.deal_id = moments.deal_id
),

final as (
    select
        'hubspot:' || joined.deal_id as opportunity_id,
        'hubspot:' || companies.company_id as crm_account_id,
        cast(null as varchar) as group_id,
        cast(null as varchar) as user_id,
        lower(trim(people.property_email)) as email,
        cast(null as varchar) as host,
        joined.property_dealname as name,
        case
            when
                lower(joined.property_dealtype) like '%expansion%'
                or lower(joined.property_dealtype) like '%existing%'
                or lower(joined.property_dealtype) like '%upsell%'
                then 'expansion'
            else 'new_business'
        end as opportunity_type,
        joined.stage,
        joined.property_amount as amount,
        'hubspot:' || joined.owner_id as owner_id,
        joined.is_closed,
        joined.is_won,
        joined.property_createdate as created_at,
        joined.created_available_at,
        case when joined.is_closed then least(joined.property_closedate, joined.closed_available_at) end as closed_at,
        joined.closed_available_at,
        joined.deleted_available_at
    from joined
    left join companies on joined.deal_id = companies.deal_id and companies.company_rank = 1
    left join people on joined.deal_id = people.deal_id and people.contact_rank = 1
)

select * from final
