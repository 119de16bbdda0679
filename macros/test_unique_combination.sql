{#-
    A generic test of a model's grain: no two rows share the columns, and no column is null, save those in `may_be_null`.
    With of_running_run only rows of the run under way are looked at; without one there is nothing to look at.
-#}
{% test unique_combination(model, columns, may_be_null=[], of_running_run=false) %}

select
    {{ columns | join(", ") }},
    count(*) as row_count
from {{ model }}
{% if of_running_run -%}
where run_id = {{ running_run() }}
{% endif -%}
group by {{ columns | join(", ") }}
having
    count(*) > 1
    {%- for column in columns if column not in may_be_null %}
    or {{ column }} is null
    {%- endfor %}

{% endtest %}
