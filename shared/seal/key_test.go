package seal_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"instar/shared/seal"
)

func TestAKeyReadsBackFromItsText(t *testing.T) {
	k := seal.NewKey()
	got, err := seal.ParseKey("SEAL_KEY", k.Text())
	if err != nil || !bytes.Equal(got.Bytes(), k.Bytes()) || len(k.Text()) != 44 {
		t.Errorf("read %v, error %v", got, err)
	}
	if bytes.Equal(seal.NewKey().Bytes(), k.Bytes()) {
		t.Error("two keys are the same")
	}
}

func TestWhatIsNotAKeyIsRefusedWithWhatToDo(t *testing.T) {
	good := "3q2+7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	if _, err := seal.ParseKey("SEAL_KEY", good); err != nil {
		t.Fatal(err)
	}
	for text, reason := range map[string]string{
		"":                                 "is not set",
		good + "\n":                        "line break",
		" " + good:                         "space",
		good[:43]:                          "not base64",
		good[:42] + "B=":                   "not base64", // bits behind the end
		good[:20] + "\n" + good[20:]:       "not base64",
		strings.Replace(good, "+", "-", 1): "not base64", // the URL alphabet
		"hunter2 is my password, honest!!": "not base64",
		good[:40]:                          "30 bytes instead of 32",
		"AAAA" + good:                      "35 bytes instead of 32",
		strings.Repeat("A", 43) + "=":      "over and over",
		strings.Repeat("deadbeef", 8):      "48 bytes", // hexadecimal
	} {
		_, err := seal.ParseKey("SEAL_KEY", text)
		if !errors.Is(err, seal.ErrSealKey) {
			t.Errorf("%q: error %v", text, err)
			continue
		}
		message := err.Error()
		if !strings.HasPrefix(message, "SEAL_KEY ") || !strings.Contains(message, reason) || !strings.Contains(message, "instar seal new-key") {
			t.Errorf("%q: %s", text, message)
		}
		if text != "" && strings.Contains(message, strings.TrimSpace(text)) {
			t.Errorf("the error repeats the text: %s", message)
		}
	}
}

func FuzzAKeyHasOneText(f *testing.F) {
	f.Add(seal.NewKey().Text())
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if k, err := seal.ParseKey("SEAL_KEY", text); err == nil && k.Text() != text {
			t.Errorf("%q and %q are one key", text, k.Text())
		}
	})
}

func TestAKeyDoesNotPrint(t *testing.T) {
	k := seal.NewKey()
	type config struct{ key seal.Key }
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "key", k, "config", config{k})
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "key", k, "config", config{k})
	printed := log.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		printed += fmt.Sprintf(verb+verb+verb, k, config{k}, []seal.Key{k})
	}
	for _, form := range []string{"%v", "%d", "%x", "%q", "%s"} {
		secret := fmt.Sprintf(form, k.Bytes())
		if strings.Contains(printed, strings.Trim(secret, "[]")) {
			t.Errorf("it prints as %s in %s", form, printed)
		}
	}
	if strings.Contains(printed, k.Text()) {
		t.Error("it prints as text")
	}
}

func TestDerivedKeysAreSteadyAndTellNothingOfEachOther(t *testing.T) {
	k := seal.NewKey()
	seen := map[string]seal.Purpose{string(k.Bytes()): "(the key itself)"}
	for _, p := range []seal.Purpose{seal.ForAudit, seal.ForCookies, "", "id", "wrap", "object"} {
		d := k.Derive(p)
		if other, isKnown := seen[string(d.Bytes())]; isKnown {
			t.Errorf("%q and %q are one key", p, other)
		}
		seen[string(d.Bytes())] = p
		if !bytes.Equal(d.Bytes(), k.Derive(p).Bytes()) {
			t.Errorf("%q is another key the second time", p)
		}
		if bytes.Equal(d.Bytes(), seal.NewKey().Derive(p).Bytes()) {
			t.Errorf("%q is the same of every key", p)
		}
	}
}
