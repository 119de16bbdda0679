{#-
    Whom each combination of identifiers in some events names: (user_id, email, anonymous_id, node), a blank where there is none. An
    event names few people, and people have many events: so it is worked out once for each combination.
-#}
{% macro nodes_of_senders(events) -%}
    with combinations as (
        select distinct
            coalesce(user_id, '') as user_id,
            coalesce(email, '') as email,
            coalesce(anonymous_id, '') as anonymous_id
        from {{ events }}
    )

    select
        *,
        {{ identifier_node(["user_id", "email", "anonymous_id"]) }} as node
    from combinations
{%- endmacro %}
