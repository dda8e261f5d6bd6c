package platform_test

import (
	"fmt"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// clouds are the folders and files that may name the cloud, or the service of
// one, that they are named after.
var clouds = []string{"aws", "cloudflare", "workers", "lambda", "s3", "sqs"}

// exceptions are where a name cannot be avoided. One that is not needed any more
// fails.
var exceptions = []struct{ file, names, why string }{
	{"model/catalog/catalog.go", "instar/shared/model/cloudflare", "the catalog knows every provider, this one by its package"},
	{"model/price.go", "instar/shared/model/cloudflare", "what a provider's models cost stands in its package"},
	{"model/failures.go", "instar/shared/model/cloudflare", "the variable that a person has to mend is named there"},
}

var (
	// anywhere: no other word has these letters in it.
	anywhere = regexp.MustCompile(`(?i)cloudflare|amazonaws|durable ?object|workers[ -]?(kv\b)|\bWorkers AI\b|\bAI[ _-]Gateway`)
	// whole: whole words, in any case; product: whole words, in this case.
	whole   = regexp.MustCompile(`(?i)^(aws|amazon|lambda|lambdas)$`)
	product = regexp.MustCompile(`^(R2|S3|KV|SQS)$`)
	// prefix begins Cloudflare's variables and headers.
	prefix = regexp.MustCompile(`^(CF_|Cf-|cf-)[A-Za-z]`)
	// workers is the product where it does not begin a sentence, nor is an ordinary
	// Go name (Options.Workers): there the capital is for nothing else.
	workers = regexp.MustCompile(`(^|[^.!?:\s]["')\]]*\s+|[,(\[]\s*)Workers\b`)

	words = regexp.MustCompile(`[A-Za-z0-9]+`)
	spans = regexp.MustCompile(`[A-Za-z0-9_-]+`)
)

// TestNothingKnowsACloudButWhatIsNamedAfterIt reads every identifier, comment and
// text of shared, of tests too.
//
// Names are: Cloudflare, Durable Object, AI Gateway, Workers KV and Workers AI
// anywhere and in any case; AWS, Amazon and Lambda as words of their own, in any
// case; R2, S3, KV and SQS as words of their own, in capitals; what begins with
// CF_ or Cf-; and Workers in a comment or a text, in the middle of a sentence. A
// word of an identifier or a comment ends where its case changes, as newS3Bucket
// has three. "workers-ai", as an id of a provider of models, is none.
func TestNothingKnowsACloudButWhatIsNamedAfterIt(t *testing.T) {
	used := map[int]bool{}
	files := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		file := filepath.ToSlash(strings.TrimPrefix(path, ".."+string(filepath.Separator)))
		if ofACloud(file) || file == "platform/names_test.go" {
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		for _, f := range find(string(source)) {
			excepted := slices.IndexFunc(exceptions, func(e struct{ file, names, why string }) bool {
				return e.file == file && (e.names == f.name || e.names == f.imported)
			})
			if excepted < 0 {
				t.Errorf("shared/%s:%d: %s", file, f.line, f.name)
			}
			used[excepted] = true
		}
		return nil
	})
	if err != nil || files < 300 {
		t.Errorf("%d files were read, %v", files, err)
	}
	for i, e := range exceptions {
		if !used[i] {
			t.Errorf("the exception for %s in shared/%s (%s) is not needed: take it out", e.names, e.file, e.why)
		}
	}
}

func TestNamesOfCloudsAreFound(t *testing.T) {
	for source, want := range map[string]string{
		"var x = cloudflareKeys":                          "1 cloudflare",
		"func newS3Bucket() {}":                           "1 S3",
		"var useAWS, R2Key, kvKey, laws = 1, 2, 3, 4":     "1 AWS, 1 R2",
		"// as in R2 and S3.":                             "1 R2, 1 S3",
		"/* one\n   as in SQS */":                         "2 SQS",
		"var a = `one\nin lambda\nof amazon`":             "2 lambda, 3 amazon",
		`var h = "Cf-Access-Jwt" + "CF_ACCESS_AUD"`:       "1 Cf-Access-Jwt, 1 CF_ACCESS_AUD",
		"// the Durable Object, the AI Gateway":           "1 Durable Object, 1 AI Gateway",
		`var u = "https://x.gateway.ai.cloudflare.com/v"`: "1 cloudflare",
		"// On Workers the platform resolves.":            "1 Workers",
		"// it runs on\n// Workers, and elsewhere":        "2 Workers",
		"// the whole URL (Workers), or":                  "1 Workers",
		"// stale (Workers KV).":                          "1 Workers KV, 1 KV",
		`var e = "not on Workers"`:                        "1 Workers",
		"// It ends.\n// Workers begin.":                  "",
		"// Workers is how many. Workers end.":            "",
		"// see Options.Workers":                          "",
		"type O struct{ Workers int }":                    "",
		`var m = "workers-ai/@cf/meta/llama"`:             "",
		"// laws, draws, kv, r2, s3":                      "",
		`var k = "AKIAS3KVR2"`:                            "",
		"import \"a/cloudflare\"\nvar x = cloudflare.Y":   "1 cloudflare from a/cloudflare, 2 cloudflare from a/cloudflare",
		"import \"a/cloudflare\"\nvar cloudflare = 1":     "1 cloudflare from a/cloudflare, 2 cloudflare",
		"import \"a/cloudflare\"\nvar x = b.cloudflare":   "1 cloudflare from a/cloudflare, 2 cloudflare",
	} {
		var got []string
		for _, f := range find("package p\n" + source) {
			one := fmt.Sprint(f.line-1, " ", f.name)
			if f.imported != "" {
				one += " from " + f.imported
			}
			got = append(got, one)
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s\ngot  %s\nwant %s", source, strings.Join(got, ", "), want)
		}
	}
	for file, want := range map[string]bool{"aws/api/api.go": true, "access/cloudflare/jwt_test.go": true, "bucket/s3_test.go": true, "model/sse/sse.go": false, "draws/x.go": false} {
		if ofACloud(file) != want {
			t.Errorf("%s: %v", file, !want)
		}
	}
}

// ofACloud reports whether a file, or a folder that it is in, is named after a cloud.
func ofACloud(file string) bool {
	file = strings.TrimSuffix(strings.TrimSuffix(file, ".go"), "_test")
	return slices.ContainsFunc(strings.Split(file, "/"), func(part string) bool { return slices.Contains(clouds, part) })
}

// found is a name in a source. imported is the path of the package whose import,
// or whose name before a selector, it is.
type found struct {
	line           int
	name, imported string
}

type lexeme struct {
	line int
	kind token.Token
	text string
}

// find finds the names in a Go source.
func find(source string) (all []found) {
	lexemes := lex(source)
	at := func(i int) lexeme {
		if i < 0 || i >= len(lexemes) {
			return lexeme{}
		}
		return lexemes[i]
	}
	imports := map[string]string{} // by the package's name
	importing := false
	for i, l := range lexemes {
		switch {
		case l.kind == token.IMPORT:
			importing = true
		case l.kind == token.CONST, l.kind == token.FUNC, l.kind == token.TYPE, l.kind == token.VAR:
			importing = false
		}
		imported := ""
		switch {
		case importing && l.kind == token.STRING:
			imported = strings.Trim(l.text, "\"`")
			imports[imported[strings.LastIndexByte(imported, '/')+1:]] = imported
		case l.kind == token.IDENT && at(i+1).kind == token.PERIOD && at(i-1).kind != token.PERIOD:
			imported = imports[l.text]
		}
		before := ""
		if p := at(i - 1); l.kind == token.COMMENT && p.kind == token.COMMENT && p.line+1 == l.line {
			before = strings.TrimPrefix(p.text, "//")
		}
		for _, name := range names(l, before) {
			all = append(all, found{l.line + name.line, name.name, imported})
		}
	}
	return all
}

// lex is what of a source can hold a name, and what is needed to judge it.
func lex(source string) (all []lexeme) {
	files := token.NewFileSet()
	file := files.AddFile("", -1, len(source))
	var s scanner.Scanner
	s.Init(file, []byte(source), nil, scanner.ScanComments)
	for {
		pos, kind, text := s.Scan()
		if kind == token.EOF {
			return all
		}
		if kind != token.SEMICOLON {
			all = append(all, lexeme{files.Position(pos).Line, kind, text})
		}
	}
}

// names are those in a lexeme, in their order; line counts from its first.
// before is the line of the same comment before it.
func names(l lexeme, before string) (all []found) {
	if l.kind != token.IDENT && l.kind != token.STRING && l.kind != token.CHAR && l.kind != token.COMMENT {
		return nil
	}
	for n, line := range strings.Split(l.text, "\n") {
		hit := func(name string) { all = append(all, found{line: n, name: name}) }
		for _, name := range anywhere.FindAllString(line, -1) {
			hit(name)
		}
		for _, word := range words.FindAllString(line, -1) {
			parts := []string{word}
			if l.kind != token.STRING {
				parts = camel(word)
			}
			for _, part := range parts {
				if whole.MatchString(part) || product.MatchString(part) {
					hit(part)
				}
			}
		}
		for _, span := range spans.FindAllString(line, -1) {
			if prefix.MatchString(span) {
				hit(span)
			}
		}
		if l.kind == token.COMMENT || l.kind == token.STRING {
			line = strings.TrimSpace(strings.Trim(strings.TrimPrefix(strings.TrimPrefix(line, "//"), "/*"), "\"`"))
			if begins := strings.TrimSpace(before); begins == "" || strings.ContainsAny(begins[len(begins)-1:], ".!?:") {
				line = ". " + line
			}
			if strings.Contains(line, "Workers KV") || strings.Contains(line, "Workers AI") {
				line = "" // found already
			}
			for range workers.FindAllString(line, -1) {
				hit("Workers")
			}
			before = line
		}
	}
	return all
}

// camel splits a word where its case changes: newS3Bucket is new, S3, Bucket; a
// digit belongs to what is before it.
func camel(word string) (parts []string) {
	from := 0
	letters := []rune(word)
	for i := 1; i < len(letters); i++ {
		lower := unicode.IsLower(letters[i-1]) || unicode.IsDigit(letters[i-1])
		next := i+1 < len(letters) && unicode.IsLower(letters[i+1])
		if unicode.IsUpper(letters[i]) && (lower || next) {
			parts = append(parts, string(letters[from:i]))
			from = i
		}
	}
	return append(parts, string(letters[from:]))
}
