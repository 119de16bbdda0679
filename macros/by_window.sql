{#-
    One expression per window of `metric_windows`, with a comma between them; `{w}` in the text stands for the window's days.
    All metrics of windows are made from that one list.
-#}
{% macro by_window(expression) -%}
    {%- for window in var("metric_windows") -%}
    {{ expression | replace("{w}", window) }}{{ ",\n        " if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
