-- The parts of a change sum to the change, for every account that this run and the published one scored, within 1e-9 points.
{{ config(meta={"dagster": {"ref": {"name": "score_changes_by_run"}}}) }}

with

points as (
    select run_id, account_id, sum(points) as points
    from {{ source("ml", "feature_contributions") }}
    group by run_id, account_id
),

changes as (
    select today.account_id, today.points - before.points as points
    from points as today
    inner join points as before on today.account_id = before.account_id and before.run_id = {{ published_run() }}
    where today.run_id = {{ running_run() }}
),

parts as (
    select account_id, sum(points) as points
    from {{ ref("score_changes_by_run") }}
    where run_id = {{ running_run() }}
    group by account_id
),

final as (
    select
        coalesce(changes.account_id, parts.account_id) as account_id,
        changes.points as change_of_points,
        parts.points as points_of_parts
    from changes
    full outer join parts on changes.account_id = parts.account_id
    where changes.account_id is null or abs(changes.points - coalesce(parts.points, 0)) > 1e-9
)

select * from final
