-- Grain: one row per (time window, account, month): a span of an account's time to look at for what it did, and whether the
-- account converted after it. Not for training: who converted is what is known on the scored date.

with

account_days as (
    select * from {{ ref("account_days") }}
),

accounts as (
    select * from {{ ref("accounts") }}
),

scoring as (
    select as_of_date from {{ ref("as_of_dates") }} where is_scoring
),

active_days as (
    select
        account_days.account_id,
        account_days.occurred_on,
        min(account_days.available_on) as available_on
    from account_days
    cross join scoring
    where account_days.available_on < scoring.as_of_date
    group by account_days.account_id, account_days.occurred_on
),

observed as (
    select min(available_on) as since from active_days
),

-- An outcome counts once it is known; a deal that was deleted never was one.
known_deals as (
    select
        opportunities.account_id,
        opportunities.opportunity_type = 'new_business' as is_new_business,
        cast(opportunities.created_at as date) as created_on,
        case when opportunities.closed_available_at < scoring.as_of_date then cast(opportunities.closed_at as date) end as closed_on,
        coalesce(opportunities.is_won and opportunities.closed_available_at < scoring.as_of_date, false) as is_won
    from {{ ref("account_opportunities") }} as opportunities
    cross join scoring
    where
        opportunities.created_available_at < scoring.as_of_date
        and (opportunities.deleted_available_at is null or opportunities.deleted_available_at >= scoring.as_of_date)
),

deals as (
    select
        *,
        case when {{ setting("label_anchor") }} = 'opportunity_created' then created_on else closed_on end as anchored_on
    from known_deals
),

-- First steps count from the day on which anything of the account was known. Whoever is known from the first days of all
-- data on was there before: their first steps were not observed.
first_days as (
    select active_days.account_id, min(active_days.available_on) as started_on
    from active_days
    cross join observed
    group by active_days.account_id, observed.since
    having min(active_days.available_on) >= observed.since + {{ var("first_activity_quiet_days") }}
),

first_windows as (
    {% for days in [7, 14] -%}
    select
        'first_{{ days }}_days' as time_window,
        account_id,
        cast(date_trunc('month', started_on) as date) as cohort_month,
        started_on as starts_on,
        started_on + {{ days }} as ends_on,
        cast(null as varchar) as outcome
    from first_days
    {% if not loop.last -%}
    union all
    {% endif -%}
    {% endfor %}
),

-- The 30 days before: a converter's end with the deal's creation; another's on a day of the month that its id draws.
deals_by_month as (
    select
        account_id,
        cast(date_trunc('month', created_on) as date) as cohort_month,
        coalesce(min(case when is_won then created_on end), min(created_on)) as ends_on,
        case when max(case when is_won then 1 else 0 end) = 1 then 'converted' else 'undecided' end as outcome
    from deals
    where is_new_business and (is_won or closed_on is null)
    group by account_id, cast(date_trunc('month', created_on) as date)
),

months as (
    select distinct cast(date_trunc('month', occurred_on) as date) as cohort_month from active_days
),

others_by_month as (
    select
        accounts.account_id,
        months.cohort_month,
        months.cohort_month + {{ drawn_number("accounts.account_id", "extract(day from last_day(months.cohort_month))") }} as ends_on
    from accounts
    cross join months
    left join deals_by_month
        on accounts.account_id = deals_by_month.account_id and months.cohort_month = deals_by_month.cohort_month
    where deals_by_month.account_id is null
),

last_windows as (
    select 'last_30_days' as time_window, account_id, cohort_month, ends_on - 30 as starts_on, ends_on, outcome
    from deals_by_month
    union all
    select 'last_30_days', account_id, cohort_month, ends_on - 30, ends_on, 'not_converted'
    from others_by_month
),

windows as (
    select * from first_windows
    union all
    select * from last_windows
),

observed_windows as (
    select
        windows.*,
        accounts.kind as account_kind
    from windows
    inner join accounts on windows.account_id = accounts.account_id
    cross join scoring
    cross join observed
    where
        windows.starts_on >= observed.since
        and windows.ends_on <= scoring.as_of_date
        and (accounts.joined_company_at is null or accounts.joined_company_at >= windows.ends_on)
),

-- Whoever is compared could have converted when the window ended: active, no customer, without a deal, not excluded.
active as (
    select distinct windows.time_window, windows.account_id, windows.cohort_month
    from observed_windows as windows
    inner join active_days
        on windows.account_id = active_days.account_id
        and active_days.occurred_on >= windows.ends_on - {{ setting("active_within_days", "integer") }}
        and active_days.occurred_on < windows.ends_on
        and active_days.available_on < windows.ends_on
),

taken as (
    select distinct windows.time_window, windows.account_id, windows.cohort_month
    from observed_windows as windows
    inner join deals on windows.account_id = deals.account_id and deals.created_on < windows.ends_on
    where (deals.is_won or deals.closed_on is null or deals.closed_on >= windows.ends_on) and {{ setting("cohort") }} = 'new_business'
),

-- First steps have the label of training: won by a deal that is created later and reaches its anchor within the horizon.
later as (
    select
        windows.time_window,
        windows.account_id,
        max(case when deals.is_won then 1 else 0 end) as is_converted,
        max(case when deals.closed_on is null then 1 else 0 end) as is_open
    from observed_windows as windows
    inner join deals
        on windows.account_id = deals.account_id
        and deals.is_new_business
        and deals.created_on >= windows.ends_on
        and deals.anchored_on < windows.ends_on + {{ setting("horizon_days", "integer") }}
    where windows.outcome is null
    group by windows.time_window, windows.account_id
),

final as (
    select
        windows.time_window,
        windows.account_id,
        windows.cohort_month,
        windows.account_kind,
        windows.starts_on,
        windows.ends_on,
        case
            when windows.outcome is not null then windows.outcome
            when windows.ends_on + {{ setting("horizon_days", "integer") }} > scoring.as_of_date then 'undecided'
            when later.is_converted = 1 then 'converted'
            when later.is_open = 1 then 'undecided'
            else 'not_converted'
        end as outcome
    from observed_windows as windows
    cross join scoring
    inner join active
        on windows.time_window = active.time_window
        and windows.account_id = active.account_id
        and windows.cohort_month = active.cohort_month
    left join taken
        on windows.time_window = taken.time_window
        and windows.account_id = taken.account_id
        and windows.cohort_month = taken.cohort_month
    left join later on windows.time_window = later.time_window and windows.account_id = later.account_id
    left join {{ ref("account_exclusions") }} as exclusions
        on windows.account_id = exclusions.account_id and exclusions.available_at < windows.ends_on
    where taken.account_id is null and exclusions.account_id is null
)

select * from final
