"""Dead letters: looking at what was set aside, sending it again, discarding or forgetting it."""
