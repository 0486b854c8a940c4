"""How a delivery can fail."""


class PermanentError(Exception):
    """The file itself is bad: recorded as its result, not retried."""

    def __init__(self, message, code, line=None, column=None, suggestions=()):
        super().__init__(message)
        self.code = code
        self.line = line
        self.column = column
        self.suggestions = list(suggestions)


def misused(message):
    """An error of the worker's code, which would be the same at each delivery."""
    return PermanentError(
        message,
        code="output-misused",
        suggestions=["Correct the worker, deploy it, and process the file again."],
    )


class Interrupted(Exception):
    """The work was stopped before it was done: refused, so that it is delivered again."""


class MalformedEnvelope(Exception):
    """A request body that is not a Cloud Storage notification: repeating it would not help."""


class Gone(Exception):
    """The generation was overwritten or deleted: nothing is left to process."""


class Superseded(Exception):
    """A newer generation has written already."""
