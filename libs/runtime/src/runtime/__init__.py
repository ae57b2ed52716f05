"""The chassis of every service. No business word in here."""
