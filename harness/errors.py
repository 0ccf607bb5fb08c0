"""The base of errors that say in one line what is wrong with an input."""


class OneLineError(Exception):
    """Its message is one line, for a user. A command prints it and ends with `exit_code`; 4 is pytest's usage error."""

    exit_code = 4
