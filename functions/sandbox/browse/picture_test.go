//go:build linux && e2e

package main

import (
	"bytes"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"instar/shared/sandbox"
	"instar/shared/web/pdf"
)

func TestAScreenshotShowsThePage(t *testing.T) {
	t.Parallel()
	b := start1(t)
	url := site(t, map[string]any{"/": `<title>色</title><body style="margin:0;background:#12ab34"><div style="height:3000px"></div><div style="height:100px;background:#00f"></div>`, "/tall": `<body style="height:100000px">`})
	for _, c := range []struct {
		full   bool
		height int
	}{{false, 800}, {true, 3100}} {
		path := fmt.Sprintf("shots/%v.png", c.full)
		p := b.do(t, sandbox.Action{Action: sandbox.BrowserScreenshot, URL: url, Path: path, Full: c.full})
		data, err := os.ReadFile(filepath.Join(b.workspace, path))
		if err != nil || int64(len(data)) != p.File || p.Title != "色" || p.URL != url+"/" {
			t.Fatalf("%+v: %v", p, err)
		}
		img, err := png.Decode(bytes.NewReader(data))
		if err != nil || img.Bounds().Dx() != 1280 || img.Bounds().Dy() != c.height {
			t.Fatalf("%v: %v", img.Bounds(), err)
		}
		if r, g, bl, _ := img.At(640, 400).RGBA(); r>>8 != 0x12 || g>>8 != 0xab || bl>>8 != 0x34 {
			t.Errorf("%x %x %x", r, g, bl)
		}
		if r, g, bl, _ := img.At(640, c.height-10).RGBA(); c.full && (r != 0 || g != 0 || bl>>8 != 0xff) {
			t.Errorf("%x %x %x", r, g, bl)
		}
	}
	b.do(t, sandbox.Action{Action: sandbox.BrowserScreenshot, URL: url + "/tall", Path: "tall.png", Full: true})
	f, err := os.Open(filepath.Join(b.workspace, "tall.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if c, err := png.DecodeConfig(f); err != nil || c.Height != maxHeight {
		t.Errorf("%+v: %v", c, err)
	}
}

func TestAPDFHasThePagesText(t *testing.T) {
	t.Parallel()
	b := start1(t)
	b.open(t, site(t, map[string]any{"/": `<h1>Printed page</h1><p>日本語`}))
	p := b.do(t, sandbox.Action{Action: sandbox.BrowserPDF, Path: "page.pdf"})
	data, err := os.ReadFile(filepath.Join(b.workspace, "page.pdf"))
	if err != nil || int64(len(data)) != p.File || !bytes.HasPrefix(data, []byte("%PDF-")) {
		t.Fatalf("%+v %v", p, err)
	}
	if d, err := pdf.Read(data); err != nil || !strings.Contains(d.Text, "Printed page") || !strings.Contains(d.Text, "日本語") {
		t.Errorf("%q %v", d.Text, err)
	}
}

// The workspace is what jobs write to, and they may have put links there.
func TestAFileIsWrittenOnlyInTheWorkspace(t *testing.T) {
	t.Parallel()
	b := start1(t)
	b.open(t, site(t, map[string]any{"/": "<h1>x"}))
	outside := t.TempDir()
	os.Chmod(outside, 0o777)
	os.Symlink(outside, filepath.Join(b.workspace, "out"))
	os.Symlink(filepath.Join(outside, "b.png"), filepath.Join(b.workspace, "b.png"))
	shot := func(path string) sandbox.Action {
		return sandbox.Action{Action: sandbox.BrowserScreenshot, Path: path}
	}
	if p := b.try(t, shot("out/a.png")); p.Error == "" || p.File != 0 {
		t.Errorf("%+v", p)
	}
	b.do(t, shot("b.png")) // replaces the link
	if found := files(outside); len(found) != 0 {
		t.Errorf("written: %v", found)
	}
	if parts, _ := filepath.Glob(filepath.Join(b.workspace, ".*.part")); len(parts) != 0 {
		t.Errorf("left: %v", parts)
	}
}
