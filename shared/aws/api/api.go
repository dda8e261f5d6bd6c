//go:build !js

// Package api signs and sends single calls to AWS's services. The SDK's own
// clients of SQS, SSM and Lambda do the same, and make each bootstrap larger and
// its cold start longer (package sqs has the numbers).
package api

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	attempts  = 4       // of a call, the first included
	maxAnswer = 4 << 20 // bytes
	within    = 10 * time.Second
)

// Client calls AWS as one role in one region.
type Client struct {
	Region      string
	Credentials aws.Credentials
	// Endpoint is a service's address, such as https://sqs.eu-central-1.amazonaws.com.
	Endpoint func(service string) string
	// Do sends a request and follows no redirects.
	Do func(*http.Request) (*http.Response, error)
}

// FromEnv returns the client of a Lambda function's environment: its role's
// credentials, which are valid as long as its process lives, and its region.
// AWS_ENDPOINT_URL_SQS and the like replace an endpoint, as for AWS's own tools.
func FromEnv(env func(name string) string, do func(*http.Request) (*http.Response, error)) *Client {
	region := cmp.Or(env("AWS_REGION"), env("AWS_DEFAULT_REGION"))
	return &Client{
		Region: region, Do: do,
		Credentials: aws.Credentials{
			AccessKeyID: env("AWS_ACCESS_KEY_ID"), SecretAccessKey: env("AWS_SECRET_ACCESS_KEY"), SessionToken: env("AWS_SESSION_TOKEN"),
		},
		Endpoint: func(service string) string {
			domain := "amazonaws.com"
			if strings.HasPrefix(region, "cn-") {
				domain += ".cn"
			}
			return cmp.Or(env("AWS_ENDPOINT_URL_"+strings.ToUpper(service)), env("AWS_ENDPOINT_URL"), "https://"+service+"."+region+"."+domain)
		},
	}
}

// Error is an answer that is no success. It holds nothing of the answer's text,
// which may repeat what was sent.
type Error struct {
	Action string // such as sqs:SendMessage
	Status int
	Code   string // such as AccessDenied, or ""
}

func (e *Error) Error() string {
	text := strings.TrimSpace(fmt.Sprintf("%s was answered with %d %s", e.Action, e.Status, e.Code))
	if strings.Contains(e.Code, "AccessDenied") {
		text += ": allow it to this function's role"
	}
	return text
}

// passing reports whether the same call may succeed a moment later.
func (e *Error) passing() bool {
	return e.Status >= 500 || e.Status == http.StatusTooManyRequests || strings.Contains(e.Code, "Throttl")
}

// Protocols of Call (awslabs.github.io/smithy, "AWS JSON 1.0 protocol").
const (
	JSON10 = "application/x-amz-json-1.0" // SQS
	JSON11 = "application/x-amz-json-1.1" // SSM
)

// Call calls an action of a service, such as sqs and AmazonSQS.SendMessage, with
// in as JSON, and reads the answer into out. It tries again, so the action must
// be one that may be repeated. Errors: an *Error, or that of the connection.
func (c *Client) Call(ctx context.Context, service, protocol, target string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	for try := 1; ; try++ {
		err := c.call(ctx, service, protocol, target, body, out)
		said, answered := errors.AsType[*Error](err)
		if err == nil || ctx.Err() != nil || answered && !said.passing() || try == attempts {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(rand.N(50 * time.Millisecond << try)):
		}
	}
}

func (c *Client) call(ctx context.Context, service, protocol, target string, body []byte, out any) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	header := http.Header{"Content-Type": {protocol}, "X-Amz-Target": {target}}
	_, action, _ := strings.Cut(target, ".")
	response, err := c.Send(ctx, service, service+":"+action, "/", header, body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%s: read answer: %w", service, err)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("%s:%s: the answer is not JSON", service, action)
	}
	return nil
}

// Send posts one signed request, once, and returns the answer when it is a
// success. action is what the error calls it.
func (c *Client) Send(ctx context.Context, service, action, path string, header http.Header, body []byte) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Endpoint(service)+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s: malformed endpoint", action)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, c.Credentials, r, hex.EncodeToString(sum[:]), service, c.Region, time.Now()); err != nil {
		return nil, fmt.Errorf("%s: sign: %w", action, err)
	}
	response, err := c.Do(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", action, err)
	}
	if response.StatusCode/100 == 2 {
		return response, nil
	}
	defer response.Body.Close()
	return nil, &Error{Action: action, Status: response.StatusCode, Code: code(response)}
}

// code is the error's name in an answer. It may come with a namespace before it
// and an address after it.
func code(response *http.Response) string {
	name := response.Header.Get("X-Amzn-Errortype")
	if name == "" {
		var body struct {
			Type string `json:"__type"`
		}
		json.NewDecoder(io.LimitReader(response.Body, 64<<10)).Decode(&body)
		name = body.Type
	}
	name, _, _ = strings.Cut(name, ":")
	name = name[strings.LastIndex(name, "#")+1:]
	if len(name) > 64 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	return name
}
