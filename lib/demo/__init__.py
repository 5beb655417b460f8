"""05: drafting policies in a notebook: what is shown, and the generator's widgets."""
