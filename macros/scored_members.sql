{#- The members of scored accounts, as they were known at the scored date. -#}
{% macro scored_members() -%}
    select
        members.account_id,
        members.person_id,
        as_of_dates.as_of_date
    from {{ ref("account_members") }} as members
    inner join {{ ref("as_of_dates") }} as as_of_dates on as_of_dates.is_scoring and members.available_at < as_of_dates.as_of_date
    inner join {{ ref("scoring_examples") }} as examples on members.account_id = examples.account_id
{%- endmacro %}
