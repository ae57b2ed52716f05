"""The dialogue: what a person says, and what the bot answers."""
