"""How fast the course is: pairs of cases, measured side by side. Run with `make bench`."""
