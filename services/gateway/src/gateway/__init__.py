"""Webhooks of Telegram and WhatsApp in, `InboundMessage`s out."""
