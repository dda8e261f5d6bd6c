package console_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"instar/shared/label"
	"instar/shared/model"
	"instar/shared/policy"
	"instar/shared/tool"
	"instar/shared/turn"
)

// giving is a model whose tool gives the owner these files.
func (p *place) giving(files ...tool.File) {
	e := p.employ(func(ctx context.Context, r model.Request, onText func(string)) (model.Reply, error) {
		if len(r.Messages[len(r.Messages)-1].Results) == 0 {
			return model.Reply{Calls: []model.ToolCall{{ID: "1", Name: "give", Input: json.RawMessage(`{}`)}}, Stop: model.StopTools}, nil
		}
		return after(0, "Here.")(ctx, r, onText)
	})
	e.Extra = []tool.Tool{{
		Tool:     model.Tool{Name: "give", Schema: json.RawMessage(`{"type":"object"}`)},
		Manifest: &policy.Manifest{Effect: policy.Read, OutputIntegrity: label.System},
		Run: func(ctx context.Context, c tool.Call) (string, error) {
			for _, f := range files {
				if err := c.Give(ctx, f); err != nil {
					return "", err
				}
			}
			return "Given.", nil
		},
	}}
}

func TestAFileThatCameWithAReplyIsShownOrSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		p.giving(tool.File{Name: "shot.png", MediaType: "image/png", Data: []byte("\x89PNG")},
			tool.File{Name: "page\"\r\n.html", MediaType: "text/html", Data: []byte("<script>alert(1)</script>")},
			tool.File{Name: "x.svg", MediaType: "image/svg+xml", Data: []byte("<svg/>")})
		var done struct{ Files []turn.Given }
		answer, _ := json.Marshal(p.say("", "give me"))
		json.Unmarshal(answer, &done)
		var page struct {
			Messages []struct{ Files []turn.Given }
		}
		p.decode(p.call("GET", "/api/session", ""), &page)
		if len(done.Files) != 3 || len(page.Messages) != 2 || len(page.Messages[1].Files) != 3 || page.Messages[1].Files[0] != done.Files[0] {
			t.Fatalf("the answer says %s, the page %+v", answer, page)
		}
		for i, want := range []struct{ kind, place, body string }{
			{"image/png", "inline", "\x89PNG"}, {"application/octet-stream", "attachment", "<script>alert(1)</script>"}, {"application/octet-stream", "attachment", "<svg/>"},
		} {
			w := p.call("GET", done.Files[i].URL, "")
			head := w.Header()
			if w.Code != 200 || w.Body.String() != want.body || head.Get("Content-Type") != want.kind || !strings.HasPrefix(head.Get("Content-Disposition"), want.place+";") ||
				head.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(head.Get("Content-Security-Policy"), "sandbox") || strings.ContainsAny(head.Get("Content-Disposition"), "\r\n") {
				t.Errorf("%s: %d %v", done.Files[i].Name, w.Code, head)
			}
		}
		for where, status := range map[string]int{"?session=main&turn=1&n=3": 404, "?session=main&turn=2&n=0": 404, "?session=other&turn=1&n=0": 404, "?session=main&turn=x&n=0": 400,
			"?session=main&turn=1&n=-1": 400, "?session=" + url.QueryEscape("../main") + "&turn=1&n=0": 400} {
			if w := p.call("GET", "/api/file"+where, ""); w.Code != status {
				t.Errorf("%s: %d %s", where, w.Code, w.Body)
			}
		}
		if w := p.serve(httptest.NewRequest(http.MethodGet, done.Files[0].URL, nil)); w.Code != http.StatusUnauthorized {
			t.Errorf("without a login: %d", w.Code)
		}
	})
}
