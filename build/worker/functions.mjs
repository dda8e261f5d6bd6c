// What each function is given. A function's Wasm module sees nothing of the
// Worker's env but what is listed here: the function that faces the internet
// holds no model key and no chat token.
//
//   vars      values it may read
//   present   names of which it may learn whether they are set, never the value
//   bindings  platform objects (R2 bucket, KV namespace, queue, the sandbox)
//   calls     other functions it may call, as bindings with one method, fetch
//   instances how many of it may live in one isolate. Each takes 5 to 15 MB and
//             the isolate has 128, so all together stay at 12. A function that
//             calls another waits for it with its own instance held: the limits
//             are per function so that the callee's are never all taken by callers
import webhook from "../dist/webhook.wasm";
import agent from "../dist/agent.wasm";
import schedule from "../dist/schedule.wasm";
import consoleModule from "../dist/console.wasm";

const MODELS = [
  "MODEL", "MODEL_FALLBACKS",
  "ANTHROPIC_BASE_URL", "OPENAI_BASE_URL",
  "CF_AI_GATEWAY_ACCOUNT_ID", "CF_AI_GATEWAY_GATEWAY_ID", "CF_AI_GATEWAY_MODEL",
];
const MODEL_KEYS = ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "CLOUDFLARE_AI_GATEWAY_API_KEY"];
const POLICIES = ["OWNER", "OWNER_ADDRESSES", "TELEGRAM_DM_POLICY", "SLACK_DM_POLICY", "BUDGET_DAILY_USD", "TIMEZONE"];

export const functions = {
  webhook: {
    module: webhook,
    vars: ["SEAL_KEY", "TELEGRAM_WEBHOOK_SECRET", "SLACK_SIGNING_SECRET"],
    present: ["TELEGRAM_BOT_TOKEN", "SLACK_BOT_TOKEN"],
    bindings: ["BUCKET", "QUEUE"],
    calls: { AGENT: "agent" },
    instances: 3,
  },
  agent: {
    module: agent,
    vars: [
      ...MODELS, ...MODEL_KEYS, ...POLICIES, "SEAL_KEY", "BRAVE_API_KEY", "SANDBOX_HOSTS",
      "CF_BROWSER_ACCOUNT_ID", "CF_BROWSER_TOKEN", "CF_API_BASE",
      "TELEGRAM_BOT_TOKEN", "TELEGRAM_API_BASE", "SLACK_BOT_TOKEN", "SLACK_API_BASE",
    ],
    bindings: ["BUCKET", "QUEUE", "SETTINGS", "SANDBOX"],
    instances: 5,
  },
  console: {
    module: consoleModule,
    vars: [...MODELS, ...POLICIES, "SEAL_KEY", "CONSOLE_TOKEN", "CF_ACCESS_TEAM_DOMAIN", "CF_ACCESS_AUD"],
    present: [
      ...MODEL_KEYS,
      "TELEGRAM_BOT_TOKEN", "TELEGRAM_WEBHOOK_SECRET", "SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET",
    ],
    bindings: ["BUCKET", "QUEUE", "SETTINGS"],
    calls: { AGENT: "agent" },
    instances: 3,
  },
  schedule: {
    module: schedule,
    vars: [...POLICIES, "SEAL_KEY"],
    present: ["TELEGRAM_BOT_TOKEN", "SLACK_BOT_TOKEN", "SANDBOX"],
    bindings: ["BUCKET", "QUEUE"],
    instances: 1,
  },
};

// route says which function answers a path; anything else is a static asset or 404.
export function route(pathname) {
  if (pathname.startsWith("/hooks/")) return "webhook";
  if (pathname.startsWith("/api/") || pathname === "/healthz") return "console";
  return null;
}
