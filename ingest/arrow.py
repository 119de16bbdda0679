"""The one door to pyarrow, which ships no types: naming it `Any` here keeps the rest of the package strict."""

from importlib import import_module
from typing import Any

pa: Any = import_module("pyarrow")
pc: Any = import_module("pyarrow.compute")
pacsv: Any = import_module("pyarrow.csv")
pq: Any = import_module("pyarrow.parquet")

Array = Any
Table = Any
