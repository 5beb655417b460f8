"""How good the arms' answers are: scores, intervals, error categories and figures. Imports no model library."""
