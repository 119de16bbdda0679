import warnings

# dagster-dbt asks for sqlglot's Rust tokenizer, which sqlglot 29 no longer uses, and says so at each start.
warnings.filterwarnings("ignore", message=r"sqlglot\[rs\] is deprecated")
