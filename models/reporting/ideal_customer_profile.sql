-- Grain: one row per (attribute, value): who has bought, account by account, beside who is declared to be the customer. An
-- account counts once, as it was known at the first date that it could be learned from; won, if it ever was within a horizon.

with

examples as (
    select * from {{ ref("training_examples") }} where is_eligible and is_mature
),

accounts as (
    select
        *,
        max(case when is_won then 1 else 0 end) over (partition by account_id) as was_won,
        row_number() over (partition by account_id order by as_of_date) as date_rank
    from examples
),

firsts as (
    select * from accounts where date_rank = 1
),

attributes as (
    {%- set attributes = [
        ["kind", "case organisation__is_company when 1 then 'company' else 'individual' end", "cast(null as double)"],
        ["employees", "case when company_size__employees < 10 then '1 to 9' when company_size__employees < 50 then '10 to 49' when company_size__employees < 200 then '50 to 199' when company_size__employees < 1000 then '200 to 999' when company_size__employees >= 1000 then '1000 and more' end", "cast(company_size__employees as double)"],
        ["industry", "industry__name", "cast(null as double)"],
        ["country", "country__name", "cast(null as double)"],
        ["decision_makers", "case when decision_makers__people_90d >= 1 then '1 and more' else '0' end", "cast(decision_makers__people_90d as double)"],
    ] %}
    {% for attribute in attributes -%}
    select
        account_id,
        was_won,
        '{{ attribute[0] }}' as attribute,
        coalesce({{ attribute[1] }}, 'not known') as value,
        {{ attribute[2] }} as number
    from firsts
    {{ "union all" if not loop.last }}
    {% endfor %}
),

declared as (
    select * from {{ ref("fit_criteria") }} where tier = 'A'
),

marked as (
    select
        attributes.account_id,
        attributes.attribute,
        attributes.value,
        attributes.was_won,
        max(
            case
                when declared.attribute is not null and ({{ meets_criterion("declared", "attributes.number", "attributes.value") }}) then 1
                else 0
            end
        ) as is_declared
    from attributes
    left join declared on attributes.attribute = declared.attribute
    group by attributes.account_id, attributes.attribute, attributes.value, attributes.was_won
),

counted as (
    select
        attribute,
        value,
        count(*) as accounts,
        sum(was_won) as won_accounts,
        cast(sum(was_won) as double) / count(*) as win_rate,
        cast(sum(is_declared) as double) / count(*) as declared_share
    from marked
    group by attribute, value
),

base as (
    select cast(sum(was_won) as double) / nullif(count(*), 0) as win_rate from firsts
),

bounded as (
    select
        counted.*,
        base.win_rate as base_rate,
        {{ wilson_bound("counted.win_rate", "counted.accounts", "-") }} as rate_low,
        {{ wilson_bound("counted.win_rate", "counted.accounts", "+") }} as rate_high
    from counted
    cross join base
),

final as (
    select
        attribute,
        value,
        accounts,
        cast(won_accounts as bigint) as won_accounts,
        win_rate,
        rate_low,
        rate_high,
        win_rate / nullif(base_rate, 0) as lift,
        rate_low / nullif(base_rate, 0) as lift_low,
        rate_high / nullif(base_rate, 0) as lift_high,
        case
            when rate_low > base_rate then 'wins more'
            when rate_high < base_rate then 'wins less'
            else 'not sure'
        end as learned,
        declared_share
    from bounded
)

select * from final
