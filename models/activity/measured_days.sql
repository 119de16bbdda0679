-- Grain: that of `account_days`, with the days of completed sequences beside those of events: everything that is measured signal
-- by signal. What counts events of whatever signal reads `account_days`, since a sequence is no event more.
{{ config(materialized="view") }}

{% for model in ["account_days", "account_sequence_days"] -%}
select
    account_id,
    person_id,
    signal,
    occurred_on,
    available_on,
    events,
    counted_events,
    amount,
    first_at,
    last_at
from {{ ref(model) }}
{{ "union all" if not loop.last }}
{% endfor %}
