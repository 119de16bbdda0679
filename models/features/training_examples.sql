-- Grain: one row per (account, past as-of date) that a model may learn from: in the cohort then, its outcome known now.

{{ examples("cohort.cohort = 'eligible' and labels.is_mature") }}
