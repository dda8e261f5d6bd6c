package telegram

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/tidwall/gjson"

	"instar/shared/channel/internal/platform"
)

// call posts params to a method and returns its result. Only an idempotent
// call is repeated after a 5xx or a broken connection.
func (s *Sender) call(ctx context.Context, method string, params any, idempotent bool) (gjson.Result, error) {
	body, err := json.Marshal(params)
	if err != nil {
		return gjson.Result{}, fmt.Errorf("telegram %s: write parameters: %w", method, err)
	}
	return s.post(ctx, method, "application/json", body, idempotent)
}

// post sends a method's parameters in any of the forms that it takes.
func (s *Sender) post(ctx context.Context, method, contentType string, body []byte, idempotent bool) (result gjson.Result, err error) {
	err = s.client.Send(ctx, platform.Request{
		Method: method, Verb: http.MethodPost, URL: s.base + "/bot" + s.token + "/" + method,
		Header: http.Header{"Content-Type": {contentType}}, Body: body,
		Limit: platform.MaxAnswer, Idempotent: idempotent,
	}, func(a platform.Answer) error {
		answer, _ := platform.Object(string(a.Body)) // a proxy's page is no object and so not ok
		if !answer.Get("ok").Bool() || a.Status/100 != 2 {
			return s.refusal(method, a.Status, answer)
		}
		result = answer.Get("result")
		return nil
	})
	return result, err
}

// refusal reads Telegram's error object.
func (s *Sender) refusal(method string, status int, answer gjson.Result) error {
	if code, ok := integer(answer.Get("error_code")); ok && status/100 == 2 && code >= 400 && code < 600 {
		status = int(code)
	}
	reason := answer.Get("description").Str
	if reason == "" {
		reason = "no description"
	}
	retryAfter, _ := integer(answer.Get("parameters.retry_after"))
	return s.client.Refusal(method, status, reason, retryAfter)
}
