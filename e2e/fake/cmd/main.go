//go:build !js

// Command cmd starts the fakes of all outside services for work by hand. It
// prints the base URL variables to set, and the fakes' state as JSON at every
// line on standard input and at GET /state on the -state address.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"

	"instar/e2e/fake"
)

func main() {
	telegramAddr := flag.String("telegram", "127.0.0.1:8801", "address of the fake Telegram")
	slackAddr := flag.String("slack", "127.0.0.1:8802", "address of the fake Slack")
	anthropicAddr := flag.String("anthropic", "127.0.0.1:8803", "address of the fake Anthropic")
	openaiAddr := flag.String("openai", "127.0.0.1:8804", "address of the fake OpenAI")
	stateAddr := flag.String("state", "127.0.0.1:8800", "address of GET /state")
	telegramToken := flag.String("telegram-token", "1000:test", "bot token to accept")
	slackToken := flag.String("slack-token", "xoxb-test", "bot token to accept")
	slackSecret := flag.String("slack-secret", "test", "signing secret")
	flag.Parse()

	services := []struct {
		name, variable string
		fake           fake.Service
	}{
		{"telegram", "TELEGRAM_API_BASE", fake.NewTelegram(*telegramToken, fake.Addr(*telegramAddr))},
		{"slack", "SLACK_API_BASE", fake.NewSlack(*slackToken, *slackSecret, fake.Addr(*slackAddr))},
		{"anthropic", "ANTHROPIC_BASE_URL", fake.NewAnthropic("", fake.Addr(*anthropicAddr))},
		{"openai", "OPENAI_BASE_URL", fake.NewOpenAI("", fake.Addr(*openaiAddr))},
	}
	for _, s := range services {
		fmt.Printf("%s=%s\n", s.variable, s.fake.URL())
		if s.fake.Unchecked() && s.name != "anthropic" {
			fmt.Fprintf(os.Stderr, "%s: no description in ../shared/specs: calls are not checked against it\n", s.name)
		}
	}
	print := func(w io.Writer) {
		all := map[string]any{}
		for _, s := range services {
			all[s.name] = s.fake.State()
		}
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.Encode(all)
	}
	http.HandleFunc("GET /state", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		print(w)
	})
	go func() {
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			print(os.Stdout)
		}
	}()
	fmt.Fprintln(os.Stderr, http.ListenAndServe(*stateAddr, nil))
	os.Exit(1)
}
