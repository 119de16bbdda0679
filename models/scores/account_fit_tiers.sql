-- Grain: one row per account at the scored date: how far it is the customer that seeds/fit_criteria.csv declares. An account is
-- of the best tier of which it meets all attributes of one profile; D is what no profile takes, and what is not known meets none.

with

examples as (
    select * from {{ ref("scoring_examples") }}
),

criteria as (
    select * from {{ ref("fit_criteria") }}
),

attributes as (
    {%- set attributes = [
        ["kind", "cast(null as double)", "case organisation__is_company when 1 then 'company' else 'individual' end"],
        ["employees", "cast(company_size__employees as double)", "cast(null as varchar)"],
        ["industry", "cast(null as double)", "industry__name"],
        ["country", "cast(null as double)", "country__name"],
        ["match_confidence", "coalesce(organisation__match_confidence, 1)", "cast(null as varchar)"],
        ["decision_makers", "cast(decision_makers__people_90d as double)", "cast(null as varchar)"],
        ["departments", "cast(departments__represented_90d as double)", "cast(null as varchar)"],
    ] %}
    {% for attribute in attributes -%}
    select account_id, '{{ attribute[0] }}' as attribute, {{ attribute[1] }} as number, {{ attribute[2] }} as word
    from examples
    {{ "union all" if not loop.last }}
    {% endfor %}
),

-- Lines of one profile and attribute are alternatives.
checked as (
    select
        attributes.account_id,
        criteria.tier,
        criteria.profile,
        criteria.attribute,
        max(case when {{ meets_criterion("criteria", "attributes.number", "attributes.word") }} then 1 else 0 end) as is_met,
        max(case when attributes.number is null and attributes.word is null then 1 else 0 end) as is_unknown
    from attributes
    inner join criteria on attributes.attribute = criteria.attribute
    group by attributes.account_id, criteria.tier, criteria.profile, criteria.attribute
),

profiles as (
    select
        account_id,
        tier,
        profile,
        min(is_met) as is_met,
        sum(1 - is_met) as missed,
        {{ joined_text("named", "', '", "attribute", "is_met = 0") }} as missing
    from (
        select
            *,
            attribute || case when is_unknown = 1 then ' not known' else '' end as named
        from checked
    ) as named_checks
    group by account_id, tier, profile
),

ranked as (
    select
        *,
        row_number() over (partition by account_id order by is_met desc, tier, profile) as met_rank,
        row_number() over (partition by account_id order by tier, missed, profile) as best_rank
    from profiles
),

final as (
    select
        examples.account_id,
        case when met.is_met = 1 then met.tier else 'D' end as fit_tier,
        case when met.is_met = 1 then met.profile else 'none' end as fit_profile,
        best.missing as missing_for_best
    from examples
    left join ranked as met on examples.account_id = met.account_id and met.met_rank = 1
    left join ranked as best on examples.account_id = best.account_id and best.best_rank = 1
)

select * from final
