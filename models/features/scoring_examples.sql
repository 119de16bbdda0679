-- Grain: one row per account at the date that is scored, whatever its place in the cohort. Same metrics, same SQL.

{{ examples("cohort.is_scoring") }}
