-- Grain: one row per Salesforce opportunity and version with which it was opened, closed, won, lost, deleted or restored. Not its
-- stages on the way, and not the deal as it is now: that is `stg_salesforce__opportunities`.

with

versions as (
    {{ source_columns("salesforce", "opportunity_history", [
        ["id", "varchar"], ["stage_name", "varchar"], ["amount", "double"], ["is_closed", "boolean"], ["is_won", "boolean"],
        ["is_deleted", "boolean"], ["close_date", "timestamp"], ["_fivetran_start", "timestamp"],
    ]) }}
),

stated as (
    select
        *,
        case
            when is_deleted then 'deleted'
            when is_closed and is_won then 'won'
            when is_closed then 'lost'
            else 'open'
        end as state
    from versions
),

compared as (
    select
        *,
        lag(state) over (partition by id order by _fivetran_start) as state_before
    from stated
),

final as (
    select
        id as opportunity_id,
        state,
        stage_name as stage,
        amount,
        case when state in ('won', 'lost') then least(close_date, _fivetran_start) end as closed_at,
        _fivetran_start as available_at
    from compared
    where state is distinct from state_before
)

select * from final
