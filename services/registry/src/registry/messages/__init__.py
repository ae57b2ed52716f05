"""Organisers' messages to many: who gets one, how fast it is fed, and when it stops."""
