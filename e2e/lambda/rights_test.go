//go:build e2e

package lambda

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"instar/e2e/fake"
	"instar/e2e/instar"
	"instar/e2e/lambda/standin"
	"instar/e2e/lambda/template"
	"instar/functions"
)

// seldom are rights that an afternoon does not need, and why they are there.
var seldom = map[standin.Use]string{
	{Function: "webhook", Action: "s3:GetObject", Resource: "arn:aws:s3:::instar/main/tasks/*"}:                                                "a container reports",
	{Function: "agent", Action: "lambda:InvokeFunction", Resource: "arn:aws:lambda:us-east-1:123456789012:function:instar-sandbox"}:            "a command runs",
	{Function: "console", Action: "s3:DeleteObject", Resource: "arn:aws:s3:::instar/main/access/*"}:                                            "sessions that were logged out a week ago are forgotten",
	{Function: "schedule", Action: "s3:DeleteObject", Resource: "arn:aws:s3:::instar/main/due/*"}:                                              "a job that is due more than a minute ahead fires",
	{Function: "schedule", Action: "s3:DeleteObject", Resource: "arn:aws:s3:::instar/main/jobs/*"}:                                             "the same, of one that fires once",
	{Function: "schedule", Action: "ssm:ListTagsForResource", Resource: "arn:aws:ssm:us-east-1:123456789012:parameter/instar/SLACK_BOT_TOKEN"}: "Telegram is not connected",
}

// The stand-in refuses what template.yaml's roles do not allow; what they allow
// and nobody uses is superfluous.
func TestEveryRightOfTheRolesIsUsed(t *testing.T) {
	t.Setenv("INSTAR", instar.Lambda)
	w := instar.Start(t)
	w.Anthropic.Script(instar.Script(map[string]func(fake.Call) fake.Answer{
		"remember": instar.Fixed(fake.Answer{ToolUses: []fake.ToolUse{{Name: "memory_write", Input: `{"text":"The zebra likes oolong."}`}}}),
		"report":   instar.Fixed(fake.Answer{ToolUses: []fake.ToolUse{{Name: "schedule_create", Input: `{"text":"Count the zebras.","kind":"task","every":"1h"}`}}}),
		"slow":     instar.Fixed(fake.Answer{Text: strings.Repeat("zebra ", 60), ChunkSize: 12, Delay: 60 * time.Millisecond}),
	}))
	w.Say(instar.Owner, "remember, zebra")
	w.Reply(instar.Owner, "The tool said: ")
	w.Say(instar.Owner, "report, zebra")
	_, id, _ := strings.Cut(w.Reply(instar.Owner, "every 1h").Text, "Job ")
	id, _, _ = strings.Cut(id, " ")
	w.Say(instar.Owner, "/jobs cancel "+id)
	w.Reply(instar.Owner, "Cancelled.")
	w.Say(instar.Owner, "slow zebra")
	w.Reply(instar.Owner, "zebra zebra")
	w.Sweep(1)
	w.Say(instar.Owner, "/stop")
	w.Reply(instar.Owner, "(Stopped.)")
	w.SlackHook(fake.SlackURLCheck, fake.SlackFields{})
	w.Ask("hello, zebra", "")
	w.Get("/api/status")
	w.Cron(time.Now())

	roles, err := template.Load(filepath.Join(instar.Root(t), "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	used := w.Cloud().Used()
	for _, f := range functions.All {
		for _, r := range roles.Rights(strings.ToUpper(f.Name[:1]) + f.Name[1:] + "Role") {
			u := standin.Use{Function: f.Name, Action: r.Action, Resource: r.Resource}
			switch r.Action {
			case "logs:CreateLogStream", "logs:PutLogEvents", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes":
				continue // Lambda itself, as the function
			}
			if why, ok := seldom[u]; used[u] == 0 && !ok {
				t.Errorf("%s never needs %s on %s", u.Function, u.Action, u.Resource)
			} else if used[u] > 0 && ok {
				t.Logf("%s did need %s on %s: %s", u.Function, u.Action, u.Resource, why)
			}
		}
	}
}
