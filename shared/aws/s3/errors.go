//go:build !js

package s3

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"instar/shared/bucket"
)

// Codes of S3's errors (docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
const (
	codePrecondition = "PreconditionFailed"         // 412
	codeConflict     = "ConditionalRequestConflict" // 409
	codeNoSuchKey    = "NoSuchKey"                  // 404
	codeNotFound     = "NotFound"                   // 404 to HEAD
	codeSlowDown     = "SlowDown"                   // 503, before anything is done
)

// codeOf returns the code of S3's answer, "" when there was none or it cannot
// be read.
func codeOf(err error) string {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return ""
	}
	return api.ErrorCode()
}

// mayHaveHappened reports whether S3 may have carried out a request that ended
// with this error.
func mayHaveHappened(err error) bool {
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return false
	}
	status := statusOf(err)
	return status < 300 || status >= 500 && codeOf(err) != codeSlowDown
}

// statusOf returns the status of the answer, 0 when there was none.
func statusOf(err error) int {
	if answer := answerOf(err); answer != nil {
		return answer.StatusCode
	}
	return 0
}

func answerOf(err error) *http.Response {
	var response *smithyhttp.ResponseError
	if !errors.As(err, &response) || response.Response == nil {
		return nil
	}
	return response.Response.Response
}

// explain turns an error of the SDK into one that says what to do. What the
// server wrote, its code aside, stays out: a server may write back what it was
// sent, the signature included.
func (b *Bucket) explain(err error, action string) error {
	answer := answerOf(err)
	if answer == nil || answer.StatusCode < 300 {
		var address *url.Error
		if errors.As(err, &address) {
			return fmt.Errorf("reach S3: %w", address.Err) // without the address
		}
		return err
	}
	code := word(codeOf(err))
	if code == codeNoSuchKey {
		return bucket.ErrNotFound
	}
	said := fmt.Errorf("S3 answered %d %s (request %s)", answer.StatusCode, code, word(answer.Header.Get("X-Amz-Request-Id")))
	if hint := b.hint(answer, code, action); hint != "" {
		return fmt.Errorf("%w: %s", said, hint)
	}
	return said
}

func (b *Bucket) hint(answer *http.Response, code, action string) string {
	switch code {
	case "NoSuchBucket":
		return fmt.Sprintf("there is no bucket %s here: create it, or correct its name, its region (AWS_REGION) or its endpoint", b.name)
	case "AccessDenied", "Forbidden", "AllAccessDisabled", "AccountProblem":
		return fmt.Sprintf("allow %s on the bucket %s to these credentials (arn:aws:s3:::%s for s3:ListBucket, arn:aws:s3:::%s/* for the others)", action, b.name, b.name, b.name)
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired", "Unauthorized":
		return "correct AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for credentials that expire, AWS_SESSION_TOKEN"
	case "RequestTimeTooSkewed":
		return "set this machine's clock"
	case "NotImplemented":
		return "this server lacks what is needed: If-Match and If-None-Match on PutObject, ListObjectsV2"
	}
	redirected := answer.StatusCode/100 == 3 || code == "AuthorizationHeaderMalformed" || code == "IllegalLocationConstraintException"
	if region := word(answer.Header.Get("X-Amz-Bucket-Region")); redirected && region != "-" {
		return fmt.Sprintf("the bucket %s is in another region: set AWS_REGION to %s", b.name, region)
	}
	if redirected {
		return fmt.Sprintf("the bucket %s is in another region: set AWS_REGION to it", b.name)
	}
	return ""
}

// word keeps a short word of the server's, and "-" in place of anything else.
func word(s string) string {
	strange := strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-._", r))
	})
	if s == "" || len(s) > 48 || strange {
		return "-"
	}
	return s
}
