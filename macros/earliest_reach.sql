{#
    A materialization that says from when on each node could be known to be tied to each target.

    The model's SQL returns rows (kind text, left_node text, right_node text, available_at timestamp):
      edge    left_node and right_node are tied, either way round, known from available_at;
      source  left_node is tied to the target right_node, known from available_at.
    The table built has one row per node and target it can reach: (node, target, available_at). A path is known from the
    latest time on it, its source row's included; available_at is the earliest over all paths. A node that reaches no
    target is absent. Nulls and other kinds are refused.

    Method: semi-naive iteration. Each round passes on only what the round before has found or improved, so the rounds are
    as many as the longest improving path has steps: four to six for the small components that persons and accounts form.
#}
{% materialization earliest_reach, default %}

    {% do run_hooks(pre_hooks, inside_transaction=false) %}
    {% do run_hooks(pre_hooks, inside_transaction=true) %}
    {% do commit_before_steps() %}

    {% set rows_as_text = create_working_table('text', sql) %}
    {% do refuse_unless_none(
        rows_as_text,
        "kind is null or left_node is null or right_node is null or available_at is null",
        "have a null in kind, left_node, right_node or available_at"
    ) %}
    {% do refuse_unless_none(rows_as_text, "kind not in ('edge', 'source')", "have a kind other than edge or source") %}

    {% set nodes = number_nodes(rows_as_text) %}
    {% set links = create_working_table('links', earliest_links(rows_as_text, nodes)) %}
    {% set frontier = create_working_table('frontier_0', earliest_sources(rows_as_text, nodes)) %}
    {% set reached = create_working_table('reached', "select node, target, available_at from " ~ frontier) %}

    {% do spread_until_nothing_improves(frontier, links, reached) %}

    {% set relations = replace_table(earliest_times(reached, nodes)) %}
    {% do drop_working_tables(['text', 'nodes', 'links', 'frontier_0', 'frontier_1', 'reached']) %}
    {% do run_hooks(post_hooks, inside_transaction=false) %}

    {{ return({'relations': relations}) }}

{% endmaterialization %}


{# Every edge in both directions, at its earliest time. #}
{% macro earliest_links(rows_as_text, nodes) -%}
    with edges as (
        select
            left_nodes.number as left_number,
            right_nodes.number as right_number,
            edges.available_at
        from {{ rows_as_text }} as edges
        inner join {{ nodes }} as left_nodes on left_nodes.node = edges.left_node
        inner join {{ nodes }} as right_nodes on right_nodes.node = edges.right_node
        where edges.kind = 'edge'
    ),

    both_directions as (
        select left_number as node, right_number as neighbour, available_at from edges
        union all
        select right_number as node, left_number as neighbour, available_at from edges
    )

    select
        node,
        neighbour,
        min(available_at) as available_at
    from both_directions
    group by node, neighbour
{%- endmacro %}


{% macro earliest_sources(rows_as_text, nodes) -%}
    select
        source_nodes.number as node,
        targets.number as target,
        min(sources.available_at) as available_at
    from {{ rows_as_text }} as sources
    inner join {{ nodes }} as source_nodes on source_nodes.node = sources.left_node
    inner join {{ nodes }} as targets on targets.node = sources.right_node
    where sources.kind = 'source'
    group by source_nodes.number, targets.number
{%- endmacro %}


{# Three statements a round: count what improved, pass it on to the neighbours, keep it. #}
{% macro spread_until_nothing_improves(frontier, links, reached) %}
    {% set max_rounds = var('earliest_reach_max_rounds', 1000) | int %}
    {% set state = namespace(rounds=0, frontier=frontier, finished=false) %}

    {% for attempt in range(max_rounds + 1) if not state.finished %}
        {% set improved = count_rows(state.frontier) %}
        {% if improved == 0 %}
            {% set state.finished = true %}
        {% elif state.rounds == max_rounds %}
            {% do drop_working_tables(['text', 'nodes', 'links', 'frontier_0', 'frontier_1', 'reached']) %}
            {% do exceptions.raise_compiler_error(
                "earliest_reach: model " ~ model.name ~ " still improves " ~ improved ~ " rows after " ~ state.rounds
                ~ " rounds. If its graph is sound, raise the variable earliest_reach_max_rounds."
            ) %}
        {% else %}
            {% set state.rounds = state.rounds + 1 %}
            {% set state.frontier = create_working_table(
                'frontier_' ~ (state.rounds % 2), pass_on(state.frontier, links, reached)
            ) %}
            {% do run_step(
                "insert into " ~ reached ~ " (node, target, available_at)
                select node, target, available_at from " ~ state.frontier
            ) %}
        {% endif %}
    {% endfor %}

    {{ log("earliest_reach: " ~ model.name ~ " took " ~ state.rounds ~ " rounds") }}
{% endmacro %}


{# `reached` is only ever added to, so a node and target may have several rows there; only a time below all of them counts
   as better. #}
{% macro pass_on(frontier, links, reached) -%}
    with offers as (
        select
            links.neighbour as node,
            frontier.target,
            min(greatest(frontier.available_at, links.available_at)) as available_at
        from {{ frontier }} as frontier
        inner join {{ links }} as links on links.node = frontier.node
        group by links.neighbour, frontier.target
    )

    select
        offers.node,
        offers.target,
        offers.available_at
    from offers
    where not exists (
        select 1
        from {{ reached }} as reached
        where reached.node = offers.node
          and reached.target = offers.target
          and reached.available_at <= offers.available_at
    )
{%- endmacro %}


{% macro earliest_times(reached, nodes) -%}
    with earliest as (
        select
            node,
            target,
            min(available_at) as available_at
        from {{ reached }}
        group by node, target
    )

    select
        nodes.node,
        targets.node as target,
        earliest.available_at
    from earliest
    inner join {{ nodes }} as nodes on nodes.number = earliest.node
    inner join {{ nodes }} as targets on targets.number = earliest.target
{%- endmacro %}
