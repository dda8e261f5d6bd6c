//go:build linux && e2e

package main_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"instar/shared/sandbox"
)

// save saves after a manifest, and takes the answer apart.
func (d *daemon) save(before *sandbox.Manifest) (*sandbox.Manifest, []byte) {
	d.t.Helper()
	var body any
	if before != nil {
		body = before
	}
	resp := d.send("POST", "/v1/save", body)
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		text, _ := io.ReadAll(resp.Body)
		d.t.Fatalf("save: %d %s", resp.StatusCode, text)
	}
	r := bufio.NewReaderSize(resp.Body, 1<<20)
	line, err := r.ReadBytes('\n')
	if err != nil {
		d.t.Fatal(err)
	}
	m := &sandbox.Manifest{}
	if err := json.Unmarshal(line, m); err != nil {
		d.t.Fatal(err)
	}
	if err := m.Check(); err != nil {
		d.t.Fatalf("the daemon's own manifest: %v", err)
	}
	pack, err := io.ReadAll(r)
	if err != nil || int64(len(line)+len(pack)) != resp.ContentLength {
		d.t.Fatalf("%d and %d bytes of %d, %v", len(line), len(pack), resp.ContentLength, err)
	}
	if (m.New == "") != (len(pack) == 0) {
		d.t.Fatalf("pack %q of %d bytes", m.New, len(pack))
	}
	for _, p := range m.Places() {
		if m.Packs[p.Pack].ID == m.New {
			if sum := sha256.Sum256(pack[p.Offset : p.Offset+p.Size]); hex.EncodeToString(sum[:]) != p.Sum {
				d.t.Fatalf("content %s is another", p.Sum)
			}
		}
	}
	return m, pack
}

// restore restores from packs by their ids.
func (d *daemon) restore(m *sandbox.Manifest, packs map[string][]byte) {
	d.t.Helper()
	var r sandbox.Restore
	d.want(200, "POST", "/v1/restore", m, &r)
	for len(r.Packs) > 0 {
		w := r.Packs[0]
		if int64(len(packs[w.ID])) != w.Bytes {
			d.t.Fatalf("pack %s of %d bytes is wanted, there are %d", w.ID, w.Bytes, len(packs[w.ID]))
		}
		d.want(200, "PUT", "/v1/restore/packs/"+w.ID, bytes.NewReader(packs[w.ID]), &r)
	}
	d.want(200, "POST", "/v1/restore/finish", nil, nil)
}

// listing describes a workspace in full: names, kinds, rights, times, contents.
const listing = `find . -mindepth 1 -printf '%P %y %m %s %T@ %l\n' | sed -E 's/^(.*) d ([0-9]+) .*/\1 d \2/; s/ l 777 ([0-9]+) [0-9.]+ / l /' | sort; find . -type f -exec sha256sum {} + | sort`

func TestAWorkspaceComesBackAsItWas(t *testing.T) {
	d := start(t)
	d.sh(`mkdir -p a/b/c empty .git/objects; echo one >a/one; echo two >a/b/two; cp a/one a/b/c/copy; : >nothing; ln -s /etc/passwd away; ln -s a/one near; ln -s gone dangling
		printf '#!/bin/sh\n' >run; chmod 755 run; chmod 400 a/b/two; chmod 700 empty; echo x >'odd name, "quoted" é'; head -c 3000000 /dev/urandom >big; touch -d '2001-02-03 04:05:06.789' a/one
		mkdir closed; echo hidden >closed/file; chmod 000 closed/file; chmod 500 closed; echo git >.git/objects/x; chmod 444 .git/objects/x`)
	want := d.sh(listing)
	m, pack := d.save(nil)
	if len(m.Packs) != 1 || m.Packs[0].Bytes != int64(len(pack)) || m.Packs[0].Live != int64(len(pack)) {
		t.Errorf("packs %+v", m.Packs)
	}
	for name, d2 := range map[string]*daemon{"in a new container": start(t), "over itself": d} {
		d2.t = t
		d2.restore(m, map[string][]byte{m.New: pack})
		if got := d2.sh(listing); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
		if out := d2.sh("find . ! -uid 1000 -o ! -gid 1000; chmod 600 closed/file; cat closed/file; echo more >>run; rm -rf a/b"); out != "hidden\n" {
			t.Errorf("%s: it is not the user's: %s", name, out)
		}
		// And what it saves then needs only what is new.
		again, pack2 := d2.save(m)
		if string(pack2) != "#!/bin/sh\nmore\n" || len(again.Packs) != 2 {
			t.Errorf("%s: saved again %q %+v", name, pack2, again.Packs)
		}
	}
}

func TestTenChangedFilesOfTenThousandAreSavedAlone(t *testing.T) {
	d := start(t)
	d.sh(`for d in $(seq 1 100); do mkdir -p dir$d/sub; for f in $(seq 1 100); do echo "file $d $f" >dir$d/sub/file$f; done; done; sleep 0.3`)
	began := time.Now()
	first, pack := d.save(nil)
	t.Logf("10,000 files, nothing known: %v, %d bytes of pack", time.Since(began).Round(time.Millisecond), len(pack))
	began = time.Now()
	same, pack := d.save(first)
	t.Logf("10,000 files, nothing changed: %v", time.Since(began).Round(time.Millisecond))
	if len(pack) != 0 || same.New != "" || len(same.Packs) != 1 {
		t.Errorf("nothing changed: %d bytes, %+v", len(pack), same.Packs)
	}
	d.sh(`for i in 1 2 3 4 5 6 7 8 9; do echo changed $i >dir$i/sub/file7; done; echo new >new`)
	began = time.Now()
	m, pack := d.save(same)
	took := time.Since(began)
	manifest, _ := json.Marshal(m)
	t.Logf("10,000 files, 10 changed: %v, %d bytes of pack, %d of manifest", took.Round(time.Millisecond), len(pack), len(manifest))
	if want := "changed 1\nchanged 2\nchanged 3\nchanged 4\nchanged 5\nchanged 6\nchanged 7\nchanged 8\nchanged 9\nnew\n"; string(pack) != want {
		t.Errorf("pack %q", pack)
	}
	if took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
	if m.Packs[0].Live != first.Packs[0].Bytes-9*int64(len("file 1 7\n")) || m.Packs[1].Live != int64(len(pack)) {
		t.Errorf("packs %+v", m.Packs)
	}
	t.Logf("VmHWM %d KB", d.status("VmHWM"))
}

func TestAnUnchangedFileIsNotReadAgain(t *testing.T) {
	d := start(t)
	d.sh("head -c 50000000 /dev/urandom >big; echo small >small; sleep 0.3")
	m, _ := d.save(nil)
	before := d.read()
	m, pack := d.save(m)
	if n := d.read() - before; n > 5<<20 || len(pack) != 0 {
		t.Errorf("%d bytes were read for an unchanged file of 50 MB", n)
	}
	// A change that leaves size and mtime as they were is seen all the same.
	d.sh("touch -r small time; printf 'SMALL\n' >small; touch -r time small; rm time")
	if _, pack = d.save(m); string(pack) != "SMALL\n" {
		t.Errorf("pack %q", pack)
	}
}

// read is how many bytes the daemon has read from files and sockets.
func (d *daemon) read() (n int) {
	d.t.Helper()
	fmt.Sscanf(d.proc("io"), "rchar: %d", &n)
	return n
}

func TestChangesAMomentApartAreNotMissed(t *testing.T) {
	d := start(t)
	d.sh("echo 0000 >file")
	m, _ := d.save(nil)
	for i := 1; i < 60; i++ {
		d.want(200, "PUT", "/v1/files/other", strings.NewReader("x"), nil)
		want := fmt.Sprintf("%04d\n", i)
		d.sh("printf '" + want + "' >file") // the same size, the same inode
		m, _ = d.save(m)
		sum := sha256.Sum256([]byte(want))
		for _, n := range m.Nodes {
			if n.Path == "file" && n.Sum != hex.EncodeToString(sum[:]) {
				t.Fatalf("save %d has an old content", i)
			}
		}
	}
}

func TestASaveWhileJobsWriteIsTrueToItself(t *testing.T) {
	d := start(t)
	d.begin(sandbox.Run{Command: `while :; do echo line >>log; for i in 1 2 3; do date +%N >f$i; mv f$i g$i; rm -f g2; mkdir -p d/e; rmdir d/e d; ln -sf x l; done; done`, TimeS: 60})
	var m *sandbox.Manifest
	packs := map[string][]byte{}
	for range 40 {
		var pack []byte
		m, pack = d.save(m)
		packs[m.New] = pack
		time.Sleep(25 * time.Millisecond)
	}
	start(t).restore(m, packs)
}

func TestWhatCannotBeSavedIsSaid(t *testing.T) {
	d := start(t)
	d.sh(`mkfifo fifo; echo x >good; touch "$(printf 'bad\377name')"; ln -s "$(printf 'bad\377')" link; /usr/bin/python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'`)
	m, pack := d.save(nil)
	why := map[string]string{}
	for _, s := range m.Skipped {
		why[s.Path] = s.Why
	}
	if len(m.Nodes) != 1 || string(pack) != "x\n" || m.SkippedAll != 4 || len(why) != 4 || why["fifo"] == "" || why["socket"] == "" || why["link"] == "" || why[`"bad\xffname"`] == "" {
		t.Errorf("%+v", m)
	}
}

func TestATooLargeWorkspaceIsRefusedWithTheReason(t *testing.T) {
	d := start(t, "SANDBOX_MAX_MB=8")
	d.sh("mkdir node_modules; for i in 1 2 3; do head -c 3000000 /dev/zero >node_modules/$i; done; echo x >small")
	status, text := d.call("POST", "/v1/save", nil)
	if status != 413 || !strings.Contains(text, `node_modules\" with 8 MB`) || !strings.Contains(text, "at most 8 MB") {
		t.Errorf("%d %s", status, text)
	}
	d.sh("rm node_modules/1")
	d.save(nil)
}
