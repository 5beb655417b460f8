"""How good the arms' answers are: scores, intervals, error categories and figures. Knows no model."""
