"""The organiser API: HTTP in front of commands and reads."""
