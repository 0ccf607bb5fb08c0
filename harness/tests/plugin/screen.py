"""A terminal for the tests: what a program's output leaves on the screen, as far as this suite's needs go."""

import re

_TOKEN = re.compile(r"\x1b\[(\d*)([ACKJm])|\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|([\r\n])|(.)", re.S)


class Screen:
    """Lines of `columns`, all that ever scrolled out of it included."""

    def __init__(self, columns: int = 80):
        self.columns = columns
        self.rows = [""]
        self.row = self.column = 0

    def feed(self, text: str) -> "Screen":
        """Show what a program writes; "\\n" goes to the start of the next line, as a terminal's driver has it."""
        for count, code, control, character in _TOKEN.findall(text):
            steps = int(count or 1)
            if code == "A":
                self.row = max(0, self.row - steps)
            elif code == "C":
                self.column = min(self.columns - 1, self.column + steps)
            elif code == "K":
                self.rows[self.row] = self.rows[self.row][: self.column]
            elif code == "J":
                self.rows[self.row :] = [self.rows[self.row][: self.column]]
            elif control == "\r":
                self.column = 0
            elif control == "\n":
                self._next_row()
            elif character:
                self._put(character)
        return self

    @property
    def text(self) -> list[str]:
        """The lines, without what is blank at their ends and after the last."""
        lines = [row.rstrip() for row in self.rows]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def _put(self, character: str) -> None:
        if self.column == self.columns:
            self._next_row()
        row = self.rows[self.row].ljust(self.column)
        self.rows[self.row] = row[: self.column] + character + row[self.column + 1 :]
        self.column += 1

    def _next_row(self) -> None:
        self.row, self.column = self.row + 1, 0
        if self.row == len(self.rows):
            self.rows.append("")
