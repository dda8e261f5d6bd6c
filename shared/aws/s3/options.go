//go:build !js

package s3

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Options say which bucket, and as whom.
type Options struct {
	Bucket string
	// Region is the bucket's, such as eu-central-1. With an Endpoint it may be
	// empty: auto for R2, else us-east-1, which other servers expect.
	Region string
	// Endpoint is the address of a server that is not Amazon's, such as
	// https://ACCOUNT.r2.cloudflarestorage.com; "" is Amazon S3.
	Endpoint string
	// The credentials, as in the environment of a Lambda function: those of its
	// role, valid as long as its process lives. Profiles, SSO and instance
	// metadata are left to `aws configure export-credentials`, since
	// config.LoadDefaultConfig, which reads them, would cost every cold start 0.7
	// to 1 ms and 2.6 MB of memory, and the program 2.2 MB (measured 2026-11; the
	// SDK itself: 1.8 ms, 2.2 MB, 2.0 MB), to find the same on Lambda.
	AccessKeyID, SecretAccessKey, SessionToken string
}

// OwnKeys are the variables with the keys of a server that is not Amazon's, where
// those of AWS are somebody else's, as they are in a Lambda function.
var OwnKeys = []string{"BUCKET_ACCESS_KEY_ID", "BUCKET_SECRET_ACCESS_KEY"}

// Parse reads an address, s3://BUCKET or
// s3://BUCKET?region=REGION&endpoint=https://HOST, and the credentials and the
// region from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN,
// AWS_REGION and AWS_DEFAULT_REGION; with an endpoint, from OwnKeys before.
func Parse(address string, env func(name string) string) (Options, error) {
	o, err := parse(address)
	if err != nil {
		return Options{}, fmt.Errorf("the bucket's address must be s3://BUCKET?region=REGION&endpoint=https://HOST (region and endpoint as needed): %w", err)
	}
	o.AccessKeyID, o.SecretAccessKey, o.SessionToken = env("AWS_ACCESS_KEY_ID"), env("AWS_SECRET_ACCESS_KEY"), env("AWS_SESSION_TOKEN")
	if id, secret := env(OwnKeys[0]), env(OwnKeys[1]); o.Endpoint != "" && id != "" && secret != "" {
		o.AccessKeyID, o.SecretAccessKey, o.SessionToken = id, secret, ""
	}
	if o.Endpoint == "" {
		o.Region = cmp.Or(o.Region, env("AWS_REGION"), env("AWS_DEFAULT_REGION"))
	}
	return o, o.check()
}

func parse(address string) (o Options, err error) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return o, errors.New("it cannot be read") // the address may hold a password
	case u.Scheme != "s3" || u.User != nil || u.Fragment != "":
		return o, errors.New("it has other parts")
	case strings.Trim(u.Path, "/") != "":
		return o, errors.New("the agent's bucket has no folder: it is a bucket of its own")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return o, errors.New("what follows the ? cannot be read")
	}
	o.Bucket = u.Host
	for name, values := range query {
		switch {
		case len(values) != 1:
			return o, fmt.Errorf("%s is there twice", word(name))
		case name == "region":
			o.Region = values[0]
		case name == "endpoint":
			o.Endpoint = strings.TrimSuffix(values[0], "/")
		default:
			return o, fmt.Errorf("%s is not known", word(name))
		}
	}
	return o, nil
}

// check says what is missing or wrong, and shows no value but the bucket's name.
func (o Options) check() error {
	if !isBucketName(o.Bucket) {
		return fmt.Errorf("%.70q is not the name of a general purpose bucket", o.Bucket)
	}
	if o.Endpoint != "" {
		u, err := url.Parse(o.Endpoint)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
			return errors.New("the endpoint must be https://HOST")
		}
	}
	switch {
	case o.region() == "":
		return fmt.Errorf("AWS_REGION is not set: set it to the region of the bucket %s", o.Bucket)
	case word(o.region()) != o.region():
		return errors.New("AWS_REGION must be a region such as eu-central-1")
	case o.AccessKeyID == "":
		return errors.New("AWS_ACCESS_KEY_ID is not set: `aws configure export-credentials --format env` prints yours")
	case o.SecretAccessKey == "":
		return errors.New("AWS_SECRET_ACCESS_KEY is not set")
	}
	return nil
}

func (o Options) region() string {
	switch {
	case o.Region != "" || o.Endpoint == "":
		return o.Region
	case strings.HasSuffix(o.Endpoint, ".r2.cloudflarestorage.com"):
		return "auto"
	}
	return "us-east-1"
}

// isBucketName follows S3's naming rules as far as a name could change where a
// request goes; names with a reserved ending are buckets of another kind.
func isBucketName(name string) bool {
	strange := strings.ContainsFunc(name, func(r rune) bool {
		return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-' || r == '.')
	})
	return 3 <= len(name) && len(name) <= 63 && !strange && !strings.Contains(name, "..") &&
		strings.Trim(name, "-.") == name &&
		!strings.HasSuffix(name, "--x-s3") && !strings.HasSuffix(name, "-s3alias")
}

// credentials are those of the options, for the SDK.
func (o Options) credentials() aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: o.AccessKeyID, SecretAccessKey: o.SecretAccessKey, SessionToken: o.SessionToken}, nil
	})
}

// Format keeps the credentials out of whatever the options are printed into.
func (o Options) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "s3://%s", o.Bucket) }
