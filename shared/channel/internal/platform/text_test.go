package platform_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"instar/shared/channel/internal/platform"
)

func TestOnlyShallowObjectsAreRead(t *testing.T) {
	nested := func(n int) string { return strings.Repeat(`{"a":`, n-1) + "{}" + strings.Repeat("}", n-1) }
	for name, c := range map[string]struct {
		text string
		ok   bool
	}{
		"empty object":           {"{}", true},
		"with space around":      {" \n{\"a\":1}\t", true},
		"100 deep":               {nested(100), true},
		"101 deep":               {nested(101), false},
		"arrays 101 deep":        {`{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "}", false},
		"brackets in a string":   {`{"a":"` + strings.Repeat("[{", 200) + `"}`, true},
		"after an escaped quote": {`{"a":"\"` + strings.Repeat("[", 200) + `"}`, true},
		"an escaped backslash":   {`{"a":"\\","b":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "}", false},
		"wide, not deep":         {`{"a":[` + strings.Repeat("[],", 200) + "[]]}", true},
		"closed before it opens": {strings.Repeat("]", 1000) + strings.Repeat("[", 1000), false},
		"megabytes deep":         {strings.Repeat("[", 1<<20), false},
		"an array":               {"[]", false},
		"a text":                 {`"{}"`, false},
		"null":                   {"null", false},
		"nothing":                {"", false},
		"two":                    {"{}{}", false},
		"cut off":                {`{"a":`, false},
		"a page":                 {"<html>", false},
		"not UTF-8":              {"{\"a\":\"\xff\"}", false},
	} {
		object, ok := platform.Object(c.text)
		if ok != c.ok || ok != object.IsObject() {
			t.Errorf("%s: %v, want %v", name, ok, c.ok)
		}
	}
}

// FuzzObject: what is read is what encoding/json takes for an object, unless
// it nests deeper than 100.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{"{}", `{"a":[1,-0.5e+9,"\u00e9\\\"[",true,null]}`, "]{[", "{\"a\":\"\xff\"}", `{"a":"\ud800"}`, strings.Repeat(`{"a":[`, 60)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, ok := platform.Object(text)
		want := utf8.ValidString(text) && json.Valid([]byte(text)) && strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{") && depth(text) <= 100
		if ok != want {
			t.Errorf("Object(%q) is ok: %v, want %v", text, ok, want)
		}
	})
}

// depth is how deep valid JSON nests.
func depth(text string) int {
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	most, now := 0, 0
	for {
		token, err := decoder.Token()
		if err != nil {
			return most
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			now++
			most = max(most, now)
		case json.Delim('}'), json.Delim(']'):
			now--
		}
	}
}

func TestLengthIsInUTF16Units(t *testing.T) {
	for _, text := range []string{"", "abc", "é", "😀", "a😀\u200d é", "\xff"} {
		if got, want := platform.Units(text), len(utf16.Encode([]rune(text))); got != want {
			t.Errorf("Units(%q) = %d, want %d", text, got, want)
		}
	}
}

func TestAQuoteHasAtMostAThousandCharacters(t *testing.T) {
	for _, text := range []string{"", "a", strings.Repeat("é", 1000)} {
		if got := platform.Quote(text); got != text {
			t.Errorf("%d characters became %d", utf8.RuneCountInString(text), utf8.RuneCountInString(got))
		}
	}
	if got := platform.Quote(strings.Repeat("é", 1001)); got != strings.Repeat("é", 1000) {
		t.Errorf("%d characters", utf8.RuneCountInString(got))
	}
}

func TestFilesAreSortedByTheirType(t *testing.T) {
	for mediaType, want := range map[string]string{
		"image/jpeg": "image", "image/png": "image", "image/gif": "image", "image/webp": "image",
		"image/svg+xml": "file", "image/heic": "file", "audio/ogg": "audio", "video/mp4": "video",
		"application/pdf": "file", "": "file", "audio": "audio", "imageish/png": "file",
	} {
		if got := platform.FileKind(mediaType); got != want {
			t.Errorf("FileKind(%q) = %q, want %q", mediaType, got, want)
		}
	}
}

func TestClearBytesOutweighWhatIsSaid(t *testing.T) {
	const png, pdf = "\x89PNG\r\n\x1a\n", "%PDF-1.7\n"
	for name, c := range map[string]struct{ data, declared, served, want string }{
		"an image":             {png, "image/jpeg", "text/plain", "image/png"},
		"a PDF":                {pdf, "text/plain", "", "application/pdf"},
		"words, declared":      {"a,b", "text/csv", "text/html", "text/csv"},
		"words, served":        {"a,b", "", "text/csv; charset=utf-8", "text/csv"},
		"words, served as any": {"a,b", "", "application/octet-stream", "text/plain"},
		"words, nothing said":  {"a,b", "", "", "text/plain"},
		"a page called image":  {"<html>", "image/png", "", "image/png"},
		"nothing":              {"", "", "", "text/plain"},
	} {
		if got := platform.MediaType([]byte(c.data), c.declared, c.served); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestACutTextFitsAndSaysThatItIsCut(t *testing.T) {
	fits := func(text string) bool { return platform.Units(text) <= 20 }
	for text, want := range map[string]string{
		"": "", " \n": " \n", "short": "short", strings.Repeat("x", 20): strings.Repeat("x", 20),
		strings.Repeat("x", 21):              strings.Repeat("x", 17) + "\n\n…",
		"one two three four five six":        "one two three\n\n…",
		"first\n\nsecond, which is too long": "first\n\n…",
		strings.Repeat("\n", 30):             "",
	} {
		if got := platform.Cut(text, fits); got != want || !fits(got) {
			t.Errorf("Cut(%q) = %q, want %q", text, got, want)
		}
	}
	if got := platform.Cut("word", func(string) bool { return false }); len(got) > 20 {
		t.Errorf("where nothing fits: %q", got)
	}
}

func TestAFilesTypeIsOneOrUnknown(t *testing.T) {
	for declared, want := range map[string]string{
		"image/png": "image/png", " Image/PNG ; q=1": "image/png", "text/plain; charset": "text/plain", "": "application/octet-stream",
		"png": "application/octet-stream", "image/png\r\nX: y": "application/octet-stream", "image/": "application/octet-stream",
		"a/b/c": "application/octet-stream", "ä/b": "application/octet-stream",
	} {
		if got := platform.FileType(declared); got != want {
			t.Errorf("FileType(%q) = %q, want %q", declared, got, want)
		}
	}
}
