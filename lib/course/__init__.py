"""The course as a whole: the headless runner (`python -m lib.course`), the report over a run, the exercises' checks."""
