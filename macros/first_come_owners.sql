{#
    A materialization that lets claims arrive one after the other and keeps owners apart.

    The model's SQL returns rows (kind text, left_node text, right_node text, claim_rank bigint):
      claim   left_node and right_node would be joined, as the claim_rank-th claim in order; ranks are unique;
      owner   left_node (and right_node, the same) is an owner.
    Claims are taken in order. Each joins the groups of its two nodes unless both have an owner already. The table built has
    one row per node that ends with an owner, owners included: (node, owner). A claim was refused exactly where its two
    nodes end with different owners. What a claim leads to depends on earlier claims alone, so leaving out the last ones
    changes nothing that was decided before.

    Method: taking claims in order is Kruskal's algorithm on the graph in which all owners are one node. So the accepted
    claims are that graph's minimum spanning tree, which Boruvka's rounds find without any order: every group without an
    owner follows its first claim, until no group has one left. That halves the groups each time: 20 rounds for a million.
#}
{% materialization first_come_owners, default %}

    {% do run_hooks(pre_hooks, inside_transaction=false) %}
    {% do run_hooks(pre_hooks, inside_transaction=true) %}
    {% do commit_before_steps() %}

    {% set rows_as_text = create_working_table('text', sql) %}
    {% do refuse_unless_none(
        rows_as_text,
        "kind is null or left_node is null or right_node is null or (kind = 'claim' and claim_rank is null)",
        "have a null in kind, left_node, right_node or claim_rank"
    ) %}
    {% do refuse_unless_none(rows_as_text, "kind not in ('claim', 'owner')", "have a kind other than claim or owner") %}
    {% do refuse_unless_none(
        rows_as_text,
        "kind = 'claim' and claim_rank in (
            select claim_rank from " ~ rows_as_text ~ " where kind = 'claim' group by claim_rank having count(*) > 1
        )",
        "share a claim_rank"
    ) %}

    {% set nodes = number_nodes(rows_as_text) %}
    {% set owners = create_working_table('owners', numbered_owners(rows_as_text, nodes)) %}
    {% set state = namespace(
        claims=create_working_table('claims_0', open_claims(numbered_claims(rows_as_text, nodes), owners)),
        groups=create_working_table('groups_0', "select number as node, number as label from " ~ nodes),
        round=0,
    ) %}

    {% for attempt in range(64) if count_rows(state.claims) > 0 %}
        {% set state.round = state.round + 1 %}
        {% set parents = follow_first_claims(state.claims, owners) %}
        {% set state.groups = create_working_table('groups_' ~ (state.round % 2), followed(state.groups, parents)) %}
        {% set state.claims = create_working_table(
            'claims_' ~ (state.round % 2), open_claims(relabelled(state.claims, parents), owners)
        ) %}
    {% endfor %}
    {% if count_rows(state.claims) > 0 %}
        {% do exceptions.raise_compiler_error(
            "first_come_owners: model " ~ model.name ~ " still has open claims after " ~ state.round ~ " rounds."
        ) %}
    {% endif %}
    {{ log("first_come_owners: " ~ model.name ~ " took " ~ state.round ~ " rounds") }}

    {% set relations = replace_table(owners_by_name(state.groups, owners, nodes)) %}
    {% do drop_working_tables([
        'text', 'nodes', 'owners', 'claims_0', 'claims_1', 'groups_0', 'groups_1', 'chosen', 'parents_0', 'parents_1'
    ]) %}
    {% do run_hooks(post_hooks, inside_transaction=false) %}

    {{ return({'relations': relations}) }}

{% endmaterialization %}


{% macro numbered_owners(rows_as_text, nodes) -%}
    select distinct nodes.number
    from {{ rows_as_text }} as owners
    inner join {{ nodes }} as nodes on nodes.node = owners.left_node
    where owners.kind = 'owner'
{%- endmacro %}


{% macro numbered_claims(rows_as_text, nodes) -%}
    select
        left_nodes.number as left_label,
        right_nodes.number as right_label,
        claims.claim_rank
    from {{ rows_as_text }} as claims
    inner join {{ nodes }} as left_nodes on left_nodes.node = claims.left_node
    inner join {{ nodes }} as right_nodes on right_nodes.node = claims.right_node
    where claims.kind = 'claim'
{%- endmacro %}


{# The first claim of every two groups, but none within a group and none between two that have owners. #}
{% macro open_claims(claims, owners) -%}
    select
        least(claims.left_label, claims.right_label) as left_label,
        greatest(claims.left_label, claims.right_label) as right_label,
        min(claims.claim_rank) as claim_rank
    from ({{ claims }}) as claims
    left join {{ owners }} as left_owners on left_owners.number = claims.left_label
    left join {{ owners }} as right_owners on right_owners.number = claims.right_label
    where claims.left_label <> claims.right_label
      and (left_owners.number is null or right_owners.number is null)
    group by least(claims.left_label, claims.right_label), greatest(claims.left_label, claims.right_label)
{%- endmacro %}


{# (label, parent): which group every group without an owner ends in when each follows its first claim. #}
{% macro follow_first_claims(claims, owners) %}
    {% set chosen = create_working_table('chosen', first_claims(claims, owners)) %}
    {% set state = namespace(parents=create_working_table('parents_0', without_pairs(chosen)), jumps=0, finished=false) %}
    {% for attempt in range(64) if not state.finished %}
        {% set unfinished = run_query(
            "select count(*) from " ~ state.parents ~ " as parents
            inner join " ~ state.parents ~ " as grandparents on grandparents.label = parents.parent"
        ).columns[0].values()[0] | int %}
        {% if unfinished == 0 %}
            {% set state.finished = true %}
        {% else %}
            {% set state.jumps = state.jumps + 1 %}
            {% set state.parents = create_working_table(
                'parents_' ~ (state.jumps % 2),
                "select parents.label, coalesce(grandparents.parent, parents.parent) as parent
                from " ~ state.parents ~ " as parents
                left join " ~ state.parents ~ " as grandparents on grandparents.label = parents.parent"
            ) %}
        {% endif %}
    {% endfor %}
    {% do return(state.parents) %}
{% endmacro %}


{% macro first_claims(claims, owners) -%}
    with ends as (
        select left_label as label, right_label as other_label, claim_rank from {{ claims }}
        union all
        select right_label as label, left_label as other_label, claim_rank from {{ claims }}
    ),

    ranked as (
        select
            ends.label,
            ends.other_label,
            row_number() over (partition by ends.label order by ends.claim_rank) as choice
        from ends
        left join {{ owners }} as owners on owners.number = ends.label
        where owners.number is null
    )

    select label, other_label as parent
    from ranked
    where choice = 1
{%- endmacro %}


{# Two groups that choose each other: the smaller label stays. Ranks are unique, so there is no longer circle. #}
{% macro without_pairs(chosen) -%}
    select
        chosen.label,
        chosen.parent
    from {{ chosen }} as chosen
    left join {{ chosen }} as back on back.label = chosen.parent and back.parent = chosen.label
    where back.label is null or chosen.label > chosen.parent
{%- endmacro %}


{% macro followed(groups, parents) -%}
    select
        groups.node,
        coalesce(parents.parent, groups.label) as label
    from {{ groups }} as groups
    left join {{ parents }} as parents on parents.label = groups.label
{%- endmacro %}


{% macro relabelled(claims, parents) -%}
    select
        coalesce(left_parents.parent, claims.left_label) as left_label,
        coalesce(right_parents.parent, claims.right_label) as right_label,
        claims.claim_rank
    from {{ claims }} as claims
    left join {{ parents }} as left_parents on left_parents.label = claims.left_label
    left join {{ parents }} as right_parents on right_parents.label = claims.right_label
{%- endmacro %}


{% macro owners_by_name(groups, owners, nodes) -%}
    select
        nodes.node,
        owner_nodes.node as owner
    from {{ groups }} as groups
    inner join {{ owners }} as owners on owners.number = groups.label
    inner join {{ nodes }} as nodes on nodes.number = groups.node
    inner join {{ nodes }} as owner_nodes on owner_nodes.number = groups.label
{%- endmacro %}
