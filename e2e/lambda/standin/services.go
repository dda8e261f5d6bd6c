package standin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
)

// Services answers what a program with the keys asks of the queue, and of the
// Parameter Store with these variables, whatever its role.
func Services(q *FIFO, k Keys, vars map[string]string) http.Handler {
	return (&Cloud{Queue: q, options: Options{Keys: k, Vars: vars}, used: map[Use]int{}}).services("")
}

// services answers SQS, SSM and Lambda for one function.
func (c *Cloud) services(function string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if name, ok := strings.CutPrefix(r.URL.Path, "/2021-11-15/functions/"); ok {
			c.invoke(w, r, function, strings.TrimSuffix(name, "/response-streaming-invocations"), body)
			return
		}
		service, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		var answer any
		switch {
		case service == "AmazonSQS" && r.Header.Get("Content-Type") == "application/x-amz-json-1.0":
			if err = c.options.Keys.verify(r, body, "sqs"); err == nil {
				if !c.may(function, "sqs:"+action, QueueARN) {
					err = &sqsError{"AccessDenied", ""}
				} else {
					answer, err = c.Queue.call(action, body)
				}
			}
		case service == "AmazonSSM" && r.Header.Get("Content-Type") == "application/x-amz-json-1.1":
			if err = c.options.Keys.verify(r, body, "ssm"); err == nil {
				answer, err = c.parameters(function, action, body)
			}
		default:
			err = &sqsError{"UnknownOperationException", r.Header.Get("X-Amz-Target")}
		}
		if err != nil {
			refuse(w, err)
			return
		}
		json.NewEncoder(w).Encode(answer)
	})
}

func refuse(w http.ResponseWriter, err error) {
	code, status := err.Error(), http.StatusBadRequest
	if said, ok := errors.AsType[*sqsError](err); ok {
		code = said.code
	}
	switch code {
	case "ServiceUnavailable":
		status = http.StatusServiceUnavailable
	case "AccessDenied":
		status = http.StatusForbidden
	}
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"__type": "com.amazon.coral.service#" + code, "message": err.Error()})
}

// parameters answers the Parameter Store.
func (c *Cloud) parameters(function, action string, body []byte) (any, error) {
	var in struct {
		Names                    []string
		WithDecryption           bool
		ResourceType, ResourceId string
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, &sqsError{"SerializationException", ""}
	}
	names := in.Names
	if action == "ListTagsForResource" {
		names = []string{in.ResourceId}
	}
	for _, name := range names {
		if !c.may(function, "ssm:"+action, "arn:aws:ssm:"+Region+":"+Account+":parameter"+name) {
			return nil, &sqsError{"AccessDeniedException", ""}
		}
	}
	value := func(name string) (string, bool) {
		v, ok := c.options.Vars[strings.TrimPrefix(name, Prefix)]
		return v, ok && v != "" && strings.HasPrefix(name, Prefix)
	}
	switch action {
	case "GetParameters":
		if len(names) == 0 || len(names) > 10 || !in.WithDecryption {
			return nil, &sqsError{"ValidationException", fmt.Sprint(len(names))}
		}
		out := struct {
			Parameters        []map[string]any
			InvalidParameters []string
		}{[]map[string]any{}, []string{}}
		for _, name := range names {
			if v, ok := value(name); ok {
				out.Parameters = append(out.Parameters, map[string]any{"Name": name, "Type": "SecureString", "Value": v, "Version": 1})
			} else {
				out.InvalidParameters = append(out.InvalidParameters, name)
			}
		}
		return out, nil
	case "ListTagsForResource":
		if _, ok := value(in.ResourceId); !ok || in.ResourceType != "Parameter" {
			return nil, &sqsError{"InvalidResourceId", in.ResourceId}
		}
		return map[string]any{"TagList": []string{}}, nil
	}
	return nil, &sqsError{"UnknownOperationException", action}
}

// invoke answers InvokeWithResponseStream.
func (c *Cloud) invoke(w http.ResponseWriter, r *http.Request, caller, name string, payload []byte) {
	if err := c.options.Keys.verify(r, payload, "lambda"); err != nil {
		refuse(w, err)
		return
	}
	if !c.may(caller, "lambda:InvokeFunction", "arn:aws:lambda:"+Region+":"+Account+":function:"+name) {
		refuse(w, &sqsError{"AccessDenied", ""})
		return
	}
	f, ok := c.Functions[strings.TrimPrefix(name, "instar-")]
	if !ok {
		w.Header().Set("X-Amzn-Errortype", "ResourceNotFoundException")
		w.WriteHeader(http.StatusNotFound)
		return
	}
	i, err := f.Invoke(r.Context(), payload)
	if errors.Is(err, errThrottled) {
		w.Header().Set("X-Amzn-Errortype", err.Error())
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	if err != nil {
		w.Header().Set("X-Amzn-Errortype", "ServiceException")
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	w.WriteHeader(http.StatusOK)
	<-i.Began
	send := func(kind string, payload []byte) {
		var m eventstream.Message
		m.Headers.Set(":message-type", eventstream.StringValue("event"))
		m.Headers.Set(":event-type", eventstream.StringValue(kind))
		m.Payload = payload
		var frame bytes.Buffer
		eventstream.NewEncoder().Encode(&frame, m)
		w.Write(frame.Bytes())
		w.(http.Flusher).Flush()
	}
	buffer := make([]byte, 16<<10)
	for {
		n, err := i.Body.Read(buffer)
		if n > 0 {
			send("PayloadChunk", buffer[:n])
		}
		if err == nil {
			continue
		}
		end := map[string]string{}
		if !errors.Is(err, io.EOF) {
			end["ErrorCode"], end["ErrorDetails"] = "Unhandled", err.Error()
		}
		data, _ := json.Marshal(end)
		send("InvokeComplete", data)
		return
	}
}

const denied = `<Error><Code>AccessDenied</Code></Error>`

// proxy passes a function's calls on to the S3 server.
func (c *Cloud) proxy(function string) http.Handler {
	to, _ := url.Parse(c.options.S3)
	pass := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host // which is signed
		},
		// Who may not list learns of no object whether it is there.
		ModifyResponse: func(r *http.Response) error {
			if r.StatusCode == http.StatusNotFound && !c.may(function, "s3:ListBucket", "arn:aws:s3:::"+Bucket) {
				r.StatusCode, r.Status = http.StatusForbidden, "403 Forbidden"
				r.Body, r.ContentLength = io.NopCloser(strings.NewReader(denied)), int64(len(denied))
				r.Header.Set("Content-Length", fmt.Sprint(len(denied)))
			}
			return nil
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, object := strings.CutPrefix(r.URL.Path, "/"+Bucket+"/")
		action := map[string]string{http.MethodGet: "s3:GetObject", http.MethodPut: "s3:PutObject", http.MethodDelete: "s3:DeleteObject"}[r.Method]
		resource := "arn:aws:s3:::" + Bucket + "/" + key
		if !object || key == "" {
			action, resource = "s3:ListBucket", "arn:aws:s3:::"+Bucket
		}
		if action == "" || !c.may(function, action, resource) {
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, denied)
			return
		}
		pass.ServeHTTP(w, r)
	})
}
