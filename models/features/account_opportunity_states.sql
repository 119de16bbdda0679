-- Grain: one row per (deal, account, span of time) in which this warehouse knew the deal to be open, won, lost or disqualified.
-- A deal that was lost, opened again and won has three spans. No span holds before the deal was known, nor while it is deleted.
-- Not the deal as it is now: that is `account_opportunities`.

with

opportunities as (
    select * from {{ ref("account_opportunities") }}
),

said as (
    select
        opportunity_id,
        account_id,
        'open' as state,
        stage,
        amount,
        cast(null as timestamp) as closed_at,
        created_available_at as said_at,
        1 as said_last
    from opportunities

    union all

    -- What was said before the newest outcome.
    select
        opportunities.opportunity_id,
        opportunities.account_id,
        changes.state,
        changes.stage,
        changes.amount,
        changes.closed_at,
        changes.available_at,
        2
    from opportunities
    inner join {{ crm_records("opportunity_changes") }} as changes on opportunities.opportunity_id = changes.opportunity_id
    where opportunities.closed_available_at is null or changes.available_at < opportunities.closed_available_at

    union all

    select
        opportunity_id,
        account_id,
        case when is_won then 'won' else 'lost' end,
        stage,
        amount,
        closed_at,
        closed_available_at,
        3
    from opportunities
    where closed_available_at is not null
),

known as (
    select
        said.*,
        opportunities.opportunity_type,
        opportunities.created_at,
        opportunities.deleted_available_at,
        greatest(said.said_at, opportunities.created_available_at) as known_from
    from said
    inner join opportunities on said.opportunity_id = opportunities.opportunity_id and said.account_id = opportunities.account_id
),

-- Before the account was tied to the deal nothing was known of it, so of all that was said until then the last counts.
ranked as (
    select
        *,
        row_number() over (partition by opportunity_id, account_id, known_from order by said_at desc, said_last desc) as from_last
    from known
),

spans as (
    select
        *,
        least(
            coalesce(lead(known_from) over (partition by opportunity_id, account_id order by known_from), {{ the_end_of_time() }}),
            coalesce(deleted_available_at, {{ the_end_of_time() }})
        ) as known_until
    from ranked
    where from_last = 1
),

final as (
    select
        opportunity_id,
        account_id,
        opportunity_type,
        case
            when
                state = 'lost'
                and position('|' || lower(trim(stage)) || '|' in '|' || lower({{ setting("disqualified_stages") }}) || '|') > 0
                then 'disqualified'
            else state
        end as state,
        amount,
        created_at,
        closed_at,
        known_from,
        known_until
    from spans
    where state <> 'deleted' and known_from < known_until
)

select * from final
