{#- A share from 0 to below 1, drawn by the hash of a text in steps of 1 / 16,777,216: the same text always draws the same one. -#}
{% macro drawn_share(text) -%}
    (
        {%- for digit in range(6) %}
        {{ 16 ** (5 - digit) }} * position(substr(md5({{ text }}), {{ digit + 1 }}, 1) in '123456789abcdef')
        {{- " +" if not loop.last }}
        {%- endfor %}
    ) / 16777216.0
{%- endmacro %}
