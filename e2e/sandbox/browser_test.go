//go:build e2e

package sandbox

import (
	"bytes"
	"fmt"
	"image/png"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"instar/e2e/fake"
	"instar/e2e/instar"
)

// teashop is a site on an internet of this test's own, which all that leaves a
// container comes to.
func teashop(t *testing.T) (address string, orders *atomic.Int64) {
	orders = new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// What a page has a browser send must not have what commands are given.
		if given := r.Header.Get("Authorization"); given != "" {
			t.Errorf("%s of the browser came with %q", r.Header.Get("X-Url"), given)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		switch r.Header.Get("X-Url") {
		case "https://tea.com/":
			fmt.Fprint(w, `<!doctype html><title>Tea shop</title><body style="margin:0;background:#0a0">
<h1>Today: oolong</h1><p id=p>written by a script: not yet</p><script>p.textContent = "written by a script: " + 6*7</script>
<form method=post action=/order><label>Your name <input name=name></label><button>Order</button></form>`)
		case "https://tea.com/order":
			orders.Add(1)
			fmt.Fprintf(w, "<!doctype html><title>Thanks</title><p>Ordered for %s.", r.FormValue("name"))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, orders
}

var numbered = regexp.MustCompile(`(?m)^(\d+) (field|button): (.+)$`)

// All of it: Chromium in a container shows a page, its picture arrives in the
// chat, and what is done on the page is the owner's to allow.
func TestABrowserFromAMessage(t *testing.T) {
	socket := docker(t)
	t.Setenv("BROWSER", "1")
	run(t, "build/sandbox/busybox.sh", "instar-sandbox-browser")
	internet, orders := teashop(t)
	w := instar.Start(t, on, "DOCKER_HOST=unix://"+socket, "SANDBOX_IMAGE=instar-sandbox-browser", "MINIFLARE_CONTAINER_EGRESS_IMAGE="+egress,
		"SANDBOX_HOSTS=tea.com=TEA_KEY", "TEA_KEY=the-owners-key-of-the-shop", "TEST_INTERNET="+internet)
	elements := map[string]string{} // number by name
	use := func(input string) fake.Answer {
		return fake.Answer{ToolUses: []fake.ToolUse{{Name: "browser", Input: input}}}
	}
	w.Anthropic.Script(func(c fake.Call) fake.Answer {
		last := ""
		if results := c.LastResults(); len(results) > 0 {
			last = results[0].Text
			for _, m := range numbered.FindAllStringSubmatch(last, -1) {
				elements[m[3]] = m[1]
			}
		}
		said := c.LastUser()
		switch {
		case strings.Contains(last, "The screenshot ("):
			return fake.Answer{Text: "There is your picture."}
		case strings.Contains(last, "Today: oolong") && strings.Contains(last, "written by a script: 42"):
			return use(`{"action":"screenshot"}`)
		case last != "":
			return fake.Answer{Text: "The tool said: " + last}
		case strings.HasPrefix(said, "[The owner said yes"):
			return fake.Answer{Text: "What came of it: " + said}
		case strings.HasPrefix(said, "open "):
			return use(`{"action":"open","url":"https://tea.com/"}`)
		case strings.HasPrefix(said, "fill "):
			return use(fmt.Sprintf(`{"action":"fill","element":%s,"name":"Your name","text":"Ann","enter":true,"site":"https://tea.com/"}`, elements["Your name"]))
		case strings.HasPrefix(said, "look "):
			return use(`{"action":"open","url":"https://closed.com/"}`)
		}
		return fake.Answer{Text: "Nothing: " + said}
	})

	w.Say(instar.Owner, "open https://tea.com/ and show me a picture of it")
	w.Reply(instar.Owner, "There is your picture.")
	file := given(t, w)
	picture, err := png.Decode(bytes.NewReader(file.Data))
	if err != nil || file.As != "photo" || picture.Bounds().Dx() != 1280 || picture.Bounds().Dy() != 800 {
		t.Fatalf("what arrived is %s %s, %v", file.As, file.Type, err)
	}
	if r, g, b, _ := picture.At(1200, 700).RGBA(); r>>8 != 0 || g>>8 != 0xaa || b>>8 != 0 {
		t.Errorf("the picture shows %d %d %d in its corner", r>>8, g>>8, b>>8)
	}

	w.Say(instar.Owner, "fill in my name Ann on https://tea.com/ and submit it")
	card := w.Reply(instar.Owner, "May I")
	if orders.Load() > 0 {
		t.Fatal("it was ordered before the owner was asked")
	}
	for _, want := range []string{"Your name", "Ann", "tea.com"} {
		if !strings.Contains(card.Text, want) {
			t.Errorf("the card does not say %q: %s", want, card.Text)
		}
	}
	w.Tap(instar.Owner, instar.Owner, card, card.Buttons[0][0])
	w.Reply(instar.Owner, "Ordered for Ann.")
	if n := orders.Load(); n != 1 {
		t.Errorf("%d orders", n)
	}

	w.Say(instar.Owner, "look at https://closed.com/ for me")
	w.Reply(instar.Owner, "closed.com")
}
