package console_test

import (
	"errors"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"instar/shared/bucket"
	"instar/shared/chat"
	"instar/shared/model/catalog"
	"instar/shared/people"
	"instar/shared/session"
)

var (
	changing = []string{"POST /api/chat", "POST /api/stop", "POST /api/answer", "POST /api/grants/revoke", "POST /api/pairing/approve", "POST /api/memory", "POST /api/memory/restore"}
	known    = append(slices.Clip(changing), "GET /api/grants", "GET /api/session", "GET /api/sessions", "GET /api/status", "GET /api/memory", "GET /api/memory/history", "GET /api/audit")
	routes   = append(slices.Clip(known), "GET /api/other", "GET /")
)

// anything is a body that every route makes something of.
const anything = `{"text":"hi","data":"/yes 0123456789abcdef0123nonces","code":"AAAA2222","action":"delete","ref":"MEMORY.md#00000000000000000000000000000000","id":"9999999999999-AAAAAAAA"}`

func TestEveryRouteButHealthNeedsTheToken(t *testing.T) {
	for _, route := range routes {
		for name, header := range map[string]string{
			"none": "", "wrong": "Bearer wrong", "longer": "Bearer " + token + "x", "shorter": "Bearer " + token[1:], "empty": "Bearer ",
			"other scheme": "Basic " + token, "lower case": "bearer " + token, "no scheme": token,
		} {
			p := newPlace(t)
			method, path, _ := strings.Cut(route, " ")
			r := httptest.NewRequest(method, path+"?token="+token, strings.NewReader(`{"text":"hi"}`))
			if header != "" {
				r.Header.Set("Authorization", header)
			}
			w := p.serve(r)
			if w.Code != 401 || w.Header().Get("WWW-Authenticate") != "Bearer" || len(p.queue) != 0 {
				t.Errorf("%s with %s: %d %s", route, name, w.Code, w.Body)
			}
			if strings.Contains(w.Body.String(), token) {
				t.Errorf("%s with %s: the answer holds the token", route, name)
			}
		}
	}
}

func TestWithoutAWayInEverythingIsRefusedAndTheVariablesNamed(t *testing.T) {
	for _, route := range append([]string{"POST /api/login", "POST /api/logout"}, routes...) {
		p := newPlace(t)
		p.handler.Door.Token = ""
		method, path, _ := strings.Cut(route, " ")
		r := httptest.NewRequest(method, path, strings.NewReader("{}"))
		r.Header.Set("Authorization", "Bearer ")
		w := p.serve(r)
		want := `{"error":"no way in is set up: set CONSOLE_TOKEN, or CF_ACCESS_TEAM_DOMAIN and CF_ACCESS_AUD","missing":["CONSOLE_TOKEN","CF_ACCESS_TEAM_DOMAIN","CF_ACCESS_AUD"]}`
		if got := strings.TrimSpace(w.Body.String()); w.Code != 503 || got != want {
			t.Errorf("%s: %d %s", route, w.Code, got)
		}
		p.handler.Door.Token, p.access.Audience = token, "aud"
		want = `{"error":"CF_ACCESS_TEAM_DOMAIN is not set","missing":["CF_ACCESS_TEAM_DOMAIN"]}`
		if w := p.call(method, path, "{}"); w.Code != 503 || strings.TrimSpace(w.Body.String()) != want {
			t.Errorf("%s with half of Access: %d %s", route, w.Code, w.Body)
		}
	}
}

func TestABadRuleIsNamedOnEveryRoute(t *testing.T) {
	p := newPlace(t)
	p.handler.Problem = errors.New("BUDGET_DAILY_USD: must be a number")
	for _, route := range routes {
		method, path, _ := strings.Cut(route, " ")
		if w := p.call(method, path, `{"text":"hi"}`); w.Code != 503 || !strings.Contains(w.Body.String(), "BUDGET_DAILY_USD") || len(p.queue) != 0 {
			t.Errorf("%s: %d %s", route, w.Code, w.Body)
		}
	}
}

func TestUnknownRoutesAre404(t *testing.T) {
	p := newPlace(t)
	for _, route := range []string{"GET /api/other", "GET /api/chat", "DELETE /api/session", "POST /api/status", "GET /api/memory/restore", "DELETE /api/memory", "POST /api/audit", "GET /api/answer", "POST /api/grants", "DELETE /api/grants/revoke", "GET /", "GET /api/session/"} {
		method, path, _ := strings.Cut(route, " ")
		if w := p.call(method, path, ""); w.Code != 404 || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d", route, w.Code)
		}
	}
}

func TestHealthNamesWhatIsMissingAndNeedsNoToken(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*place)
		status  int
		missing []string
	}{
		"all is well":       {func(*place) {}, 200, nil},
		"offline":           {func(p *place) { p.handler.Models = catalog.Config{} }, 200, nil},
		"no way in":         {func(p *place) { p.handler.Door.Token = "" }, 503, []string{"CONSOLE_TOKEN", "CF_ACCESS_TEAM_DOMAIN", "CF_ACCESS_AUD"}},
		"half of Access":    {func(p *place) { p.access.Team = "t.cloudflareaccess.com" }, 503, []string{"CF_ACCESS_AUD"}},
		"no model key":      {func(p *place) { p.handler.Models.AnthropicKey = "" }, 503, []string{"ANTHROPIC_API_KEY"}},
		"half a channel":    {func(p *place) { p.present["TELEGRAM_BOT_TOKEN"] = true }, 503, []string{"TELEGRAM_WEBHOOK_SECRET"}},
		"the other half":    {func(p *place) { p.present["SLACK_SIGNING_SECRET"] = true }, 503, []string{"SLACK_BOT_TOKEN"}},
		"a whole channel":   {func(p *place) { p.present["SLACK_SIGNING_SECRET"], p.present["SLACK_BOT_TOKEN"] = true, true }, 200, nil},
		"nothing to unseal": {func(p *place) { p.handler.Unsealed = errors.New("SEAL_KEY is not set") }, 503, []string{"SEAL_KEY"}},
		"bad rule":          {func(p *place) { p.handler.Problem = errors.New("OWNER: item 1 is empty") }, 503, []string{}},
	} {
		p := newPlace(t)
		c.change(p)
		w := p.serve(httptest.NewRequest("GET", "/healthz", nil))
		var got struct {
			Status, Version, Error string
			Missing                []string
		}
		p.decode(w, &got)
		if w.Code != c.status || !reflect.DeepEqual(got.Missing, c.missing) || got.Version == "" || (got.Status == "ok") != (c.status == 200) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if name == "bad rule" && got.Error != "OWNER: item 1 is empty" {
			t.Errorf("%s: %s", name, w.Body)
		}
	}
}

func TestStatusShowsModelBudgetChannelsAndPairing(t *testing.T) {
	p := newPlace(t)
	p.present["TELEGRAM_BOT_TOKEN"], p.present["TELEGRAM_WEBHOOK_SECRET"] = true, true
	p.employ(after(0, "hi"))
	p.say("main", "hello")
	directory := people.NewDirectory(p.store, "main/people/")
	code, _, err := directory.Request(t.Context(), "telegram:7", "Bo", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	w := p.call("GET", "/api/status", "")
	var got struct {
		Version, Model, Timezone string
		Offline                  bool
		Budget                   struct {
			Spent float64 `json:"spent_usd"`
			Limit float64 `json:"limit_usd"`
		}
		Channels []struct {
			Name       string
			Configured bool
		}
		Pairing []struct{ Code, Person, Name, Expires string }
	}
	p.decode(w, &got)
	if w.Code != 200 || got.Model != "anthropic/claude-sonnet-4-5" || got.Offline || got.Timezone != "Asia/Tokyo" || got.Version == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if got.Budget.Limit != 2 || got.Budget.Spent < 0.0044 || got.Budget.Spent > 0.0046 { // 1,000 in, 100 out
		t.Errorf("budget %+v", got.Budget)
	}
	if len(got.Channels) != 2 || !got.Channels[0].Configured || got.Channels[1].Configured {
		t.Errorf("channels %+v", got.Channels)
	}
	if len(got.Pairing) != 1 || got.Pairing[0].Code != code || got.Pairing[0].Person != "telegram:7" || got.Pairing[0].Name != "Bo" {
		t.Errorf("pairing %+v", got.Pairing)
	}
	p.handler.Rules.DailyBudget, p.handler.Models = 0, catalog.Config{}
	if w := p.call("GET", "/api/status", ""); !strings.Contains(w.Body.String(), `"limit_usd":null`) || !strings.Contains(w.Body.String(), `"offline":true`) {
		t.Errorf("without a limit: %s", w.Body)
	}
}

func TestPairingIsApprovedOnce(t *testing.T) {
	p := newPlace(t)
	directory := people.NewDirectory(p.store, "main/people/")
	code, _, err := directory.Request(t.Context(), "telegram:7", "Bo", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	approve := func(body string, status int, holds string) {
		t.Helper()
		if w := p.call("POST", "/api/pairing/approve", body); w.Code != status || !strings.Contains(w.Body.String(), holds) {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	approve(`{`, 400, "error")
	approve(`{"code":"AAAA2222"}`, 404, "not known")
	approve(`{"code":""}`, 404, "not known")
	approve(`{"code":"`+strings.ToLower(code)+`"}`, 200, `{"name":"Bo","person":"telegram:7"}`)
	approve(`{"code":"`+code+`"}`, 404, "not known")
	if who, err := directory.Status(t.Context(), "telegram:7"); err != nil || who.Status != people.Approved {
		t.Errorf("status %v, %v", who.Status, err)
	}
	for range people.MaxTries {
		p.call("POST", "/api/pairing/approve", `{"code":"AAAA2222"}`)
	}
	approve(`{"code":"AAAA2222"}`, 429, "an hour")
}

func TestStopReachesTheNamedSession(t *testing.T) {
	p := newPlace(t)
	store := &session.Store{Bucket: p.store, Agent: "main", Now: time.Now}
	for _, name := range []string{"main", "trip"} {
		m := &chat.Message{V: 1, ID: "web:" + name, Time: time.Now(), Kind: chat.Private, Session: name, Text: "hi"}
		h, err := store.Claim(t.Context(), session.ID(m, true), "key", m, false)
		if err == nil {
			err = h.Update(t.Context(), func(*session.Turn) {})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for body, want := range map[string]string{
		`{"session":"trip"}`: `{"stopping":true}`, `{"session":"none"}`: `{"stopping":false}`, `{"session":"web-trip"}`: `{"stopping":false}`,
	} {
		if w := p.call("POST", "/api/stop", body); w.Code != 200 || strings.TrimSpace(w.Body.String()) != want {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	stopped := func(id string) bool {
		turn, _, err := store.Turn(t.Context(), id, 1)
		return err == nil && turn.Stop
	}
	if !stopped("web-trip") || stopped("main") {
		t.Errorf("stopped: trip %v, main %v", stopped("web-trip"), stopped("main"))
	}
	if w := p.call("POST", "/api/stop", `{}`); w.Code != 200 || !stopped("main") {
		t.Errorf("the main session: %d %s", w.Code, w.Body)
	}
	if w := p.call("POST", "/api/stop", `{"session":"../x"}`); w.Code != 400 {
		t.Errorf("a bad name: %d", w.Code)
	}
}

func TestABucketThatIsDownIsAnErrorWithoutDetails(t *testing.T) {
	p := newPlace(t)
	for _, up := range []string{"", "main/access/"} { // the door's part of it answers, or not even that
		p.faults.Before = func(_ bucket.Op, key string) error {
			if up != "" && strings.HasPrefix(key, up) {
				return nil
			}
			return errors.New("no access with key hunter2")
		}
		for _, route := range known {
			method, path, _ := strings.Cut(route, " ")
			w := p.call(method, path, anything)
			if w.Code != 500 || strings.Contains(w.Body.String(), "hunter2") || !strings.Contains(w.Body.String(), "try again") {
				t.Errorf("%s: %d %s", route, w.Code, w.Body)
			}
		}
	}
}
