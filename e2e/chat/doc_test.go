//go:build e2e

// Package chat tests Instar as a person meets it: in chats on Telegram and
// Slack and on the console's page. Run it with `make test-e2e`, which builds
// first.
package chat
