{#-
    The spans of time in which facts about identifiers hold: from the moment they are known, save while the identifier is cut.

    facts: a CTE with (node, target, available_at). cuts: (node, cut_from, cut_until), spans of one node that do not overlap.
    Rows: (node, target, available_at, known_until).
-#}
{% macro outside_cuts(facts, cuts) -%}
    with

    starts as (
        select node, target, available_at
        from {{ facts }}

        union

        select facts.node, facts.target, cuts.cut_until
        from {{ facts }} as facts
        inner join {{ cuts }} as cuts on facts.node = cuts.node and facts.available_at < cuts.cut_until
        where cuts.cut_until < {{ the_end_of_time() }}
    )

    select
        starts.node,
        starts.target,
        starts.available_at,
        coalesce(min(next_cuts.cut_from), {{ the_end_of_time() }}) as known_until
    from starts
    left join {{ cuts }} as cuts
        on starts.node = cuts.node and starts.available_at >= cuts.cut_from and starts.available_at < cuts.cut_until
    left join {{ cuts }} as next_cuts on starts.node = next_cuts.node and starts.available_at < next_cuts.cut_from
    where cuts.node is null
    group by starts.node, starts.target, starts.available_at
{%- endmacro %}
