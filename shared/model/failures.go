package model

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"instar/shared/model/cloudflare"
)

type failure struct {
	model string
	err   error
}

// failures is the error of a Router whose models have all failed. Its text is
// for the owner.
type failures []failure

func (f failures) Error() string {
	var b strings.Builder
	b.WriteString("no model answered. ")
	for i, one := range f {
		if i > 0 {
			b.WriteString(" ")
		}
		fmt.Fprintf(&b, "%s: %s", one.model, explain(one.model, one.err))
	}
	return b.String()
}

func (f failures) Unwrap() []error {
	errs := make([]error, len(f))
	for i, one := range f {
		errs[i] = one.err
	}
	return errs
}

// configError is a message about the configuration that wraps ErrConfig.
type configError struct{ text string }

func (e *configError) Error() string { return e.text }
func (e *configError) Unwrap() error { return ErrConfig }

// ConfigError returns an error that reads as text and wraps ErrConfig.
func ConfigError(text string) error { return &configError{text} }

// explain says what happened and what to do about it, in whole sentences.
func explain(name string, err error) string {
	var e *Error
	if !errors.As(err, &e) {
		return sentence(err.Error())
	}
	said := strings.TrimRight(e.Reason, ". ")
	switch {
	case e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden:
		return fmt.Sprintf("it refused the key (status %d: %s). Check %s.", e.Status, said, keyOf(name))
	case e.Status == http.StatusNotFound:
		return fmt.Sprintf("it does not know this model (status 404: %s). Check MODEL and MODEL_FALLBACKS.", said)
	case e.Status == http.StatusPaymentRequired || strings.HasPrefix(said, "insufficient_quota"):
		return fmt.Sprintf("the account has no credit left (status %d: %s). Add credit with the provider.", e.Status, said)
	case e.Status == http.StatusTooManyRequests:
		return fmt.Sprintf("it limits requests (status 429: %s). %s", said, later(e.Retry))
	case e.Temporary && e.Status == 0:
		return fmt.Sprintf("%s. %s", said, later(e.Retry))
	case e.Temporary:
		return fmt.Sprintf("it is out of order or overloaded (status %d: %s). %s", e.Status, said, later(e.Retry))
	case e.Status == 0:
		return said + "."
	}
	return fmt.Sprintf("it rejected the request (status %d: %s).", e.Status, said)
}

func later(after time.Duration) string {
	if after <= 0 {
		return "Try again in a few minutes."
	}
	return fmt.Sprintf("Try again in %s.", max(after.Round(time.Second), time.Second))
}

func sentence(s string) string { return strings.TrimRight(s, ". ") + "." }

func keyOf(name string) string {
	switch provider, _ := ParseName(name); provider {
	case "anthropic":
		return "ANTHROPIC_API_KEY"
	case "openai", "ollama":
		return "OPENAI_API_KEY"
	}
	return cloudflare.KeyVariable + " and the key stored with the gateway"
}
