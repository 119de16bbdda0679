-- Grain: one row per event of any source: the one place where the sources meet. Identity and activity read the events here.

{% for model in event_models() -%}
select
    event_id,
    source,
    event_type,
    event_name,
    user_id,
    anonymous_id,
    group_id,
    email,
    occurred_at,
    available_at,
    properties,
    country,
    device,
    channel
from {{ ref(model) }}
{% if not loop.last %}
union all

{% endif %}
{%- endfor %}
