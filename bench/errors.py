"""What can go wrong in the bench itself (never what a call can end with: those are hangup causes)."""


class BenchError(Exception):
    """Base class of the bench's own errors. The message says what is wrong and what to do."""


class SpandspMissing(BenchError):
    """libspandsp is not installed."""


class InvalidBenchConfig(BenchError):
    """The configuration or the numbering plan cannot be used as it is."""


class InvalidDialString(BenchError):
    """A dial string that our one dial-string function would not emit: a quoting mistake, most likely."""
