{{ config(materialized="view") }}

select * from {{ ref("account_days") }}
