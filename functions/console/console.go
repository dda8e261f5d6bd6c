// Package console is the owner's own entrance: the web chat's API and /healthz.
//
// Triggered by /api/* and /healthz. May touch: the bucket, with the owner's
// memory, what they were asked and granted and the audit log in it, the queue, settings, the agent function, which
// it asks to run a turn, and the public keys of the owner's Cloudflare Access
// team. Must never hold: a model key, a chat token, a webhook secret; of those it
// learns only whether they are set. Every route but /healthz and the two of
// logging in and out goes through package access.
package console

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"instar/shared/access"
	"instar/shared/audit"
	"instar/shared/bucket"
	"instar/shared/budget"
	"instar/shared/channel"
	"instar/shared/config"
	"instar/shared/model/catalog"
	"instar/shared/people"
	"instar/shared/queue"
	"instar/shared/session"
	"instar/shared/turn"
)

// maxRequest bounds a request body in bytes.
const maxRequest = 256 << 10

// Handler answers the console.
type Handler struct {
	Agent  string
	Bucket bucket.Bucket
	Queue  queue.Sender
	Door   *access.Door // who gets in
	Turns  channel.Doer // the agent function
	Rules  *config.Rules
	Models catalog.Config
	// Present reports whether a variable is set that this function may not read.
	Present func(name string) bool
	// Problem is what is wrong with the rules' variables, or nil.
	Problem error
	// Unsealed is what is wrong with SEAL_KEY, or nil: without it nothing in the
	// bucket can be read.
	Unsealed error
	// Audit opens the audit log, and Note puts an event into it, soon and without
	// waiting for it.
	Audit func(context.Context) (*audit.Log, error)
	Note  func(audit.Event)
	Now   func() time.Time
}

// ServeHTTP routes.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/healthz" {
		h.health(w)
		return
	}
	if h.Unsealed != nil {
		reply(w, http.StatusServiceUnavailable, map[string]any{"error": h.Unsealed.Error(), "missing": []string{"SEAL_KEY"}})
		return
	}
	switch r.Method + " " + r.URL.Path {
	case "POST /api/login":
		h.login(w, r)
		return
	case "POST /api/logout":
		h.logout(w, r)
		return
	}
	if !h.authenticated(w, r) {
		return
	}
	if h.Problem != nil {
		reply(w, http.StatusServiceUnavailable, map[string]any{"error": h.Problem.Error()})
		return
	}
	route := r.Method + " " + r.URL.Path
	switch route {
	case "POST /api/chat":
		h.chat(w, r)
	case "POST /api/stop":
		h.stop(w, r)
	case "POST /api/answer":
		h.answer(w, r)
	case "GET /api/grants":
		h.grants(w, r)
	case "POST /api/grants/revoke":
		h.revoke(w, r)
	case "POST /api/pairing/approve":
		h.approve(w, r)
	case "GET /api/session":
		h.session(w, r)
	case "GET /api/sessions":
		h.sessions(w, r)
	case "GET /api/file":
		h.file(w, r)
	case "GET /api/status":
		h.status(w, r)
	case "GET /api/memory":
		h.memory(w, r)
	case "POST /api/memory":
		h.review(w, r)
	case "GET /api/memory/history":
		h.changes(w, r)
	case "POST /api/memory/restore":
		h.restore(w, r)
	case "GET /api/audit":
		h.audit(w, r)
	default:
		reply(w, http.StatusNotFound, failure("no such route"))
	}
}

// Missing names the variables without which a part that was begun to be
// configured, or the console itself, cannot work.
func (h *Handler) Missing() []string {
	missing := append(h.Models.Missing(), h.Door.Missing()...)
	if h.Unsealed != nil {
		missing = append(missing, "SEAL_KEY")
	}
	for _, pair := range [][2]string{
		{"TELEGRAM_BOT_TOKEN", "TELEGRAM_WEBHOOK_SECRET"},
		{"SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET"},
	} {
		switch {
		case h.Present(pair[0]) && !h.Present(pair[1]):
			missing = append(missing, pair[1])
		case !h.Present(pair[0]) && h.Present(pair[1]):
			missing = append(missing, pair[0])
		}
	}
	return missing
}

func (h *Handler) health(w http.ResponseWriter) {
	missing, problem := h.Missing(), errors.Join(h.Problem, h.Unsealed, h.Door.Problem())
	if len(missing) == 0 && problem == nil {
		reply(w, http.StatusOK, map[string]any{"status": "ok", "version": config.Version})
		return
	}
	body := map[string]any{"status": "misconfigured", "version": config.Version, "missing": append([]string{}, missing...)}
	if problem != nil {
		body["error"] = problem.Error()
	}
	reply(w, http.StatusServiceUnavailable, body)
}

func (h *Handler) status(w http.ResponseWriter, r *http.Request) {
	directory := people.NewDirectory(h.Bucket, h.Agent+"/people/")
	pending, err := directory.Pending(r.Context(), h.Now())
	if err != nil {
		h.internal(w, "read pairing requests", err)
		return
	}
	requests := make([]map[string]any, 0, len(pending))
	for _, p := range pending {
		requests = append(requests, map[string]any{"code": p.Code, "person": p.Person, "name": p.Name, "expires": p.Expires})
	}
	ledger := &budget.Ledger{Bucket: h.Bucket, Agent: h.Agent, Daily: h.Rules.DailyBudget, Zone: h.Rules.Zone, Now: h.Now}
	spent, err := turn.SpentToday(r.Context(), h.store(), ledger)
	if err != nil {
		h.internal(w, "read usage", err)
		return
	}
	var limit any
	if h.Rules.DailyBudget > 0 {
		limit = h.Rules.DailyBudget
	}
	first := h.Models.Models()[0]
	reply(w, http.StatusOK, map[string]any{
		"version": config.Version, "model": first, "offline": first == "offline", "timezone": h.Rules.Zone.String(),
		"budget": map[string]any{"spent_usd": spent, "limit_usd": limit},
		"channels": []map[string]any{
			{"name": "telegram", "configured": h.Present("TELEGRAM_BOT_TOKEN") && h.Present("TELEGRAM_WEBHOOK_SECRET")},
			{"name": "slack", "configured": h.Present("SLACK_BOT_TOKEN") && h.Present("SLACK_SIGNING_SECRET")},
		},
		"pairing": requests,
	})
}

// approve lets in the person with a pairing code. Nobody tells them, since this
// function can send nothing: they find out when they write again.
func (h *Handler) approve(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Code string `json:"code"`
	}
	if !read(w, r, &in) {
		return
	}
	person, err := people.NewDirectory(h.Bucket, h.Agent+"/people/").Approve(r.Context(), in.Code, h.Now())
	switch {
	case errors.Is(err, people.ErrCodeUnknown):
		reply(w, http.StatusNotFound, failure("that code is not known, or older than an hour"))
	case errors.Is(err, people.ErrTooManyTries):
		reply(w, http.StatusTooManyRequests, failure("too many wrong codes; try again in an hour"))
	case err != nil:
		h.internal(w, "approve", err)
	default:
		reply(w, http.StatusOK, map[string]any{"person": person.ID, "name": person.Name})
	}
}

func (h *Handler) store() *session.Store {
	return &session.Store{Bucket: h.Bucket, Agent: h.Agent, Now: h.Now, Fold: turn.UserText}
}

// read decodes a bounded JSON body, or answers what is wrong with it.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	if r.ContentLength > maxRequest {
		reply(w, http.StatusRequestEntityTooLarge, failure("request is larger than 256 KB"))
		return false
	}
	data, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	switch {
	case err != nil:
		reply(w, http.StatusBadRequest, failure("request could not be read"))
	case len(data) > maxRequest:
		reply(w, http.StatusRequestEntityTooLarge, failure("request is larger than 256 KB"))
	case json.Unmarshal(data, into) != nil:
		reply(w, http.StatusBadRequest, failure("request is not the JSON object this route takes"))
	default:
		return true
	}
	return false
}

func failure(text string) map[string]any { return map[string]any{"error": text} }

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

func (h *Handler) internal(w http.ResponseWriter, doing string, err error) {
	if !errors.Is(err, context.Canceled) {
		slog.Error("console request failed", "doing", doing, "error", err.Error())
	}
	reply(w, http.StatusInternalServerError, failure("could not "+doing+" just now, try again"))
}
