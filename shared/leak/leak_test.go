package leak_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"instar/shared/leak"
)

// Made up; none was ever valid.
const (
	anthropic = "sk-ant-api03-Qw8rT2yUiP0aSdFgHjKlZxCvBnM1qW3eR5tY7uI9oP-_AbCdEfGh4JkLmN6pQrStUvWxYz0a1b2c3d4e5f6g7-hIjKlMAA"
	telegram  = "7412589630:AAHk3-pQ9_zXcVbNmAsDfGhJkLqWeRtYuI0"
	token     = "tr0ub4dor&3+horse/<battery>"
	short     = "hunter22"
)

var secrets = map[string]string{
	"ANTHROPIC_API_KEY": anthropic, "TELEGRAM_BOT_TOKEN": telegram, "CONSOLE_TOKEN": token, "SHORT": short,
	"TINY": "abc",
}

func guard() *leak.Guard { return leak.New(secrets) }

// encodings are the supported ones, of a value with something around it.
func encodings(before, value, after string) map[string]string {
	whole := []byte(before + value + after)
	escaped, _ := json.Marshal(string(whole))
	var every strings.Builder
	for _, c := range whole {
		every.WriteString("%" + strings.ToUpper(hex.EncodeToString([]byte{c})))
	}
	html := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	return map[string]string{
		"as it is":      string(whole),
		"upper case":    before + strings.ToUpper(value) + after,
		"base64":        base64.StdEncoding.EncodeToString(whole),
		"base64 in URL": url.QueryEscape(base64.StdEncoding.EncodeToString(whole)),
		"base64url":     base64.RawURLEncoding.EncodeToString(whole),
		"hex":           hex.EncodeToString(whole),
		"HEX":           strings.ToUpper(hex.EncodeToString(whole)),
		"query":         url.QueryEscape(string(whole)),
		"path":          url.PathEscape(string(whole)),
		"every byte":    every.String(),
		"JSON":          string(escaped),
		"HTML":          html.Replace(string(whole)),
		"lines":         before + spread(value, "\n") + after,
		"markdown":      before + spread(value, "** `") + after,
		"zero width":    before + spread(value, "\u200b") + after,
		"Japanese":      before + spread(value, "と") + after,
	}
}

func spread(value, between string) string {
	return strings.Join(strings.Split(value, ""), between)
}

func TestKnownSecretIsFoundInEveryEncoding(t *testing.T) {
	for _, value := range []string{anthropic, telegram, token, short} {
		for _, around := range [][2]string{{"", ""}, {"a", "b"}, {"xy", "zz9"}, {"key: ", " ok"}, {"日本", "語"}} {
			for name, text := range encodings(around[0], value, around[1]) {
				found := guard().Check("Here it is: " + text + ".")
				if len(found) == 0 {
					t.Errorf("%.12s... between %q as %s: not found in %q", value, around, name, text)
				}
				if clean := guard().Redact(text); len(guard().Check(clean)) > 0 {
					t.Errorf("%.12s... as %s: still found after Redact: %q", value, name, clean)
				}
			}
		}
	}
}

func TestFindingNamesTheSecretAndCoversIt(t *testing.T) {
	text := "before " + token + " after"
	found := guard().Check(text)
	if len(found) != 1 || found[0].Kind != leak.Known || found[0].Name != "CONSOLE_TOKEN" {
		t.Fatalf("found %+v", found)
	}
	if got := guard().Redact(text); got != "before [redacted] after" {
		t.Fatalf("redacted to %q", got)
	}
}

func TestLongPieceOfAKnownSecretIsFound(t *testing.T) {
	piece := len(anthropic)/4 + 4 // with at least a quarter of its letters and digits
	for at := 0; at+piece <= len(anthropic); at++ {
		if len(guard().Check("x "+anthropic[at:at+piece]+" y")) == 0 {
			t.Fatalf("bytes %d to %d not found", at, at+piece)
		}
	}
	if found := guard().Check("they begin with sk-ant-api03- and then"); len(found) > 0 {
		t.Fatalf("the prefix that all such keys share: %+v", found)
	}
}

func TestShortValuesAreNotLookedFor(t *testing.T) {
	if found := guard().Check("abc abc abc"); len(found) > 0 {
		t.Fatalf("found %+v", found)
	}
}

func TestSymbolsAreASecretToo(t *testing.T) {
	for _, value := range []string{"!?!?%&/()=", "パスワードです", "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8", "a-b_c.d!e"} {
		g := leak.New(map[string]string{"S": value})
		for _, text := range []string{value, "x" + value + "y", hex.EncodeToString([]byte(value)), base64.StdEncoding.EncodeToString([]byte(value))} {
			if len(g.Check(text)) == 0 {
				t.Errorf("%q not found in %q", value, text)
			}
			if clean := g.Redact(text); len(g.Check(clean)) > 0 {
				t.Errorf("%q still found in %q", value, clean)
			}
		}
	}
}

func TestMarkerIsNoSecret(t *testing.T) {
	for _, value := range []string{"redacted", "redactedredacted", "[redacted]", "edactedr", "[***][***]", "*][***][*"} {
		g := leak.New(map[string]string{"S": value})
		for _, text := range []string{value, value + value, "x" + value + " and " + value[:4] + value + value[4:]} {
			if clean := g.Redact(text); len(g.Check(clean)) > 0 {
				t.Errorf("%q of secret %q still has a finding", clean, value)
			}
		}
	}
}

var unknownKeys = map[string]string{
	"sk-proj-4Hx9Qw2ErT6yUiOpAsDfGhJkLzXcVbNm1234":                                                 leak.Key,
	"sk-ant-api03-Zz8rT2yUiP0aSdFgHjKlZxCvBnM1qW3eR5t":                                             leak.Key,
	"xoxb-2345678901-2345678901234-AbCdEfGhIjKlMnOpQrStUv12":                                       leak.Key,
	"xapp-1-A012BCDEFGH-1234567890123-0a1b2c3d4e5f60718293a4b5c6d7e8f9":                            leak.Key,
	"ghp_16C7e42F292c6912E7710c838347Ae178B4a":                                                     leak.Key,
	"github_pat_11ABCDEFG0aBcDeFgHiJkL_MnOpQrStUvWxYz0123456789abcdefgh":                           leak.Key,
	"AKIAIOSFODNN7EXAMPLE":                                                                         leak.Key,
	"AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY":                                                      leak.Key,
	"gsk_Ab12Cd34Ef56Gh78Ij90Kl12Mn34Op56Qr78St90":                                                 leak.Key,
	"110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw8":                                                leak.BotToken,
	"https://api.telegram.org/bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw8/getMe":              leak.BotToken,
	"110201543%3AAAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw8":                                              leak.BotToken,
	"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U": leak.JWT,
	"-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA0m59l2u9iDnMbrXHfqkO\nrn2dVQ3vfBJqcDuFUK03d+1PZGbVlNCqnkpI\n-----END RSA PRIVATE KEY-----": leak.PrivateKey,
	`{"private_key":"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7`:                                          leak.PrivateKey,
	"password=Tr0ub4dor!3xyz":                                  leak.Assigned,
	"DB_PASSWORD: 'c0rrect-h0rse-battery'":                     leak.Assigned,
	`{"client_secret": "9f8e7d6c5b4a39281706f5e4d3c2b1a0"}`:    leak.Assigned,
	"export API_KEY=a1b2c3d4e5f6g7h8i9j0":                      leak.Assigned,
	"Authorization: Bearer 4f9Qx2LmZ8rT1vWk6YpB3nHs":           leak.Assigned,
	"curl -H 'authorization: bearer 4f9Qx2LmZ8rT1vWk6YpB3nHs'": leak.Assigned,
}

func TestUnknownKeysAreFoundByTheirShape(t *testing.T) {
	var none *leak.Guard
	for text, kind := range unknownKeys {
		for _, around := range [][2]string{{"", ""}, {"use ", " now"}, {"(", ")"}, {"鍵は", "です"}, {"a\n", "\nb"}} {
			found := none.Check(around[0] + text + around[1])
			if len(found) != 1 || found[0].Kind != kind {
				t.Errorf("%q in %q: found %+v, want one of kind %q", text, around, found, kind)
			}
			if clean := none.Redact(text); len(none.Check(clean)) > 0 || clean == text {
				t.Errorf("%q redacted to %q", text, clean)
			}
		}
	}
}

func TestHarmlessTextHasNoFinding(t *testing.T) {
	for _, text := range []string{
		"token: 123e4567-e89b-12d3-a456-426614174000",
		"commit b6453a9f41f6ce3b6e4e027ed3e2acdf23631a2b and 6f5902ac237024bdd0c176cb93063dc4",
		"see https://example.com/a/b?token=<TOKEN>&x=1 and https://user@example.com:8080/path2",
		"password=$DB_PASSWORD, token=${TOKEN1234567}, secret=process.env.SECRET, apikey: os.Getenv(\"API_KEY_2\")",
		"the token is: yes. The password: correct horse battery staple.",
		"max_tokens=1024 and tokens: 14,000 before 2026-11-23T10:00:00Z",
		"sk-learn, sk-fading-circle-container-big, task-sk-management-of-many-things, xoxb- and ghp_ are prefixes",
		"ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx sk-your-key-goes-here-please",
		"-----BEGIN PRIVATE KEY----- is how it begins",
		"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		"token := base64.StdEncoding.EncodeToString(x)", "secret = hex.EncodeToString(sum[:])",
		"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
		"パスワード: ひみつ1234です", "eyJ is how every one begins; eyJhbGciOiJIUzI1NiJ9 is a header",
	} {
		if found := guard().Check(text); len(found) > 0 {
			t.Errorf("%q: %+v is %q", text, found, text[found[0].Start:found[0].End])
		}
	}
}

// The project's own prose and code is a sample of what is written in a chat
// about programs. Tests are left out: they hold made-up keys.
func TestProjectsOwnTextHasNoFinding(t *testing.T) {
	files := []string{"../../README.md", "../../LICENSE", "../../Makefile", "../../wrangler.toml"}
	code, err := filepath.Glob("../*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	bytes := 0
	for _, file := range append(files, code...) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			continue // another's file, moved
		}
		bytes += len(data)
		for _, f := range guard().Check(string(data)) {
			t.Errorf("%s: %+v is %q", file, f, data[f.Start:f.End])
		}
	}
	if bytes < 50_000 {
		t.Fatalf("only %d bytes were looked at", bytes)
	}
}

func BenchmarkCheck(b *testing.B) {
	prose, err := os.ReadFile("../../README.md")
	if err != nil {
		b.Fatal(err)
	}
	var half strings.Builder
	for half.Len() < 50<<10 {
		half.WriteString(base64.StdEncoding.EncodeToString(prose))
	}
	random := half.String()
	for name, text := range map[string]string{
		"prose":  strings.Repeat(string(prose), 100<<10/len(prose)+1)[:100<<10],
		"base64": (random + random)[:100<<10],
		"keys":   strings.Repeat("token=sk-ant-api03-4Hx9Qw2ErT ", 100<<10/30),
		"pem":    strings.Repeat("-----BEGIN PRIVATE KEY-----", 100<<10/27),
		"letter": strings.Repeat("s", 100<<10),
		"equals": strings.Repeat("secret=", 100<<10/7),
	} {
		g := guard()
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				g.Check(text)
			}
		})
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		guard()
	}
}
