-- Grain: one row per (experiment, salt, account) that was drawn, or not, in a published run, with what became of it within the horizon, as
-- known on the scored date. By the arm that was drawn, whatever was done (intention to treat).

with

scoring as (
    select as_of_date from {{ ref("as_of_dates") }} where is_scoring
),

entrants as (
    select
        *,
        entered_on + {{ setting("horizon_days", "integer") }} as window_end
    from {{ ref("holdouts") }}
),

wins as (
    select
        states.account_id,
        states.closed_at
    from {{ ref("account_opportunity_states") }} as states
    inner join scoring on states.known_from < scoring.as_of_date and states.known_until >= scoring.as_of_date
    where states.state = 'won' and states.opportunity_type = 'new_business'
),

first_wins as (
    select
        entrants.experiment,
        entrants.salt,
        entrants.account_id,
        min(wins.closed_at) as won_at
    from entrants
    inner join wins
        on entrants.account_id = wins.account_id
        and wins.closed_at >= entrants.entered_on
        and wins.closed_at < entrants.window_end
    group by entrants.experiment, entrants.salt, entrants.account_id
),

final as (
    select
        entrants.experiment,
        entrants.salt,
        entrants.account_id,
        entrants.stratum,
        -- Whom nobody was to work: the drawn of the holdout, and those that exploration passed over.
        entrants.is_drawn = (entrants.experiment = 'exploration') as is_to_be_worked,
        entrants.entered_on,
        entrants.window_end <= scoring.as_of_date as is_mature,
        first_wins.won_at is not null as is_won,
        first_wins.won_at
    from entrants
    cross join scoring
    left join first_wins
        on entrants.experiment = first_wins.experiment
        and entrants.salt = first_wins.salt
        and entrants.account_id = first_wins.account_id
)

select * from final
