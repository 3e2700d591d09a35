"""The error tree.

Every error says what was expected, what came and what to do. A user of the command line sees the
message alone (exit code 2), an analyst in a notebook sees it on top of the traceback.
"""


class LifelineError(Exception):
    """Root of all errors that a user can cause and mend."""


class InputError(LifelineError):
    """A file is missing, empty, truncated or not what its name says."""


class MappingError(LifelineError):
    """A mapping file, or what a header says, does not give quantity, unit or time."""


class UnitError(LifelineError):
    """A unit is unknown, or does not measure the quantity it is given for."""


class CrsError(LifelineError):
    """A coordinate reference system is missing, unknown or not metric."""


class AssetsError(LifelineError):
    """A table of assets breaks its shape."""


class SensorsError(LifelineError):
    """A table of sensors breaks its shape."""


class AreasError(LifelineError):
    """A table of areas breaks its shape."""


class ReadingsError(LifelineError):
    """Readings break their shape."""


class NetworkError(LifelineError):
    """A pipe network cannot be solved: no source, a zero diameter, a link that ends nowhere."""


class TableError(LifelineError):
    """A derived table (findings, warnings, scores) breaks its shape."""


class CityError(LifelineError):
    """A city folder is absent, half written, damaged or of another version."""


class RulesError(LifelineError):
    """Rules, weights or thresholds (TOML) are unreadable or contradict themselves."""


class ServiceError(LifelineError):
    """A server cannot start: port in use, nothing to serve."""


class MissingPartError(LifelineError):
    """An optional package, a font or another piece of the system is not installed."""


class StoreError(LifelineError):
    """The live store cannot be opened, written or sealed."""


class LedgerError(LifelineError):
    """An act that the ledger does not allow, or a ledger that is damaged or of another version."""


class ConflictError(LedgerError):
    """Somebody else acted on the item meanwhile."""
