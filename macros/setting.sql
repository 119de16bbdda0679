{#- One value of seeds/settings.csv, as data: it never becomes SQL text. -#}
{% macro setting(name, type="varchar") -%}
    (select cast(settings.value as {{ type }}) from {{ ref("settings") }} as settings where settings.setting = '{{ name }}')
{%- endmacro %}
