"""Records on disk: the same rows as Parquet and as CSV, in one order, the same bytes every time."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
from pyarrow import csv, parquet

from sim.records import Kind, Table

ROWS_PER_GROUP = 50_000  # rows are buffered up to this, so that groups do not depend on workers

_TYPES: dict[Kind, Any] = {
    "text": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
}


def schema_of(columns: tuple[tuple[str, Kind], ...]) -> Any:
    """The Arrow schema of typed columns, without any metadata."""
    return pa.schema([(name, _TYPES[kind]) for name, kind in columns])


def to_arrow(table: Table) -> Any:
    """A table of records as an Arrow table."""
    schema = schema_of(table.columns)
    if not table.rows:
        return schema.empty_table()
    arrays = [
        pa.array(values, type=field.type)
        for values, field in zip(zip(*table.rows, strict=True), schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


class TableWriter:
    """Writes ``NAME.parquet`` and ``NAME.csv`` side by side, piece after piece."""

    def __init__(self, folder: Path, name: str, columns: tuple[tuple[str, Kind], ...]) -> None:
        self._schema = schema_of(columns)
        self._waiting: list[Any] = []
        self._rows = 0
        self._parquet = parquet.ParquetWriter(
            folder / f"{name}.parquet", self._schema, compression="zstd"
        )
        self._csv = csv.CSVWriter(folder / f"{name}.csv", self._schema)

    def write(self, piece: Any) -> None:
        """Append the rows of an Arrow table."""
        self._waiting.append(piece)
        self._rows += len(piece)
        if self._rows >= ROWS_PER_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            rows = pa.concat_tables(self._waiting).combine_chunks()
            self._parquet.write_table(rows, row_group_size=len(rows))
            self._csv.write_table(rows)
        self._waiting, self._rows = [], 0

    def close(self) -> None:
        """Write what is left and finish both files."""
        self._flush()
        self._parquet.close()
        self._csv.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
