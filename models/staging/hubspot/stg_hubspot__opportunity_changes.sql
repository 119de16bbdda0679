-- Grain: one row per HubSpot deal and stage with which it was opened, closed, won, lost or opened again. Not its stages on the way,
-- not its deletion, of which HubSpot keeps no history, and not the deal as it is now: that is `stg_hubspot__opportunities`.

with

history as (
    {{ hubspot_stage_history() }}
),

stages as (
    {{ hubspot_stages() }}
),

merged_records as (
    select merged_id, kept_id from {{ ref("stg_hubspot__merges") }} where record_type = 'deal'
),

stated as (
    select
        history.*,
        coalesce(stages.label, history.stage_id) as stage,
        case
            when stages.is_won then 'won'
            when stages.is_closed then 'lost'
            else 'open'
        end as state
    from history
    left join stages on history.stage_id = stages.stage_id
    left join merged_records on history.deal_id = merged_records.merged_id
    where merged_records.merged_id is null
),

compared as (
    select
        *,
        lag(state) over (partition by deal_id order by entered_at) as state_before
    from stated
),

final as (
    select
        'hubspot:' || deal_id as opportunity_id,
        state,
        stage,
        amount,
        case when state in ('won', 'lost') then least(close_date, entered_at) end as closed_at,
        entered_at as available_at
    from compared
    where state is distinct from state_before
)

select * from final
