{#-
    The labels of the signals that move each account most, as a query: `up_<n>` joins the n strongest for it, `down_<n>` those against it,
    from half a point on; `top_signals` is the five strongest as JSON text.
-#}
{% macro strongest_reasons(contributions, most_for, most_against) -%}
    {%- set worth_telling = "direction = '%s' and direction_rank <= %d and abs(points) >= 0.5" -%}
    select
        account_id,
        {% for direction, most in [("up", most_for), ("down", most_against)] -%}
        {% for reasons in range(most, 0, -1) -%}
        {{ joined_text("label", "'; '", "rank", worth_telling % (direction, reasons)) }} as {{ direction }}_{{ reasons }},
        {% endfor -%}
        {% endfor -%}
        {{ json_array_text("signal", "points", "rank", "rank between 1 and 5") }} as top_signals
    from (
        select
            *,
            row_number() over (partition by account_id, direction order by rank) as direction_rank
        from {{ contributions }}
    ) as ranked
    group by account_id
{%- endmacro %}
