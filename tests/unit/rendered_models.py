"""Models as the SQL that DuckDB runs, without dbt: for tests that run one of them a hundred times."""

from functools import cache
from pathlib import Path

from jinja2 import Environment

# Jinja reads the regular expressions in macros as Python would read them.
WARNING = "ignore:invalid escape sequence:DeprecationWarning"

PROJECT = Path(__file__).resolve().parents[2]


@cache
def rendered(path: str, this: str | None = None) -> str:
    """The SQL of a model file; every ref and source is the table of its own name.

    Args:
        path: below models/, such as activation/plays_by_run.sql.
        this: the table that the model reads as what it holds already; None where there is none yet.
    """
    environment = Environment(extensions=["jinja2.ext.do"], autoescape=False)  # noqa: S701 - SQL, not HTML
    macros = "\n".join(text for text in _macros() if "{% materialization" not in text and "{% test " not in text)
    environment.globals |= {
        "ref": lambda name: name,
        "source": lambda schema, name: name,
        "config": lambda **_: "",
        "return": lambda value: value,
        "holds_column": lambda column: this is not None,
        "this": this,
        "adapter": Adapter(environment, macros),
    }
    return environment.from_string(macros + (PROJECT / "models" / path).read_text(encoding="utf-8")).render()


class Adapter:
    """As much of dbt's adapter as the models ask for."""

    def __init__(self, environment: Environment, macros: str) -> None:
        self._environment, self._macros = environment, macros

    def dispatch(self, name: str):
        return getattr(self._environment.from_string(self._macros).module, f"default__{name}")


def _macros() -> list[str]:
    files = sorted((PROJECT / "macros").glob("*.sql"))
    return [file.read_text(encoding="utf-8") for file in files if file.stem != "holds_column"]
