"""A poster of an event, to be printed on A4."""
