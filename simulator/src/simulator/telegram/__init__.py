"""The Bot API as the server at api.telegram.org behaves (Bot API 10, tdlib/telegram-bot-api)."""
