{#- What a JSON object holds, as a relation: `member` and `kind`, the type in JSON's words. For a lateral join; nulls come too. -#}
{% macro json_members(document) -%}
    {{ return(adapter.dispatch("json_members")(document)) }}
{%- endmacro %}

{% macro default__json_members(document) -%}
    (
        select
            key as member,
            case
                when type = 'VARCHAR' then 'text'
                when type in ('BIGINT', 'UBIGINT', 'HUGEINT', 'UHUGEINT', 'DOUBLE') then 'number'
                else lower(type)
            end as kind
        from json_each({{ document }})
    )
{%- endmacro %}

{% macro postgres__json_members(document) -%}
    (
        select
            key as member,
            case jsonb_typeof(value) when 'string' then 'text' else jsonb_typeof(value) end as kind
        from jsonb_each(cast({{ document }} as jsonb))
    )
{%- endmacro %}
