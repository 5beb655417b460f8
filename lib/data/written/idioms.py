"""How people say the most common actions: idioms, read from the tables that lie beside this file.

A line of a table is an action, the resource type that it is scoped to ("-" for none), and its idioms with bars
between them. An idiom ends in "~" and a preposition where the resource belongs ("upload files ~to"), in a bare "~"
where the resource is the object itself ("invoke ~"), or in neither where the action takes no resource ("list all
buckets"). idioms_data.txt has the services that keep and move data, idioms_operation.txt all others.
"""

from importlib import resources

_TABLES = ("idioms_data.txt", "idioms_operation.txt")


def _rows() -> dict[str, tuple[str | None, tuple[str, ...]]]:
    rows = {}
    for table in _TABLES:
        for line in resources.files(__package__).joinpath(table).read_text(encoding="utf-8").splitlines():
            name, type_, idioms = line.split(" ", 2)
            rows[name] = (None if type_ == "-" else type_, tuple(idioms.split("|")))
    return rows


IDIOMS = _rows()  # action -> (resource type that it is scoped to or None, idioms)
