-- Nobody stands above itself, over however many steps. The CRM lets people write a circle; nothing here follows a chain of
-- parents, so a circle harms no run: it is shown as a warning for whoever keeps the CRM tidy.
{{ config(severity="warn", meta={"dagster": {"ref": {"name": "account_hierarchy"}}}) }}

with recursive

parents as (
    select account_id, parent_account_id
    from {{ ref("account_hierarchy") }}
    where known_until = {{ the_end_of_time() }}
),

-- A plain union keeps a pair once, so that the search ends in a circle too.
ancestors as (
    select account_id, parent_account_id from parents

    union

    select ancestors.account_id, parents.parent_account_id
    from ancestors
    inner join parents on ancestors.parent_account_id = parents.account_id
),

final as (
    select account_id from ancestors where account_id = parent_account_id
)

select * from final
