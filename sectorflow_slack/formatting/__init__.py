"""What people read in Slack: pure functions from answers to messages, within Slack's limits."""
