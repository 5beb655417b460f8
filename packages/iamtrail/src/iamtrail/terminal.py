"""Tables as a terminal shows them: as wide as it is, and no wider."""

import shutil
import textwrap
from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas

NARROWEST = 4  # characters of a column
BETWEEN = "  "  # of two columns
USUAL = (200, 40)  # columns and lines where output goes to no terminal, so that names stay whole for grep


def fitted(frame: "pandas.DataFrame", width: int | None = None) -> str:
    """A frame as text that is at most so many characters wide, if its columns can be made that narrow.

    The widest columns are broken into lines first. Without a width it is `COLUMNS`, or the terminal's.
    """
    columns = {str(name): [str(cell) for cell in frame[name]] for name in frame.columns}
    room = (width or shutil.get_terminal_size(USUAL).columns) - len(BETWEEN) * (len(columns) - 1)
    widths = _shares([max(map(len, (name, *cells))) for name, cells in columns.items()], room)
    right = [all(not cell or cell.replace(",", "").isdigit() for cell in cells) for cells in columns.values()]
    rows = [tuple(columns), tuple("-" * width for width in widths), *zip(*columns.values(), strict=True)]
    return "\n".join(line for row in rows for line in _lines(row, widths, right))


def _shares(natural: list[int], room: int) -> list[int]:
    """The widths of columns within a room: what is narrow stays, what is wide gets alike."""
    left, wide = room, sorted(natural)
    while wide and wide[0] * len(wide) <= left:
        left -= wide.pop(0)
    most = max(NARROWEST, left // len(wide)) if wide else max(natural, default=0)
    return [min(each, most) for each in natural]


def _lines(row: tuple[str, ...], widths: list[int], right: list[bool]) -> list[str]:
    """A row's lines, each cell broken at blanks, or within a word that is too long."""
    broken = [textwrap.wrap(cell, wide, break_on_hyphens=False) for cell, wide in zip(row, widths, strict=True)]
    return [
        BETWEEN.join(
            text.rjust(wide) if to_right else text.ljust(wide)
            for text, wide, to_right in zip(texts, widths, right, strict=True)
        ).rstrip()
        for texts in zip_longest(*(cell or [""] for cell in broken), fillvalue="")
    ]
