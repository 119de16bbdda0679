-- Grain: one row per (deal, account), with the moments at which its creation and its outcome became known to the account.

with

opportunities as (
    select * from {{ crm_records("opportunities") }} as crm
    union all
    select * from {{ ref("stg_backend__opportunities") }}
),

facts as (
    select
        opportunities.opportunity_id as fact_id,
        {{ identifier_node(["user_id", "email"]) }} as node,
        coalesce(
            'crm_account:' || opportunities.crm_account_id,
            'workspace:' || opportunities.group_id,
            'domain:' || hosts.domain
        ) as organisation_node,
        opportunities.created_available_at as available_at
    from opportunities
    left join {{ ref("email_hosts") }} as hosts on opportunities.host = hosts.host
),

attributed as (
    {{ attributed("facts") }}
),

final as (
    select
        opportunities.opportunity_id,
        attributed.account_id,
        opportunities.opportunity_type,
        opportunities.stage,
        opportunities.amount,
        opportunities.owner_id,
        opportunities.created_at,
        attributed.available_at as created_available_at,
        opportunities.closed_at,
        case
            when opportunities.closed_available_at is not null then greatest(opportunities.closed_available_at, attributed.available_at)
        end as closed_available_at,
        -- A deal that was won and then deleted is no win from the deletion on.
        opportunities.deleted_available_at,
        opportunities.is_won
    from opportunities
    inner join attributed on opportunities.opportunity_id = attributed.fact_id
)

select * from final
