select 'history_days' as setting, '365' as value
