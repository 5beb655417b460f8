"""02: prompt, base model, training and generation. The only room that imports torch and its family."""
