"""Readings and assets from a database, through SQLAlchemy: SQLite, PostgreSQL, PostGIS.

The connection reads only: SQLite is opened read-only, PostgreSQL in a read-only transaction with a
server-side cursor. Nothing but the table or the query of the mapping file is asked for.
"""

import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from lifeline_kit.errors import InputError, MappingError, ReadingsError
from lifeline_kit.io.mapping import FileMapping
from lifeline_kit.io.sheets import Sheet
from lifeline_kit.io.tables import frame_sheet
from lifeline_kit.text import Text

if TYPE_CHECKING:
    import geopandas as gpd
    import sqlalchemy as sa

_CHUNK = 100_000
_SCHEMES = ("sqlite:", "postgresql:", "postgresql+")
_FILES = {".sqlite", ".sqlite3", ".db"}
_QUERY = re.compile(r"\s*(select|with)\b", re.IGNORECASE)


class Address(str):
    """The address of a database or a service, where a path is expected."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """Its last part, without options and password."""
        return source_name(self)


def is_sql(path: Path | str) -> bool:
    """Whether an address, or the name of a file, is that of a database."""
    return str(path).startswith(_SCHEMES) or Path(path).suffix.lower() in _FILES


def source_name(path: Path | str) -> str:
    """Name of a source for people; never the password of a database."""
    text = str(path)
    return text.rsplit("/", 1)[-1].split("?")[0] if text.startswith(_SCHEMES) else Path(path).name


def read_sql(path: Path | str, mapping: FileMapping) -> Sheet:
    """Read the table or query that the mapping file names.

    Parameters
    ----------
    path : Path or str
        ``sqlite:///file.db``, ``postgresql+pg8000://user@host/base``, or a SQLite file.
    mapping : FileMapping
        `[sql]` table or select.

    Raises
    ------
    InputError
        No such database, table or column, no connection.
    MappingError
        No table named while there are several, or a statement that is no query.
    """
    with _connected(path) as (connection, where):
        statement, name = _statement(connection, mapping, where)
        options = {"stream_results": True, "max_row_buffer": _CHUNK}
        result = connection.execution_options(**options).execute(statement)
        names = [str(name) for name in tuple(result.keys())]
        parts = [_chunk(rows, names) for rows in result.partitions(_CHUNK)]
    if not parts:
        raise ReadingsError(f"{where}: {name} has no rows; expected readings.")
    frame = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
    form = Text(f"数据库表 {name}", f"database, {name}")
    return frame_sheet(frame, name, f"{where} ({name})", form)


def _chunk(rows: Sequence[Sequence[object]], names: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame.from_records(rows, columns=names, coerce_float=True)
    return _dated(frame)


def read_postgis(path: Path | str, table: str | None, select: str | None) -> "gpd.GeoDataFrame":
    """Read a table of assets with its geometry and CRS from PostGIS.

    Raises
    ------
    InputError, MappingError
    """
    import geopandas as gpd
    import sqlalchemy as sa

    with _connected(path) as (connection, where):
        said = FileMapping()
        if select is not None and not _QUERY.match(select):
            raise MappingError(f"{where}: [assets] select = {select!r}; expected a SELECT.")
        name = table or _one_table(connection, "geometry_columns", said, where)
        quote = connection.dialect.identifier_preparer.quote
        column = "geom"
        if select is None:
            column = _geometry_column(connection, name, where)
            select = f"SELECT * FROM {'.'.join(quote(part) for part in name.split('.'))}"
        try:
            return gpd.read_postgis(sa.text(select), connection, geom_col=column)
        except ValueError as error:
            raise InputError(
                f"{where}: no geometry column {column!r} ({str(error)[:80]}); name it 'geom' in "
                "the query."
            ) from None


def _geometry_column(connection: "sa.Connection", table: str, where: str) -> str:
    import sqlalchemy as sa

    schema, _, bare = table.rpartition(".")
    query = sa.text(
        "SELECT f_geometry_column FROM geometry_columns WHERE f_table_name = :name "
        "AND (:schema = '' OR f_table_schema = :schema)"
    )
    found = connection.execute(query, {"name": bare, "schema": schema}).scalar()
    if found is None:
        raise InputError(
            f"{where}: table {table!r} is not there or has no geometry; name another in the "
            "mapping file: [assets] table = …"
        )
    return str(found)


@contextmanager
def _connected(path: Path | str) -> Generator[tuple["sa.Connection", str]]:
    import sqlalchemy as sa
    from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError

    try:
        url = sa.engine.make_url(_url(path))
    except SQLAlchemyError:
        raise InputError(
            f"{source_name(path)}: no address of a database; expected sqlite:///file.db or "
            "postgresql+pg8000://user@host:port/base."
        ) from None
    where = url.render_as_string(hide_password=True)
    try:
        engine = _engine(url, where)
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(sa.text("SET TRANSACTION READ ONLY"))
            yield connection, where
        engine.dispose()
    except NoSuchModuleError:
        raise InputError(
            f"{where}: this kind of database is not read; expected sqlite or postgresql+pg8000."
        ) from None
    except (DBAPIError, SQLAlchemyError, OSError) as error:
        reason = _reason(error)
        raise InputError(
            f"{where}: the database does not answer as asked ({reason}); check address, rights, "
            "table and query."
        ) from None


def _reason(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    told = cause.args[0] if cause.args else ""
    text = told.get("M", told) if isinstance(told, dict) else cause
    return str(text).splitlines()[0][:160]


def _url(path: Path | str) -> str:
    text = str(path)
    text = re.sub(r"^postgresql:", "postgresql+pg8000:", text)
    collapsed = re.match(r"(sqlite|postgresql\+\w+):/(?!/)(.*)", text)
    if collapsed is None:
        return text if text.startswith(_SCHEMES) else f"sqlite:///{text}"
    scheme, rest = collapsed.groups()  # a Path makes one slash of several
    if scheme != "sqlite":
        return f"{scheme}://{rest}"
    return f"sqlite:///{rest}" if Path(rest).is_file() else f"sqlite:////{rest}"


def _engine(url: "sa.URL", where: str) -> "sa.Engine":
    import sqlalchemy as sa
    from sqlalchemy.pool import NullPool

    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, poolclass=NullPool)
    file = Path(url.database or "")
    if not file.is_file():
        raise InputError(f"{where}: no such file; name an existing database.")
    if not file.read_bytes()[:16].startswith(b"SQLite format 3"):
        raise InputError(f"{where}: the name says SQLite, the content is not; export it again.")
    import sqlite3

    return sa.create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True),
        poolclass=NullPool,
    )


def _statement(
    connection: "sa.Connection", mapping: FileMapping, where: str
) -> tuple["sa.TextClause", str]:
    import sqlalchemy as sa

    said = mapping.sql
    if said.select is not None:
        if not _QUERY.match(said.select) or ";" in said.select.rstrip().rstrip(";"):
            raise MappingError(
                f"{mapping.file or where}: [sql] select = {said.select[:60]!r}; expected one "
                "SELECT statement."
            )
        return sa.text(said.select), "select"
    name = said.table or _one_table(connection, "", mapping, where)
    quote = connection.dialect.identifier_preparer.quote
    return sa.text(f"SELECT * FROM {'.'.join(quote(part) for part in name.split('.'))}"), name


def _one_table(
    connection: "sa.Connection", catalogue: str, mapping: FileMapping, where: str
) -> str:
    import sqlalchemy as sa

    if catalogue:
        rows = connection.execute(sa.text("SELECT f_table_name FROM geometry_columns"))
        names = sorted({str(row[0]) for row in rows})
    else:
        inspector = sa.inspect(connection)
        names = [*inspector.get_table_names(), *inspector.get_view_names()]
    if len(names) != 1:
        section = "[assets]" if catalogue else "[sql]"
        raise MappingError(
            f"{where}: {len(names)} tables ({', '.join(names[:8]) or 'none'}); say which in the "
            f'mapping file{f" {mapping.file}" if mapping.file else ""}: {section} table = "…" or '
            'select = "SELECT …"'
        )
    return names[0]


def _dated(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns of Python datetimes become columns of stamps, with their zone where they have one."""
    for name in frame.columns:
        column = frame[name]
        first = column.dropna()
        if column.dtype != object or first.empty or not hasattr(first.iloc[0], "tzinfo"):
            continue
        frame[name] = pd.to_datetime(column, utc=first.iloc[0].tzinfo is not None)
    return frame
