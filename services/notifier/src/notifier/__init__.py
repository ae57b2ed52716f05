"""The notifier: messages out, within each platform's limits."""
