"""How good the arms' answers are: scores, intervals, error categories and figures; only `arms` asks a model."""
