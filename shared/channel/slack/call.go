package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/tidwall/gjson"

	"instar/shared/channel/internal/platform"
)

// post calls a method with JSON parameters. Only an idempotent call is
// repeated after a 5xx or a broken connection.
func (s *Sender) post(ctx context.Context, method string, params any, idempotent bool) (gjson.Result, error) {
	body, err := json.Marshal(params)
	if err != nil {
		return gjson.Result{}, fmt.Errorf("slack %s: write parameters: %w", method, err)
	}
	header := s.authorization()
	header.Set("Content-Type", "application/json; charset=utf-8")
	return s.call(ctx, platform.Request{
		Method: method, Verb: http.MethodPost, URL: s.base + "/" + method,
		Header: header, Body: body, Idempotent: idempotent,
	})
}

// form calls a method that takes no JSON and posts nothing, so that it is
// repeated like an idempotent one.
func (s *Sender) form(ctx context.Context, method string, params url.Values) (gjson.Result, error) {
	header := s.authorization()
	header.Set("Content-Type", "application/x-www-form-urlencoded")
	return s.call(ctx, platform.Request{
		Method: method, Verb: http.MethodPost, URL: s.base + "/" + method,
		Header: header, Body: []byte(params.Encode()), Idempotent: true,
	})
}

// get calls a method that only reads; Slack takes JSON for few of those.
func (s *Sender) get(ctx context.Context, method string, query url.Values) (gjson.Result, error) {
	address := s.base + "/" + method
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	return s.call(ctx, platform.Request{
		Method: method, Verb: http.MethodGet, URL: address, Header: s.authorization(), Idempotent: true,
	})
}

func (s *Sender) call(ctx context.Context, r platform.Request) (answer gjson.Result, err error) {
	r.Limit = platform.MaxAnswer
	err = s.client.Send(ctx, r, func(a platform.Answer) error {
		answer, _ = platform.Object(string(a.Body)) // a proxy's page is no object and so not ok
		if answer.Get("ok").Bool() && a.Status/100 == 2 {
			return nil
		}
		reason := answer.Get("error").Str
		if reason == "" {
			reason = "no error code"
		}
		return s.client.Refusal(r.Method, a.Status, reason, a.RetryAfter())
	})
	if err != nil {
		return gjson.Result{}, err
	}
	return answer, nil
}

func (s *Sender) authorization() http.Header {
	return http.Header{"Authorization": {"Bearer " + s.token}}
}
