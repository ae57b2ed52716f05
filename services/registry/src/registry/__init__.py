"""People, events and seats: the only owner of PostgreSQL."""
