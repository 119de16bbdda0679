-- Grain: one row per (account, reason) for which sales keeps away as of the scored date, and since when that is known. Sales works
-- nobody who is here. Not here: accounts that are held out to measure what routing brings (`holdouts`).

with

scoring as (
    select as_of_date from {{ ref("as_of_dates") }} where is_scoring
),

scores as (
    select * from {{ ref("account_score_history") }} where run_id = {{ running_run() }}
),

states as (
    select * from {{ ref("exclusions") }} where kind = 'state'
),

deals as (
    select deals.*
    from {{ ref("account_opportunity_states") }} as deals
    inner join scoring on deals.known_from < scoring.as_of_date and deals.known_until >= scoring.as_of_date
),

-- Where customers stay in the cohort, because they buy again, neither a won deal nor an open one keeps sales away.
deal_states as (
    select
        account_id,
        case when state = 'won' then 'customer' else 'open_opportunity' end as state,
        min(known_from) as known_at
    from deals
    where state in ('won', 'open') and {{ setting("cohort") }} = 'new_business'
    group by account_id, state

    union all

    select
        deals.account_id,
        'recently_disqualified',
        max(deals.known_from)
    from deals
    cross join scoring
    where
        deals.state = 'disqualified'
        and deals.closed_at >= scoring.as_of_date - {{ setting("disqualified_cool_down_days", "integer") }}
    group by deals.account_id
),

-- Whoever can be written to: people with an address, known by the scored date.
addressees as (
    select
        members.account_id,
        members.person_id,
        case when consents.opted_out_at < scoring.as_of_date then consents.opted_out_at end as opted_out_at
    from {{ ref("account_members") }} as members
    cross join scoring
    inner join {{ ref("persons") }} as persons on members.person_id = persons.person_id and persons.email is not null
    left join {{ ref("person_consents") }} as consents on members.person_id = consents.person_id
    where members.available_at < scoring.as_of_date
),

consent_states as (
    select
        account_id,
        'no_consent' as state,
        max(opted_out_at) as known_at
    from addressees
    group by account_id
    having count(*) = count(opted_out_at)
),

in_state as (
    select * from deal_states
    union all
    select * from consent_states
),

final as (
    select
        scores.account_id,
        scoring.as_of_date,
        'listed' as kind,
        exclusions.reason,
        exclusions.available_at as known_at
    from scores
    cross join scoring
    inner join {{ ref("account_exclusions") }} as exclusions
        on scores.account_id = exclusions.account_id and exclusions.available_at < scoring.as_of_date

    union all

    select
        scores.account_id,
        scoring.as_of_date,
        in_state.state,
        states.reason,
        in_state.known_at
    from scores
    cross join scoring
    inner join in_state on scores.account_id = in_state.account_id
    inner join states on in_state.state = states.value
    where not (in_state.state = 'customer' and scores.stage = 'expansion_ready')
)

select * from final
