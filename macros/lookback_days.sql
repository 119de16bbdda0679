{#-
    How many days metrics look back, the setting `history_days`. A model that is materialized `by_as_of_date` is run with the number
    itself in its place, so that the engine skips what is older.
-#}
{% macro lookback_days() -%}
    {{ setting("history_days", "integer") }}
{%- endmacro %}
