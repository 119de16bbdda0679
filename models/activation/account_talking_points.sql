-- Grain: one row per account that did something lately that is good to say: up to three counts of seeds/talking_points.csv in plain words,
-- of the last week, or of the last four where the week was quiet. Counts are what happened, without the daily cap.

with

scoring as (
    select as_of_date from {{ ref("as_of_dates") }} where is_scoring
),

points as (
    select * from {{ ref("talking_points") }}
),

days as (
    select
        account_days.account_id,
        account_days.person_id,
        account_days.signal,
        account_days.events,
        scoring.as_of_date - account_days.occurred_on as age
    from {{ ref("account_days") }} as account_days
    inner join scoring
        on account_days.occurred_on < scoring.as_of_date
        and account_days.available_on < scoring.as_of_date
        and account_days.occurred_on >= scoring.as_of_date - 28
),

counts as (
    select
        account_id,
        signal,
        sum(case when age <= 7 then events else 0 end) as of_week,
        sum(events) as of_month
    from days
    group by account_id, signal

    union all

    select
        account_id,
        'team',
        count(distinct case when age <= 7 then person_id end),
        count(distinct person_id)
    from days
    group by account_id
),

said as (
    select
        counts.account_id,
        points.position,
        counts.of_week,
        case when counts.of_week = 1 then points.one else replace(points.many, '{n}', cast(counts.of_week as varchar)) end as week_words,
        case when counts.of_month = 1 then points.one else replace(points.many, '{n}', cast(counts.of_month as varchar)) end as month_words
    from counts
    inner join points on counts.signal = points.signal
    where counts.of_month > 0
),

-- An account that did anything of it this week is told of this week alone.
placed as (
    select
        account_id,
        position,
        case when max(of_week) over (partition by account_id) > 0 then week_words else month_words end as words,
        max(of_week) over (partition by account_id) > 0 as is_of_week,
        of_week
    from said
),

told as (
    select
        *,
        row_number() over (partition by account_id order by position) as place,
        least(count(*) over (partition by account_id), 3) as places
    from placed
    where of_week > 0 or not is_of_week
),

final as (
    select
        account_id,
        string_agg(
            case when place = 1 then words when place = places then ' and ' || words else ', ' || words end, '' order by place
        )
        || case when max(case when is_of_week then 1 else 0 end) = 1 then ' this week' else ' in the last four weeks' end
            as talking_points
    from told
    where place <= places
    group by account_id
)

select * from final
