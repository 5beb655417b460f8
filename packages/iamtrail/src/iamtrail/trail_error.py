"""TrailError: what is the reader's to mend, in one line that says what is wrong, where, and what to do."""


class TrailError(RuntimeError):
    """The base of all errors that this package raises on purpose; its message is one whole line."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows in place of a traceback: the line alone, as the code is not what went wrong."""
        return [f"{type(self).__name__}: {self}"]
