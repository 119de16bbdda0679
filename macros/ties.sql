{#-
    Which identifiers were tied to each other, and in which spans of time that was known.

    In a record, the strongest identifier is the hub, and every other one is tied to it, not to each other, so that a shared
    device cannot join two people through their addresses. An identifier takes no part in a record while it is cut: the
    next strongest is the hub then, as if the record had never carried the cut one.

    members: (observation_id, node, priority, is_mentioned, rule, source, available_at), two or more to an observation.
    cuts: (node, cut_from, cut_until), spans of one node that do not overlap.
    apart: (node, other_node), pairs that are never tied to each other directly, in one direction or both.

    Rows: (left_node, right_node, rule, source, available_at, known_until); the right one is the stronger. Spans of a pair
    neither overlap nor touch.
-#}
{% macro ties(members, cuts, apart) -%}
    with

    moments as (
        select observation_id, available_at as known_from
        from {{ members }} as members

        union

        select members.observation_id, cuts.cut_from
        from {{ members }} as members
        inner join {{ cuts }} as cuts on members.node = cuts.node and members.available_at < cuts.cut_from

        union

        select members.observation_id, cuts.cut_until
        from {{ members }} as members
        inner join {{ cuts }} as cuts on members.node = cuts.node and members.available_at < cuts.cut_until
        where cuts.cut_until < {{ the_end_of_time() }}
    ),

    spans as (
        select
            observation_id,
            known_from,
            coalesce(
                lead(known_from) over (partition by observation_id order by known_from), {{ the_end_of_time() }}
            ) as known_until
        from moments
    ),

    ranked as (
        select
            spans.observation_id,
            spans.known_from,
            spans.known_until,
            members.node,
            members.rule,
            members.source,
            row_number() over (
                partition by spans.observation_id, spans.known_from
                order by members.priority, members.is_mentioned, members.node
            ) as strength
        from spans
        inner join {{ members }} as members
            on spans.observation_id = members.observation_id and spans.known_from >= members.available_at
        left join {{ cuts }} as cuts
            on members.node = cuts.node and spans.known_from >= cuts.cut_from and spans.known_from < cuts.cut_until
        where cuts.node is null
    ),

    shown as (
        select
            others.node as left_node,
            hubs.node as right_node,
            others.rule,
            others.source,
            others.known_from,
            others.known_until,
            row_number() over (
                partition by others.node, hubs.node, others.known_until
                order by others.known_from, others.rule, others.source
            ) as showing
        from ranked as others
        inner join ranked as hubs
            on others.observation_id = hubs.observation_id and others.known_from = hubs.known_from and hubs.strength = 1
        left join {{ apart }} as apart
            on (others.node = apart.node and hubs.node = apart.other_node)
            or (others.node = apart.other_node and hubs.node = apart.node)
        where others.strength > 1 and apart.node is null
    ),

    compared as (
        select
            *,
            max(known_until) over (
                partition by left_node, right_node
                order by known_from, known_until desc, rule, source
                rows between unbounded preceding and 1 preceding
            ) as known_until_before
        from shown
        where showing = 1
    ),

    numbered as (
        select
            *,
            sum(case when known_from <= known_until_before then 0 else 1 end) over (
                partition by left_node, right_node
                order by known_from, known_until desc, rule, source
                rows between unbounded preceding and current row
            ) as span_number
        from compared
    ),

    ordered as (
        select
            *,
            row_number() over (
                partition by left_node, right_node, span_number
                order by known_from, rule, source
            ) as showing_in_span
        from numbered
    )

    select
        left_node,
        right_node,
        max(case when showing_in_span = 1 then rule end) as rule,
        max(case when showing_in_span = 1 then source end) as source,
        min(known_from) as available_at,
        max(known_until) as known_until
    from ordered
    group by left_node, right_node, span_number
{%- endmacro %}
