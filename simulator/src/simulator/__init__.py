"""Telegram and WhatsApp on your laptop, with their real rules.

Both platforms' APIs, their webhooks, the people who chat, a mailbox and a page with two
phones, in one process. The package imports none of the other rooms: it judges them from outside.
"""
