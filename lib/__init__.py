"""The tested helpers behind the notebooks: rooms in the order in which the work flows (see README.md)."""
