"""The same metrics by hand: what somebody who knows DuckDB writes for one Parquet file, without dbt or increments.

Days are counted once, then one pass per as-of date keeps a mask of 90 bits per (account, signal, person); people are
counted by the day on which each was last seen. Texts are grouped as they are.
"""

from typing import Final

WINDOWS: Final = (1, 7, 14, 28, 90)
LOOKBACK_DAYS: Final = 365


def days(parquet: str, until: str) -> str:
    """The query that counts days, with the cap per person and day as it stood when each row became known."""
    return f"""
        with days as materialized (
            select
                account_id, person_id, signal,
                cast(occurred_at as date) as occurred_on,
                cast(available_at as date) as available_on,
                count(*) as events,
                sum(cast(amount as decimal(18, 4))) as amount
            from read_parquet('{parquet}')
            where available_at < timestamp '{until}'
            group by all
        ),
        late as (
            select distinct account_id, person_id, signal, occurred_on from days where available_on > occurred_on
        ),
        counted as (
            select days.*, cast(0 as hugeint) as events_before
            from days anti join late using (account_id, person_id, signal, occurred_on)
            union all
            select
                days.*,
                sum(events) over (
                    partition by account_id, person_id, signal, occurred_on order by available_on
                ) - events
            from days semi join late using (account_id, person_id, signal, occurred_on)
        )
        select
            account_id, person_id, counted.signal, occurred_on, available_on, amount,
            least(events_before + events, coalesce(daily_cap, events_before + events))
            - least(events_before, coalesce(daily_cap, events_before)) as events,
            coalesce(half_life_days, 30) as half_life_days
        from counted inner join signals on counted.signal = signals.signal
    """


def metrics(date: str) -> str:
    """The query over the table `days` that gives the metrics as of one date."""
    date = f"date '{date}'"
    return f"""
        with persons as (
            select
                account_id, signal, person_id,
                {_each("cast(sum(case when age <= {w} then events else 0 end) as bigint) as events_{w}d")},
                cast(sum(case when age <= 35 then events else 0 end) as bigint) as events_35d,
                {_each("coalesce(sum(case when age <= {w} then amount end), 0) as amount_{w}d")},
                sum(cast(events * power(0.5, age / half_life_days) as decimal(18, 9))) as decayed_count,
                bit_or(case when age <= 90 then 1::hugeint << (age - 1)::integer else 0 end) as mask,
                min(age) as age
            from (
                select *, {date} - occurred_on as age from days
                where occurred_on < {date} and available_on < {date} and occurred_on >= {date} - {LOOKBACK_DAYS}
            )
            group by account_id, signal, person_id
        ),
        shown as (
            select
                account_id, signal,
                {_each("sum(events_{w}d)::bigint as events_{w}d")},
                sum(events_35d)::bigint as events_35d,
                {_each("bit_count(bit_or(mask) & ((1::hugeint << {w}) - 1))::integer as active_days_{w}d")},
                {_each("(count(*) filter (person_id is not null and age <= {w}))::integer as people_{w}d")},
                {_each("sum(amount_{w}d)::double as amount_{w}d")},
                sum(decayed_count)::double as decayed_count,
                min(age) as days_since_last
            from persons group by account_id, signal
        ),
        people as (
            select account_id, count(*) filter (age <= 28) as people_28d, count(*) filter (age <= 90) as people_90d
            from (
                select account_id, person_id, min(age) as age from persons where person_id is not null group by all
            )
            group by account_id
        ),
        first_days as (
            select account_id, signal, min(occurred_on) as first_on from days
            where occurred_on < {date} and available_on < {date} group by all
        )
        select
            account_id, {date} as as_of_date, signal,
            {_each("events_{w}d")}, {_each("active_days_{w}d")}, {_each("shown.people_{w}d")}, {_each("amount_{w}d")},
            decayed_count,
            ln(1 + events_7d) - ln(1 + (events_28d - events_7d) / 3) as momentum,
            ln(1 + events_7d) - ln(1 + (events_28d - events_7d) / 3)
            - (ln(1 + events_14d - events_7d) - ln(1 + (events_35d - events_14d) / 3)) as acceleration,
            shown.people_28d / nullif(people.people_28d, 0) as people_share_28d,
            shown.people_90d / nullif(people.people_90d, 0) as people_share_90d,
            {date} - first_on as days_since_first,
            days_since_last
        from shown
        inner join first_days using (account_id, signal)
        left join people using (account_id)
    """


def _each(expression: str) -> str:
    return ", ".join(expression.replace("{w}", str(window)) for window in WINDOWS)
