package standin

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strings"
	"time"
)

// verify checks a request's AWS Signature Version 4
// (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
func (k Keys) verify(r *http.Request, body []byte, service string) error {
	rest, ok := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	if !ok {
		return errors.New("MissingAuthenticationToken")
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		fields[name] = value
	}
	date := r.Header.Get("X-Amz-Date")
	at, err := time.Parse("20060102T150405Z", date)
	if err != nil || time.Since(at).Abs() > 5*time.Minute {
		return errors.New("RequestExpired")
	}
	scope := fmt.Sprintf("%s/%s/%s/aws4_request", date[:8], Region, service)
	if fields["Credential"] != k.ID+"/"+scope {
		return fmt.Errorf("InvalidSignatureException: scope %s", fields["Credential"])
	}
	if k.Token != r.Header.Get("X-Amz-Security-Token") {
		return errors.New("UnrecognizedClientException")
	}
	signed := strings.Split(fields["SignedHeaders"], ";")
	if !sort.StringsAreSorted(signed) || signed[0] == "" {
		return errors.New("InvalidSignatureException: headers")
	}
	var headers strings.Builder
	for _, name := range signed {
		value := strings.Join(r.Header.Values(name), ",")
		switch name {
		case "host":
			value = r.Host
		case "content-length":
			value = fmt.Sprint(r.ContentLength)
		}
		fmt.Fprintf(&headers, "%s:%s\n", name, strings.Join(strings.Fields(value), " "))
	}
	path := (&url.URL{Path: r.URL.EscapedPath()}).EscapedPath() // encoded twice, as for all but S3
	sum := sha256.Sum256(body)
	canonical := strings.Join([]string{r.Method, path, r.URL.RawQuery, headers.String(), fields["SignedHeaders"], hex.EncodeToString(sum[:])}, "\n")
	hashed := sha256.Sum256([]byte(canonical))
	text := strings.Join([]string{"AWS4-HMAC-SHA256", date, scope, hex.EncodeToString(hashed[:])}, "\n")
	key := []byte("AWS4" + k.Secret)
	for _, part := range []string{date[:8], Region, service, "aws4_request", text} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	if !hmac.Equal([]byte(hex.EncodeToString(key)), []byte(fields["Signature"])) {
		return errors.New("InvalidSignatureException")
	}
	return nil
}

// Keys are the credentials of every function.
type Keys struct{ ID, Secret, Token string }
