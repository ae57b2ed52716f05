"""What the platforms know of our webhooks: shown, set, and looked after."""
