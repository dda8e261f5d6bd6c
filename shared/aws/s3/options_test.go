//go:build !js

package s3

import (
	"fmt"
	"strings"
	"testing"
)

func environment(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

var credentials = map[string]string{"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": secretKey, "AWS_SESSION_TOKEN": sessionToken, "AWS_REGION": "eu-west-1"}

func TestParse(t *testing.T) {
	for address, want := range map[string]Options{
		"s3://instar":                   {Bucket: "instar", Region: "eu-west-1"},
		"s3://instar/?region=sa-east-1": {Bucket: "instar", Region: "sa-east-1"},
		// AWS_REGION is not about other servers.
		"s3://instar?endpoint=https://abc.r2.cloudflarestorage.com":    {Bucket: "instar", Endpoint: "https://abc.r2.cloudflarestorage.com"},
		"s3://instar?endpoint=http%3A%2F%2Flocalhost%3A9000%2F":        {Bucket: "instar", Endpoint: "http://localhost:9000"},
		"s3://in.star-1?endpoint=https://s3.example.com&region=region": {Bucket: "in.star-1", Region: "region", Endpoint: "https://s3.example.com"},
	} {
		want.AccessKeyID, want.SecretAccessKey, want.SessionToken = "AKIDEXAMPLE", secretKey, sessionToken
		if got, err := Parse(address, environment(credentials)); err != nil || got != want {
			t.Errorf("%s: bucket %q, region %q, endpoint %q, error %v", address, got.Bucket, got.Region, got.Endpoint, err)
		}
	}
	for endpoint, want := range map[string]string{"https://abc.r2.cloudflarestorage.com": "auto", "https://s3.example.com": "us-east-1", "": ""} {
		if got := (Options{Endpoint: endpoint}).region(); got != want {
			t.Errorf("the region of %q is %q, want %q", endpoint, got, want)
		}
	}
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	without := func(name string) map[string]string {
		vars := map[string]string{}
		for n, v := range credentials {
			if n != name {
				vars[n] = v
			}
		}
		return vars
	}
	for _, c := range []struct {
		address string
		env     map[string]string
		says    string
	}{
		{"s3://instar", without("AWS_REGION"), "AWS_REGION is not set: set it to the region of the bucket instar"},
		{"s3://instar", without("AWS_ACCESS_KEY_ID"), "AWS_ACCESS_KEY_ID is not set"},
		{"s3://instar", without("AWS_SECRET_ACCESS_KEY"), "AWS_SECRET_ACCESS_KEY is not set"},
		{"s3://", credentials, "not the name"},
		{"s3://Instar", credentials, "not the name"},
		{"s3://in", credentials, "not the name"},
		{"s3://in..star", credentials, "not the name"},
		{"s3://instar--use1-az4--x-s3", credentials, "not the name of a general purpose bucket"},
		{"s3://instar/main", credentials, "no folder"},
		{"s3://me:secret@instar", credentials, "other parts"},
		{"https://instar", credentials, "s3://BUCKET"},
		{"s3://instar?regoin=eu-west-1", credentials, "regoin is not known"},
		{"s3://instar?region=a&region=b", credentials, "region is there twice"},
		{"s3://instar?region=a/b", credentials, "must be a region"},
		{"s3://instar?endpoint=s3.example.com", credentials, "https://HOST"},
		{"s3://instar?endpoint=https://s3.example.com/path", credentials, "https://HOST"},
		{"s3://instar?endpoint=https://me:secret@s3.example.com", credentials, "https://HOST"},
		{"s3://ins\x00tar", credentials, "cannot be read"},
	} {
		_, err := Parse(c.address, environment(c.env))
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "secret@") {
			t.Errorf("%q: error %v, want %q", c.address, err, c.says)
		}
		withoutSecrets(t, err)
	}
}

func TestPrintedOptionsHoldNoCredential(t *testing.T) {
	o, err := Parse("s3://instar", environment(credentials))
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if got := fmt.Sprintf(verb, o) + fmt.Sprintf(verb, &o); got != "s3://instars3://instar" {
			t.Errorf("%s prints %s", verb, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"s3://instar", "s3://a@b", "s3://instar?endpoint=https://x", "s3://[::1]", "s3://%zz", "s3://instar?a;b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		o, err := Parse(address, environment(credentials))
		if err != nil {
			withoutSecrets(t, err)
			return
		}
		if o.check() != nil || !strings.HasPrefix(strings.ToLower(address), "s3://") {
			t.Errorf("%q was taken for %v", address, o)
		}
		if _, err := Open(o); err != nil {
			t.Errorf("%q cannot be opened: %v", address, err)
		}
	})
}

func TestAServerThatIsNotAmazonsHasKeysOfItsOwn(t *testing.T) {
	env := func(name string) string {
		return map[string]string{"AWS_ACCESS_KEY_ID": "role", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t", "AWS_REGION": "eu-central-1",
			"BUCKET_ACCESS_KEY_ID": "own", "BUCKET_SECRET_ACCESS_KEY": "o"}[name]
	}
	o, err := Parse("s3://instar?endpoint=https://account.r2.cloudflarestorage.com", env)
	if err != nil || o.AccessKeyID != "own" || o.SecretAccessKey != "o" || o.SessionToken != "" || o.region() != "auto" {
		t.Errorf("%s, %s, %v", o.AccessKeyID, o.region(), err)
	}
	if o, err := Parse("s3://instar", env); err != nil || o.AccessKeyID != "role" || o.SessionToken != "t" {
		t.Errorf("Amazon's: %s, %v", o.AccessKeyID, err)
	}
	if o, err := Parse("s3://instar?endpoint=https://account.r2.cloudflarestorage.com", func(name string) string {
		if name == "BUCKET_SECRET_ACCESS_KEY" {
			return ""
		}
		return env(name)
	}); err != nil || o.AccessKeyID != "role" {
		t.Errorf("half of a pair: %s, %v", o.AccessKeyID, err)
	}
}
