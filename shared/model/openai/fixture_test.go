package openai

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"instar/shared/model"
)

type response struct {
	status int
	body   string
}

// doer answers with its responses in turn, the last one for ever, and keeps
// what it was sent.
type doer struct {
	responses []response
	sent      []string
	req       *http.Request
}

func (d *doer) Do(r *http.Request) (*http.Response, error) {
	b, _ := io.ReadAll(r.Body)
	d.req, d.sent = r, append(d.sent, string(b))
	res := d.responses[min(len(d.sent), len(d.responses))-1]
	return &http.Response{StatusCode: res.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(res.body))}, nil
}

func newProvider(t testing.TB, o Options) *Provider {
	t.Helper()
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func events(data ...string) string {
	return "data: " + strings.Join(data, "\n\ndata: ") + "\n\n"
}

func chunk(rest string) string {
	return `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1790000000,"model":"gpt-5.5",` + rest + `}`
}

func choice(delta, finish string) string {
	if finish == "" {
		finish = "null"
	} else {
		finish = `"` + finish + `"`
	}
	return chunk(`"choices":[{"index":0,"delta":` + delta + `,"logprobs":null,"finish_reason":` + finish + `}],"usage":null`)
}

func content(s string) string {
	q, _ := json.Marshal(s)
	return choice(`{"content":`+string(q)+`}`, "")
}

func call(s string) string { return choice(`{"tool_calls":[`+s+`]}`, "") }

const (
	role  = `{"role":"assistant","content":"","refusal":null}`
	usage = `"choices":[],"usage":{"prompt_tokens":2100,"completion_tokens":15,"total_tokens":2115,"prompt_tokens_details":{"cached_tokens":2000,"cache_write_tokens":60,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":4}}`
	done  = "[DONE]"
)

var (
	helloStream = ": OPENROUTER PROCESSING\n\n" + events(choice(role, ""), content("Hello"), content(", 世界 🌍"), choice(`{}`, "stop"), chunk(usage), done)

	toolStream = events(append(append([]string{
		choice(`{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"memory_search","arguments":""}}]}`, "")},
		pieces(0, `{"query": "caf\u00e9 \"x\"", "n": [1]}`)...),
		call(`{"index":1,"id":"call_2","type":"function","function":{"name":"schedule_list","arguments":"{}"}}`),
		choice(`{}`, "tool_calls"), chunk(usage), done)...)
)

// pieces cuts a call's arguments into deltas of two bytes.
func pieces(index int, args string) []string {
	var out []string
	for len(args) > 0 {
		n := min(2, len(args))
		q, _ := json.Marshal(map[string]any{"index": index, "function": map[string]any{"arguments": args[:n]}})
		out = append(out, call(string(q)))
		args = args[n:]
	}
	return out
}

func stream(body string) (model.Reply, []string, error) {
	var deltas []string
	p := &Provider{name: "openai"}
	reply, err := p.decode(context.Background(), strings.NewReader(body), 33, func(s string) { deltas = append(deltas, s) })
	return reply, deltas, err
}
