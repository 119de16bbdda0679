{#-
    The identifiers that name a group of identifiers at some time, because they are the oldest of those known to belong
    together. Left out is what was tied to an older one from its first moment on, for good: it never was the oldest.

    identifiers: (node, first_seen_at). ties: (left_node, right_node, available_at, known_until).
    Rows: (node, first_seen_at, age_rank), 1 being the oldest.
-#}
{% macro oldest_identifiers(identifiers, ties) -%}
    with

    directions as (
        select left_node as node, right_node as other_node, available_at, known_until from {{ ties }}
        union all
        select right_node, left_node, available_at, known_until from {{ ties }}
    ),

    never_oldest as (
        select distinct identifiers.node
        from {{ identifiers }} as identifiers
        inner join directions
            on identifiers.node = directions.node
            and identifiers.first_seen_at >= directions.available_at
            and directions.known_until = {{ the_end_of_time() }}
        inner join {{ identifiers }} as others on directions.other_node = others.node
        where
            others.first_seen_at < identifiers.first_seen_at
            or (others.first_seen_at = identifiers.first_seen_at and others.node < identifiers.node)
    )

    select
        identifiers.node,
        identifiers.first_seen_at,
        row_number() over (order by identifiers.first_seen_at, identifiers.node) as age_rank
    from {{ identifiers }} as identifiers
    left join never_oldest on identifiers.node = never_oldest.node
    where never_oldest.node is null
{%- endmacro %}
