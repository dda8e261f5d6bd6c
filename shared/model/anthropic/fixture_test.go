package anthropic

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"instar/shared/model"
)

// doer answers every request with one response and keeps what it was sent.
type doer struct {
	status int
	header http.Header
	body   string
	sent   []byte
	req    *http.Request
}

func (d *doer) Do(r *http.Request) (*http.Response, error) {
	d.req = r
	d.sent, _ = io.ReadAll(r.Body)
	status := d.status
	if status == 0 {
		status = 200
	}
	h := d.header
	if h == nil {
		h = http.Header{}
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(d.body))}, nil
}

func newProvider(t testing.TB, d model.Doer) *Provider {
	t.Helper()
	p, err := New(Options{APIKey: "key-under-test", Do: d})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func event(data string) string {
	var e struct {
		Type string `json:"type"`
	}
	json.Unmarshal([]byte(data), &e)
	return "event: " + e.Type + "\ndata: " + data + "\n\n"
}

func events(data ...string) string {
	var b strings.Builder
	for _, d := range data {
		b.WriteString(event(d))
	}
	return b.String()
}

const (
	messageStart = `{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":25,"cache_creation_input_tokens":100,"cache_read_input_tokens":2000,"output_tokens":1}}}`
	messageStop  = `{"type":"message_stop"}`
	ping         = `{"type":"ping"}`
)

func blockStart(i int, block string) string {
	return `{"type":"content_block_start","index":` + strconv.Itoa(i) + `,"content_block":` + block + `}`
}

func textStart(i int) string { return blockStart(i, `{"type":"text","text":""}`) }

func toolStart(i int, id, name string) string {
	return blockStart(i, `{"type":"tool_use","id":"`+id+`","name":"`+name+`","input":{}}`)
}

func delta(i int, d string) string {
	return `{"type":"content_block_delta","index":` + strconv.Itoa(i) + `,"delta":` + d + `}`
}

func textDelta(i int, s string) string {
	q, _ := json.Marshal(s)
	return delta(i, `{"type":"text_delta","text":`+string(q)+`}`)
}

func argsDelta(i int, s string) string {
	q, _ := json.Marshal(s)
	return delta(i, `{"type":"input_json_delta","partial_json":`+string(q)+`}`)
}

func blockStop(i int) string {
	return `{"type":"content_block_stop","index":` + strconv.Itoa(i) + `}`
}

func messageDelta(stop string, out int) string {
	return `{"type":"message_delta","delta":{"stop_reason":"` + stop + `","stop_sequence":null},"usage":{"output_tokens":` + strconv.Itoa(out) + `}}`
}

var (
	helloStream = events(messageStart, textStart(0), ping, textDelta(0, "Hello"), textDelta(0, ", 世界 🌍"), blockStop(0),
		messageDelta("end_turn", 15), messageStop)

	// toolStream: thinking first, then text, then two calls in tiny pieces.
	toolStream = events(append(append([]string{
		messageStart,
		blockStart(0, `{"type":"thinking","thinking":"","signature":""}`),
		delta(0, `{"type":"thinking_delta","thinking":"secret thoughts"}`),
		delta(0, `{"type":"signature_delta","signature":"c2ln"}`),
		blockStop(0),
		textStart(1), textDelta(1, "Let me look."), blockStop(1),
		toolStart(2, "toolu_1", "memory_search")}, pieces(2, `{"query": "caf\u00e9 \"x\"", "n": [1, {"a": null}]}`)...),
		blockStop(2),
		toolStart(3, "toolu_2", "schedule_list"), argsDelta(3, ""), blockStop(3),
		`{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":30,"cache_creation_input_tokens":101,"cache_read_input_tokens":2001,"output_tokens":89}}`,
		messageStop)...)
)

// pieces cuts a tool's input into deltas of two bytes.
func pieces(i int, args string) []string {
	out := []string{argsDelta(i, "")}
	for len(args) > 0 {
		n := min(2, len(args))
		out = append(out, argsDelta(i, args[:n]))
		args = args[n:]
	}
	return out
}

func stream(body string) (model.Reply, []string, error) {
	var deltas []string
	reply, err := decode(context.Background(), strings.NewReader(body), nil, func(s string) { deltas = append(deltas, s) })
	return reply, deltas, err
}
