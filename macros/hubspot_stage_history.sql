{#-
    Rows (deal_id, stage_id, amount, close_date, entered_at): each stage that a HubSpot deal entered, with the amount and the close
    date that it had then. From the history of properties; for a deal without one, from `deal_stage`, which knows no amounts.
-#}
{% macro hubspot_stage_history() -%}
    with changes as (
        {{ source_columns("hubspot", "deal_property_history", [
            ["deal_id", "varchar"], ["name", "varchar"], ["value", "varchar"], ["timestamp", "timestamp"],
        ]) }}
    ),

    stages as (
        {{ source_columns("hubspot", "deal_stage", [
            ["deal_id", "varchar"], ["value", "varchar"], ["date_entered", "timestamp"], ["_fivetran_start", "timestamp"],
        ]) }}
    ),

    moments as (
        select
            deal_id,
            changes.timestamp as entered_at,
            max(case when name = 'dealstage' then value end) as stage_id,
            max(case when name = 'amount' then value end) as amount,
            max(case when name = 'closedate' then value end) as close_date
        from changes
        where name in ('dealstage', 'amount', 'closedate')
        group by deal_id, changes.timestamp
    ),

    carried as (
        select
            deal_id,
            entered_at,
            stage_id,
            last_value(amount ignore nulls) over (partition by deal_id order by entered_at) as amount,
            last_value(close_date ignore nulls) over (partition by deal_id order by entered_at) as close_date
        from moments
    ),

    with_history as (
        select distinct deal_id from carried where stage_id is not null
    )

    -- A property that somebody emptied has the value ''. HubSpot writes dates as milliseconds, some loaders as text.
    select
        deal_id,
        stage_id,
        try_cast(amount as double) as amount,
        coalesce(try_cast(close_date as timestamp), epoch_ms(try_cast(close_date as bigint))) as close_date,
        entered_at
    from carried
    where stage_id is not null

    union all

    select
        stages.deal_id,
        max(stages.value),
        null,
        null,
        coalesce(stages.date_entered, stages._fivetran_start)
    from stages
    left join with_history on stages.deal_id = with_history.deal_id
    where with_history.deal_id is null
    group by stages.deal_id, coalesce(stages.date_entered, stages._fivetran_start)
{%- endmacro %}
