{#-
    What each person did in each account on the 90 days before the scored date. A day was counted for the person as known then; here it is
    that of the one it turned out to be.
-#}
{% macro person_days() -%}
    select
        account_days.account_id,
        coalesce(person_identifiers.person_id, account_days.person_id) as person_id,
        account_days.signal,
        account_days.occurred_on,
        account_days.counted_events,
        as_of_dates.as_of_date - account_days.occurred_on as age
    from {{ ref("account_days") }} as account_days
    inner join {{ ref("as_of_dates") }} as as_of_dates on as_of_dates.is_scoring
    left join {{ ref("person_anchors") }} as anchors on account_days.person_id = anchors.person_id
    left join {{ ref("person_identifiers") }} as person_identifiers on anchors.node = person_identifiers.node
    where
        account_days.person_id is not null
        and account_days.occurred_on < as_of_dates.as_of_date
        and account_days.available_on < as_of_dates.as_of_date
        and account_days.occurred_on >= as_of_dates.as_of_date - 90
{%- endmacro %}
