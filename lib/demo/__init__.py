"""05: drafting policies in a notebook: what is shown, the generator's widgets, the exercises. Knows no model."""
