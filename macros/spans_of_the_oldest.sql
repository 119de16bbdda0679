{#-
    In which span of time each identifier belonged to which group: the one named by the oldest identifier that it could be
    known to be tied to.

    reach: (node, target, available_at, known_until), targets being oldest identifiers. oldest: (node, age_rank).
    Rows: (node, oldest_node, available_at, known_until), in spans of one node that do not overlap.
-#}
{% macro spans_of_the_oldest(reach, oldest) -%}
    with

    aged as (
        select reach.node, reach.available_at, reach.known_until, oldest.age_rank
        from {{ reach }} as reach
        inner join {{ oldest }} as oldest on reach.target = oldest.node
    ),

    moments as (
        select node, available_at as moment from aged
        union
        select node, known_until from aged where known_until < {{ the_end_of_time() }}
    ),

    -- Moments at which nothing is known have no rank: there the span before them ends.
    decided as (
        select moments.node, moments.moment, min(aged.age_rank) as age_rank
        from moments
        left join aged
            on moments.node = aged.node and moments.moment >= aged.available_at and moments.moment < aged.known_until
        group by moments.node, moments.moment
    ),

    compared as (
        select
            *,
            lag(age_rank) over (partition by node order by moment) as age_rank_before
        from decided
    ),

    spans as (
        select
            node,
            age_rank,
            moment as available_at,
            coalesce(lead(moment) over (partition by node order by moment), {{ the_end_of_time() }}) as known_until
        from compared
        where age_rank is distinct from age_rank_before
    )

    select
        spans.node,
        oldest.node as oldest_node,
        spans.available_at,
        spans.known_until
    from spans
    inner join {{ oldest }} as oldest on spans.age_rank = oldest.age_rank
{%- endmacro %}
