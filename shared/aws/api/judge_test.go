//go:build !js

package api_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdksqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	sdkssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"instar/shared/aws/api"
	"instar/shared/aws/sqs"
	"instar/shared/aws/ssm"
)

// sent is what of a request the service reads.
type sent struct {
	Method, Path, Type, Target string
	Body                       map[string]any
}

// wire answers every call as the services do, and keeps what it was sent.
type wire struct {
	*httptest.Server
	mu   sync.Mutex
	last sent
}

func newWire(t *testing.T) *wire {
	w := &wire{}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.last = sent{Method: r.Method, Path: r.URL.Path, Type: r.Header.Get("Content-Type"), Target: r.Header.Get("X-Amz-Target")}
		json.Unmarshal(body, &w.last.Body)
		rw.Header().Set("Content-Type", w.last.Type)
		io.WriteString(rw, `{"MessageId":"m","Parameters":[]}`)
	}))
	t.Cleanup(w.Close)
	return w
}

const queueURL = "https://sqs.eu-central-1.amazonaws.com/123456789012/instar.fifo"

// AWS's own SDK is the judge of what the thin calls send.
func TestTheCallsAreThoseOfTheSDK(t *testing.T) {
	w := newWire(t)
	keys := credentials.NewStaticCredentialsProvider("id", "secret", "")
	sdkQueue := sdksqs.New(sdksqs.Options{Region: "eu-central-1", Credentials: keys, BaseEndpoint: &w.URL, DisableMessageChecksumValidation: true})
	sdkParameters := sdkssm.New(sdkssm.Options{Region: "eu-central-1", Credentials: keys, BaseEndpoint: &w.URL})
	thin := &api.Client{Region: "eu-central-1", Credentials: aws.Credentials{AccessKeyID: "id", SecretAccessKey: "secret"},
		Endpoint: func(string) string { return w.URL }, Do: w.Client().Do}
	queue := &sqs.Queue{API: thin, URL: queueURL}

	ours := func(call func(ctx context.Context) error) sent {
		t.Helper()
		if err := call(t.Context()); err != nil {
			t.Fatal(err)
		}
		return w.last
	}
	text := func(m sent, name string) *string { s, _ := m.Body[name].(string); return &s }

	message := ours(func(ctx context.Context) error { return queue.Send(ctx, []byte(`{"v":1}`), 90*time.Second) })
	due := message.Body["MessageAttributes"].(map[string]any)["Due"].(map[string]any)["StringValue"].(string)
	theirs := ours(func(ctx context.Context) error {
		_, err := sdkQueue.SendMessage(ctx, &sdksqs.SendMessageInput{QueueUrl: aws.String(queueURL), MessageBody: aws.String(`{"v":1}`),
			MessageGroupId: text(message, "MessageGroupId"), MessageDeduplicationId: text(message, "MessageDeduplicationId"),
			MessageAttributes: map[string]sqstypes.MessageAttributeValue{"Due": {DataType: aws.String("Number"), StringValue: &due}}})
		return err
	})
	same(t, "SendMessage", message, theirs)

	same(t, "ChangeMessageVisibility",
		ours(func(ctx context.Context) error { return queue.Hide(ctx, "receipt", 90*time.Second) }),
		ours(func(ctx context.Context) error {
			_, err := sdkQueue.ChangeMessageVisibility(ctx, &sdksqs.ChangeMessageVisibilityInput{QueueUrl: aws.String(queueURL), ReceiptHandle: aws.String("receipt"), VisibilityTimeout: 90})
			return err
		}))

	same(t, "GetParameters",
		ours(func(ctx context.Context) error {
			_, err := ssm.Get(ctx, thin, "/instar/", []string{"SEAL_KEY"})
			return err
		}),
		ours(func(ctx context.Context) error {
			_, err := sdkParameters.GetParameters(ctx, &sdkssm.GetParametersInput{Names: []string{"/instar/SEAL_KEY"}, WithDecryption: aws.Bool(true)})
			return err
		}))

	same(t, "ListTagsForResource",
		ours(func(ctx context.Context) error {
			_, err := ssm.Exists(ctx, thin, "/instar/", "SLACK_BOT_TOKEN")
			return err
		}),
		ours(func(ctx context.Context) error {
			_, err := sdkParameters.ListTagsForResource(ctx, &sdkssm.ListTagsForResourceInput{ResourceType: ssmtypes.ResourceTypeForTaggingParameter, ResourceId: aws.String("/instar/SLACK_BOT_TOKEN")})
			return err
		}))
}

func same(t *testing.T, action string, ours, theirs sent) {
	t.Helper()
	if !reflect.DeepEqual(ours, theirs) {
		t.Errorf("%s is sent as\n%+v\nand by the SDK as\n%+v", action, ours, theirs)
	}
}
