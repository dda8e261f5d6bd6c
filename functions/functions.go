// Package functions lists what each function is given where a platform written
// in Go runs them. build/worker/functions.mjs is the same list for Workers; a
// test holds them together.
package functions

import (
	"slices"

	"instar/shared/platform"
)

var (
	models = []string{
		"MODEL", "MODEL_FALLBACKS",
		"ANTHROPIC_BASE_URL", "OPENAI_BASE_URL",
		"CF_AI_GATEWAY_ACCOUNT_ID", "CF_AI_GATEWAY_GATEWAY_ID", "CF_AI_GATEWAY_MODEL",
	}
	modelKeys = []string{"ANTHROPIC_API_KEY", "OPENAI_API_KEY", "CLOUDFLARE_AI_GATEWAY_API_KEY"}
	policies  = []string{"OWNER", "OWNER_ADDRESSES", "TELEGRAM_DM_POLICY", "SLACK_DM_POLICY", "BUDGET_DAILY_USD", "TIMEZONE"}
)

// The functions. The one that faces the internet is given no model key and no
// chat token.
var (
	Webhook = platform.Listing{
		Name:     "webhook",
		Vars:     []string{"SEAL_KEY", "TELEGRAM_WEBHOOK_SECRET", "SLACK_SIGNING_SECRET"},
		Present:  []string{"TELEGRAM_BOT_TOKEN", "SLACK_BOT_TOKEN"},
		Bindings: []string{"BUCKET", "QUEUE", "AGENT"},
	}
	Agent = platform.Listing{
		Name: "agent",
		Vars: slices.Concat(models, modelKeys, policies, []string{
			"SEAL_KEY", "BRAVE_API_KEY", "SANDBOX_HOSTS",
			"TELEGRAM_BOT_TOKEN", "TELEGRAM_API_BASE", "SLACK_BOT_TOKEN", "SLACK_API_BASE",
			"CF_BROWSER_TOKEN", "CF_BROWSER_ACCOUNT_ID", "CF_API_BASE",
		}),
		Native:   []string{"CF_KV_ACCOUNT_ID", "CF_KV_NAMESPACE_ID", "CF_KV_TOKEN"},
		Bindings: []string{"BUCKET", "QUEUE", "SETTINGS", "SANDBOX"},
	}
	Console = platform.Listing{
		Name: "console",
		Vars: slices.Concat(models, policies, []string{"SEAL_KEY", "CONSOLE_TOKEN", "CF_ACCESS_TEAM_DOMAIN", "CF_ACCESS_AUD"}),
		Present: slices.Concat(modelKeys, []string{
			"TELEGRAM_BOT_TOKEN", "TELEGRAM_WEBHOOK_SECRET", "SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET",
		}),
		Bindings: []string{"BUCKET", "QUEUE", "SETTINGS", "AGENT"},
	}
	Schedule = platform.Listing{
		Name:     "schedule",
		Vars:     slices.Concat(policies, []string{"SEAL_KEY"}),
		Present:  []string{"TELEGRAM_BOT_TOKEN", "SLACK_BOT_TOKEN", "SANDBOX"},
		Bindings: []string{"BUCKET", "QUEUE"},
	}
)

// All are the functions.
var All = []platform.Listing{Webhook, Agent, Console, Schedule}
