//go:build linux && e2e

package main_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"instar/shared/sandbox"
)

func TestAFileComesBackAsItWasPut(t *testing.T) {
	d := start(t)
	content := bytes.Repeat([]byte("all bytes \x00\xff\n"), 1<<19)
	d.want(200, "PUT", "/v1/files/some/new/file%20with%20space?mode=750", bytes.NewReader(content), nil)
	resp := d.send("GET", "/v1/files/some/new/file%20with%20space", nil)
	got, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || !bytes.Equal(got, content) || resp.Header.Get(sandbox.HeaderMode) != "0750" || resp.ContentLength != int64(len(content)) {
		t.Errorf("%d bytes, %v, %v", len(got), err, resp.Header)
	}
	if out := d.sh("stat -c '%a %u %g %s' 'some/new/file with space'; stat -c '%a %u' some; ls -A some/new"); out != fmt.Sprintf("750 1000 1000 %d\n755 1000\nfile with space\n", len(content)) {
		t.Errorf("a job sees %s", out)
	}
	d.want(200, "PUT", "/v1/files/some/new/file%20with%20space", strings.NewReader("new"), nil)
	if out := d.sh("stat -c '%a %s' 'some/new/file with space'"); out != "644 3\n" {
		t.Errorf("put again: %s", out)
	}
	req, _ := http.NewRequest("GET", "http://"+d.address+"/v1/files/some/new/file%20with%20space", nil)
	req.Header.Set("Authorization", "Bearer "+d.token(time.Minute))
	req.Header.Set("Range", "bytes=1-")
	if resp, err = http.DefaultClient.Do(req); err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); string(b) != "ew" || resp.StatusCode != 206 {
		t.Errorf("a range: %d %q", resp.StatusCode, b)
	}
}

func TestAListingTellsWhatIsThere(t *testing.T) {
	d := start(t)
	d.sh("mkdir dir; echo 12345 >file; chmod 600 file; ln -s /etc/passwd link; mkfifo fifo")
	var l sandbox.Listing
	d.want(200, "GET", "/v1/list/", nil, &l)
	var got []string
	for _, e := range l.Entries {
		got = append(got, fmt.Sprintf("%s %s %d %s %s", e.Name, e.Type, e.Size, e.Mode, e.Link))
	}
	want := "dir dir 0 0755 |fifo other 0 0644 |file file 6 0600 |link link 11 0777 /etc/passwd"
	if strings.Join(got, "|") != want || l.Truncated {
		t.Errorf("got %q, want %q", got, want)
	}
	d.sh("mkdir many; cd many; seq 1 4001 | xargs touch")
	d.want(200, "GET", "/v1/list/many", nil, &l)
	if len(l.Entries) != 4000 || !l.Truncated {
		t.Errorf("%d entries, truncated %v", len(l.Entries), l.Truncated)
	}
}

func TestDeleteTakesWhatItIsToldAndNoMore(t *testing.T) {
	d := start(t)
	d.sh("mkdir -p full/sub empty target; echo x >full/sub/file; echo y >target/kept; ln -s ../target full/link")
	for path, want := range map[string]int{"empty": 204, "full": 409, "none": 404, "none?all=1": 404, "full/link": 204} {
		if status, text := d.call("DELETE", "/v1/files/"+path, nil); status != want {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	d.sh("ln -s ../target full/link")
	d.want(204, "DELETE", "/v1/files/full?all=1", nil, nil)
	if out := d.sh("ls -A . target"); out != ".:\ntarget\n\ntarget:\nkept\n" {
		t.Errorf("left: %s", out)
	}
}

func TestAWrongPathReachesNothing(t *testing.T) {
	d := start(t)
	d.sh("mkdir in; echo inside >in/file; ln -s /etc etc; ln -s ../../.. up; ln -s /etc/passwd pw; ln -s " + d.dir + "/workspace/in/file absolute; ln -s in/file good; mkfifo fifo; ln -s loop loop; ln -s /proc/self/root magic; ln -s " + d.dir + "/state state; mkdir locked; chmod 0 locked")
	before, _ := os.ReadFile("/etc/passwd")
	outside, _ := filepath.Glob("/etc/*")
	for _, path := range []string{
		"../state", "../../etc/passwd", "in/../../state", "%2e%2e/state", "in/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/etc/passwd", "//etc/passwd",
		"./in/file", "in//file", "in/file/", "", "etc/passwd", "up/etc/passwd", "pw", "absolute", "magic/etc/passwd", "state", "state/output", "loop", "loop/x",
		"fifo", "locked/x", "in/file/x", "a%00b", strings.Repeat("a", 256), strings.Repeat("a/", 100) + "a", "%ff",
	} {
		for _, method := range []string{"GET", "PUT", "DELETE", "LIST"} {
			at := "/v1/files/" + path
			if method == "LIST" {
				at = "/v1/list/" + path
			}
			// A put or delete of a link is about the link, which is the jobs' own.
			if (method == "PUT" || method == "DELETE") && !strings.Contains(path, "/") && !strings.Contains(path, "..") && path != "" || method == "LIST" && path == "" {
				continue
			}
			verb := strings.Replace(method, "LIST", "GET", 1)
			began := time.Now()
			status, text := d.call(verb, at, strings.NewReader("overwritten"))
			if status < 400 || status > 499 || strings.Contains(text, "root:") || strings.Contains(text, "inside") || time.Since(began) > time.Second {
				t.Errorf("%s %s: %d %.200s", method, path, status, text)
			}
		}
	}
	if _, text := d.call("GET", "/v1/files/good", nil); text != "inside\n" {
		t.Errorf("a link within: %q", text)
	}
	// Put over a link replaces it.
	d.want(200, "PUT", "/v1/files/pw", strings.NewReader("mine"), nil)
	d.want(204, "DELETE", "/v1/files/etc?all=1", nil, nil)
	after, _ := os.ReadFile("/etc/passwd")
	now, _ := filepath.Glob("/etc/*")
	if !bytes.Equal(before, after) || len(outside) != len(now) {
		t.Error("/etc has changed")
	}
}

// A hard link gives a name in the workspace to somebody else's file, where the
// kernel lets it be made: it must give no more than the job had.
func TestAHardLinkGivesNothing(t *testing.T) {
	d := start(t)
	theirs := d.path("theirs")
	if err := os.WriteFile(theirs, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(theirs, d.path("workspace/link")); err != nil {
		t.Fatal(err)
	}
	if status, text := d.call("GET", "/v1/files/link", nil); status != 403 {
		t.Errorf("read: %d %s", status, text)
	}
	m, _ := d.save(nil)
	if len(m.Nodes) != 0 || len(m.Skipped) != 1 {
		t.Errorf("saved: %+v", m)
	}
	d.want(200, "PUT", "/v1/files/link?mode=777", strings.NewReader("mine"), nil)
	info, err := os.Stat(theirs)
	if text, _ := os.ReadFile(theirs); err != nil || string(text) != secret || info.Mode().Perm() != 0o600 {
		t.Errorf("written: %q %v", text, info.Mode())
	}
}

func TestALinkSwappedAtTheRightMomentLeadsNowhere(t *testing.T) {
	d := start(t)
	// Readable and writable for the user, so that only the daemon keeps out of it.
	outside := d.path("outside")
	os.Mkdir(outside, 0o777)
	os.Chmod(outside, 0o777)
	os.WriteFile(filepath.Join(outside, "file"), []byte("outside"), 0o666)
	d.sh("mkdir inside; echo inside >inside/file")
	for range 2 {
		d.begin(sandbox.Run{Command: hostile() + " swap name " + d.dir + "/outside inside", TimeS: 60})
	}
	time.Sleep(100 * time.Millisecond)
	seen := map[string]int{}
	for n, end := 0, time.Now().Add(3*time.Second); time.Now().Before(end); n++ {
		status, text := d.call("GET", "/v1/files/name/file", nil)
		if strings.Contains(text, "outside\n") || text == "outside" {
			t.Fatal("read outside")
		}
		seen[fmt.Sprint("GET ", status)]++
		file := fmt.Sprintf("new-%d", n%50)
		status, _ = d.call("PUT", "/v1/files/name/"+file, strings.NewReader("x"))
		seen[fmt.Sprint("PUT ", status)]++
		status, _ = d.call("PUT", "/v1/files/name/sub/"+file, strings.NewReader("x"))
		seen[fmt.Sprint("PUT below ", status)]++
		status, _ = d.call("DELETE", "/v1/files/name/file", nil)
		seen[fmt.Sprint("DELETE ", status)]++
		status, _ = d.call("GET", "/v1/list/name", nil)
		seen[fmt.Sprint("LIST ", status)]++
		if n%20 == 0 {
			d.sh("echo inside >inside/file")
			if m, pack := d.save(nil); bytes.Contains(pack, []byte("outside")) {
				t.Fatalf("saved outside: %+v", m)
			}
		}
	}
	names, _ := os.ReadDir(outside)
	text, _ := os.ReadFile(filepath.Join(outside, "file"))
	if len(names) != 1 || string(text) != "outside" {
		t.Errorf("outside there is %v now", names)
	}
	t.Logf("answers: %v", seen)
	for _, both := range []string{"GET 200", "GET 403", "PUT 200", "PUT 403", "DELETE 204", "DELETE 403"} {
		if seen[both] == 0 {
			t.Errorf("the race was not run: no %s in %v", both, seen)
		}
	}
}

func TestAPutIsSeenWholeOrNotAtAll(t *testing.T) {
	d := start(t, "SANDBOX_MAX_MB=4")
	for _, c := range []string{"a", "b"} {
		d.want(200, "PUT", "/v1/files/file", strings.NewReader(strings.Repeat(c, 1<<20)), nil)
	}
	j := d.begin(sandbox.Run{Command: `for i in $(seq 1 300); do head -c 1 file; tail -c 1 file; stat -c ' %s' file; done | sort | uniq -c`, TimeS: 60})
	for i := 0; ; i++ {
		d.want(200, "PUT", "/v1/files/file", strings.NewReader(strings.Repeat(string("ab"[i%2]), 1<<20)), nil)
		var now sandbox.Job
		if d.want(200, "GET", "/v1/jobs/"+j.ID, nil, &now); now.State == sandbox.Ended {
			break
		}
	}
	j = d.wait(j.ID)
	for line := range strings.Lines(j.Head) {
		if !strings.HasSuffix(line, " 1048576\n") {
			t.Errorf("a job saw %q", line)
		}
	}
	// What is too large, or breaks off, leaves what was there, and nothing else.
	if status, _ := d.call("PUT", "/v1/files/file", strings.NewReader(strings.Repeat("c", 5<<20))); status != 413 {
		t.Errorf("5 MB: %d", status)
	}
	if status, _ := d.call("PUT", "/v1/files/file", io.MultiReader(strings.NewReader(strings.Repeat("c", 5<<20)))); status != 413 {
		t.Errorf("5 MB of unknown length: %d", status)
	}
	r, w := io.Pipe()
	go func() {
		w.Write(bytes.Repeat([]byte("d"), 1<<20))
		w.CloseWithError(io.ErrUnexpectedEOF)
	}()
	req, _ := http.NewRequest("PUT", "http://"+d.address+"/v1/files/file", r)
	req.Header.Set("Authorization", "Bearer "+d.token(time.Minute))
	if resp, err := http.DefaultClient.Do(req); err == nil {
		resp.Body.Close()
		t.Error("half a body was taken")
	}
	d.until("the half is cleared away", 5*time.Second, func() bool { return d.sh("ls -A") == "file\n" })
	if out := d.sh("tr -d ab <file | wc -c; stat -c %s file"); out != "0\n1048576\n" {
		t.Errorf("left: %s", out)
	}
	if status, _ := d.call("PUT", "/v1/files/file?mode=4755", strings.NewReader("x")); status != 400 {
		t.Errorf("a set-uid file: %d", status)
	}
	d.sh("mkdir folder; touch folder/x")
	if status, _ := d.call("PUT", "/v1/files/folder", strings.NewReader("x")); status != 409 {
		t.Errorf("over a folder: %d", status)
	}
}
