"""Chats that must wait long: their messages stand in PARKED, in order, and a wake sends them on.

Whose turn a message is, is always written down first, so that a crash leaves no doubt:

1. The ledger says that the message is parked. From now on its lane never sends it, only a wake.
2. It is appended to `parked.<platform>.<account>.<chat>`.
3. The peer says that its chat is parked, and what was appended last. From now on everything for
   the chat goes behind it.
4. Whoever parked the chat sees to its wake. Then the message is acknowledged.

A wake sends from the head, removes what has its result, and, before it is acknowledged itself,
either says when the next one comes or, when nothing is left, that the chat is free again. It may
say so only if nothing was appended since it looked.
"""
