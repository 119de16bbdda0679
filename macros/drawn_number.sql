{#- A whole number from 0 to below `count`, drawn by the hash of a text: the same text always draws the same one. -#}
{% macro drawn_number(text, count) -%}
    cast(floor((
        16 * position(substr(md5({{ text }}), 1, 1) in '123456789abcdef')
        + position(substr(md5({{ text }}), 2, 1) in '123456789abcdef')
    ) / 256.0 * ({{ count }})) as integer)
{%- endmacro %}
