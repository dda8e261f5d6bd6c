package pdf

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	judge "github.com/ledongthuc/pdf"
)

// build is a file of these objects, the first of which is the catalog.
func build(objects ...string) []byte {
	var b strings.Builder
	b.WriteString("%PDF-1.7\n")
	for i, o := range objects {
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	b.WriteString("trailer\n<</Root 1 0 R>>\n")
	return []byte(b.String())
}

func packed(filter, dict, data string) string {
	if filter == "FlateDecode" {
		var z bytes.Buffer
		w := zlib.NewWriter(&z)
		io.WriteString(w, data)
		w.Close()
		data = z.String()
	}
	return fmt.Sprintf("<</Length %d/Filter/%s%s>>\nstream\n%s\nendstream", len(data), filter, dict, data)
}

func content(s string) string {
	return fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(s), s)
}

// one is a file of one page with a font and this content.
func one(font, stream string, more ...string) []byte {
	return build(append([]string{
		"<</Type/Catalog/Pages 2 0 R>>",
		"<</Type/Pages/Kids[3 0 R]/Count 1/Resources<</Font<</F 4 0 R>>/XObject<</X 6 0 R>>>>>>",
		"<</Type/Page/Parent 2 0 R/Contents 5 0 R>>", font, stream,
	}, more...)...)
}

const latin = "<</Type/Font/Subtype/Type1/Encoding/WinAnsiEncoding>>"

func TestTextComesInReadingOrder(t *testing.T) {
	for _, c := range []struct{ name, font, stream, want string }{
		{"words and lines", latin, content("BT /F 10 Tf 0 100 Td (Hello) Tj ( world) Tj 0 -12 Td (next \\(line\\)) Tj 0 -40 Td <41 42> Tj ET"), "Hello world\nnext (line)\n\nAB"},
		{"kerning is no space, a gap is", latin, content("BT /F 10 Tf [(He) 30 (llo) -600 (you)] TJ ET"), "Hello you"},
		{"octal and Latin", latin, content(`BT /F 10 Tf (caf\351 \200 \223q\224) Tj ET`), "café € “q”"},
		{"unpacked", latin, packed("FlateDecode", "", "BT /F 10 Tf (flat) Tj ET"), "flat"},
		{"hexadecimal", latin, packed("ASCIIHexDecode", "", "4254202F462031302054662028"+"686578"+"2920546A204554>"), "hex"},
		{"glyph names", "<</Type/Font/Subtype/Type1/Encoding<</Differences[1/A/eacute/fi/one/uni6771/adieresis/hyphen/alpha.alt 65/space]>>>>", content(`BT /F 10 Tf (\001\002\003\004\005\006\007\010A\001) Tj ET`), "Aéfi1東ä-α A"},
		{"an image in line", latin, content("BI /W 1 ID (Tj( EI BT /F 10 Tf (after) Tj ET"), "after"},
		{"a size that the matrix gives", latin, content("BT /F 1 Tf 10 0 0 10 0 100 Tm (A) Tj 10 0 0 10 0 88 Tm (B) Tj ET"), "A\nB"},
		{"an end that is missing", latin, content("BT /F 10 Tf (open [<< /x"), ""},
	} {
		d, err := Read(one(c.font, c.stream))
		if err != nil || d.Text != c.want || d.Pages != 1 {
			t.Errorf("%s: %q %v, want %q", c.name, d.Text, err, c.want)
		}
	}
}

func TestAMapToUnicodeIsFollowed(t *testing.T) {
	cmap := content("begincmap 1 begincodespacerange <0000> <FFFF> endcodespacerange 1 beginbfchar <0001> <6771> endbfchar 2 beginbfrange <0002> <0003> <4EAC> <0010> <0011> [<0041> <00420043>] endbfrange endcmap")
	file := one("<</Type/Font/Subtype/Type0/ToUnicode 6 0 R/DescendantFonts[<</DW 1000>>]>>", content("BT /F 10 Tf <0001000200100011> Tj ET"), cmap)
	if d, err := Read(file); err != nil || d.Text != "東京ABC" {
		t.Errorf("%q %v", d.Text, err)
	}
}

func TestObjectStreamsAndFormsAreRead(t *testing.T) {
	inner := "<</Type/Pages/Kids[3 0 R]/Resources<</Font<</F 4 0 R>>/XObject<</X 6 0 R>>>>>> <</Contents 5 0 R>>"
	head := "2 0 3 " + fmt.Sprint(strings.Index(inner, "<</Contents")) + " "
	objects := "%PDF-1.5\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n" +
		"4 0 obj" + latin + "endobj\n5 0 obj" + content("/X Do") + "endobj\n" +
		"6 0 obj<</Subtype/Form/Length 33>>stream\nBT /F 10 Tf (in a form) Tj ET /X Do\nendstream endobj\n" +
		"7 0 obj" + packed("FlateDecode", fmt.Sprintf("/Type/ObjStm/N 2/First %d", len(head)), head+inner) + "endobj\n"
	d, err := Read([]byte(objects)) // no trailer at all
	if err != nil || !strings.HasPrefix(d.Text, "in a form") {
		t.Errorf("%q %v", d.Text, err)
	}
}

func TestWhatCannotBeReadIsSaid(t *testing.T) {
	if _, err := Read([]byte("hello")); !errors.Is(err, ErrPDF) {
		t.Error(err)
	}
	if _, err := Read([]byte("%PDF-1.4\n%%EOF")); !errors.Is(err, ErrPDF) {
		t.Error(err)
	}
	file := bytes.Replace(one(latin, content("")), []byte("/Root 1 0 R"), []byte("/Root 1 0 R/Encrypt 9 0 R"), 1)
	if _, err := Read(file); !errors.Is(err, ErrEncrypted) {
		t.Error(err)
	}
}

// Each of these would take gigabytes or for ever if it were believed.
func TestHostileFilesEndWithinTheirBounds(t *testing.T) {
	form := packed("FlateDecode", "/Subtype/Form", strings.Repeat("/X Do ", 1000))
	manyPages := strings.Repeat("3 0 R ", 100_000)
	many := func(s string, n int) string { return strings.Repeat(s, n) }
	lengths := []string{"<</Type/Catalog/Pages 2 0 R>>", "<</Kids[3 0 R]>>"}
	for i := range 50_000 {
		lengths = append(lengths, fmt.Sprintf("<</Contents %d 0 R/Length %d 0 R>>\nstream\n", i+4, i+4))
	}
	for name, file := range map[string][]byte{
		"a stream that unpacks to 128 MB":  one(latin, packed("FlateDecode", "", many("\x00", 1<<27))),
		"forms within forms":               one(latin, content("/X Do"), form),
		"pages that are their own parents": build("<</Type/Catalog/Pages 2 0 R>>", "<</Kids[2 0 R "+manyPages+"]>>", "<</Kids[2 0 R 3 0 R]>>"),
		"the same content many times":      build("<</Pages 2 0 R/Type/Catalog>>", "<</Kids[3 0 R]>>", "<</Contents["+many("4 0 R ", 400_000)+"]>>", packed("FlateDecode", "", many(" ", 1<<20))),
		"lengths of lengths":               build(lengths...),
		"brackets":                         one(latin, content(many("[", 1<<20)+many("<<", 1<<20))),
		"arrays in the file":               build("<</Type/Catalog/Pages " + many("[", 4<<20)),
		"wide ranges":                      one("<</Subtype/Type0/ToUnicode 6 0 R/DescendantFonts[<</W[0 999999999 500]>>]>>", content("BT /F 1 Tf <00> Tj ET"), content(many("<00000000> <FFFFFFFF> <0041> endbfrange ", 50_000))),
		"no ends":                          []byte("%PDF-" + many("1 0 obj<</Type/ObjStm/N 9/First 1>>stream\n", 100_000)),
		"dots":                             one(latin, content("BT /F 10 Tf "+many("(aaaaaaaaaa) Tj ", 300_000))),
	} {
		start := time.Now()
		d, err := Read(file)
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s: %v", name, took)
		}
		if len(d.Text) > maxText+1<<10 {
			t.Errorf("%s: %d bytes", name, len(d.Text))
		}
		t.Logf("%s: %v, %d pages, %d bytes, cut %v, %v", name, time.Since(start), d.Pages, len(d.Text), d.Truncated, err)
	}
}

// The files that the library is tested with, in the module cache, and the
// library's own text of them: the same words, with or without spaces.
func TestTheLibraryReadsTheSameWords(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/ledongthuc/pdf").Output()
	if err != nil {
		t.Skip("the library's module is not in the cache")
	}
	files, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "*", "*.pdf"))
	more, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "*", "*", "*.pdf"))
	for _, file := range append(files, more...) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := judge.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			continue
		}
		theirs, err := r.GetPlainText()
		if err != nil {
			continue
		}
		want, _ := io.ReadAll(theirs)
		d, err := Read(data)
		if got := letters(d.Text); err != nil || got != letters(string(want)) {
			t.Errorf("%s: %v\n%q, judge\n%q", filepath.Base(file), err, d.Text, want)
		}
	}
}

func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsControl(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, s)
}

func FuzzRead(f *testing.F) {
	f.Add(one(latin, content("BT /F 10 Tf [(He) 30 (llo) -600 (you)] TJ T* (x) ' ET q 1 0 0 1 0 0 cm Q")))
	f.Add(one("<</Subtype/Type0/ToUnicode 6 0 R/DescendantFonts[<</DW 1000/W[1[2 3] 4 5 6]>>]>>", content("BT /F 10 Tf <0001> Tj ET"), content("<00> <FF> endcodespacerange <01> <02> [<0041>] endbfrange")))
	f.Add(one(latin, packed("FlateDecode", "", "BT /F 10 Tf (flat) Tj ET")))
	f.Add([]byte("%PDF-0 0 obj<<(\\"))
	f.Add(one(latin, packed("ASCII85Decode", "", "87cURD]i,\"Ebo80~>")))
	f.Add(one(latin, packed("LZWDecode", "", "\x80\x0b\x60\x50\x22\x0c\x0c\x85\x01")))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Read(data)
		if err != nil && !errors.Is(err, ErrPDF) && !errors.Is(err, ErrEncrypted) {
			t.Error(err)
		}
		if !utf8.ValidString(d.Text) || len(d.Text) > 3*maxText {
			t.Errorf("%d bytes of text", len(d.Text))
		}
	})
}

// LZW as the standard's example has it (ISO 32000-1, 7.4.4.2).
func TestLZWIsUnpacked(t *testing.T) {
	f := &file{decoded: 100}
	got := f.unlzw([]byte{0x80, 0x0b, 0x60, 0x50, 0x22, 0x0c, 0x0c, 0x85, 0x01}, true)
	if want := []byte{45, 45, 45, 45, 45, 65, 45, 45, 45, 66}; !bytes.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
