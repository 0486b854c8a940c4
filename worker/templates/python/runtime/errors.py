"""How a delivery can end other than well."""


class PermanentError(Exception):
    """A fault of the file itself: recorded as its result, not tried again."""

    def __init__(self, message, code, line=None, column=None, suggestions=()):
        super().__init__(message)
        self.code = code
        self.line = line
        self.column = column
        self.suggestions = list(suggestions)


class Interrupted(Exception):
    """The work is given up before it is done: refused, so that it comes again."""


class MalformedEnvelope(Exception):
    """A request body that is no notification of Cloud Storage: no repetition makes it one."""


class Gone(Exception):
    """The generation was overwritten or deleted: there is nothing left to process."""


class Superseded(Exception):
    """Something of a newer generation is there already."""
