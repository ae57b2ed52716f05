"""Recorded chats, taken up again with the dialogue of today: `./task replay -- TRANSCRIPT`."""
