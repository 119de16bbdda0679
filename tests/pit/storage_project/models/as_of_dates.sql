select as_of_date from raw.as_of_dates
