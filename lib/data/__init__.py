"""01: from AWS managed policies and written examples to one data set of instructions and policies."""
