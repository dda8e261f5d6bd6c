//go:build linux && e2e

package main_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"instar/shared/sandbox"
)

func TestABrokenRestoreLeavesTheOldWorkspace(t *testing.T) {
	d := start(t)
	d.sh("mkdir dir; seq 1 100000 >dir/numbers; echo a >a; echo b >b")
	m, pack := d.save(nil)
	d.sh("rm -rf dir a b; echo old >old")
	old := func(when string) {
		t.Helper()
		if out := d.sh("find . -mindepth 1; cat old"); out != "./old\nold\n" {
			t.Fatalf("%s there is %q", when, out)
		}
	}
	finish := func(want int) {
		t.Helper()
		if status, text := d.call("POST", "/v1/restore/finish", nil); status != want {
			t.Errorf("finish: %d %s, want %d", status, text, want)
		}
	}
	at := "/v1/restore/packs/" + m.New
	finish(409)
	if status, _ := d.call("PUT", at, bytes.NewReader(pack)); status != 409 {
		t.Errorf("a pack before all: %d", status)
	}
	bad := *m
	bad.Nodes = append([]sandbox.Node(nil), m.Nodes...)
	bad.Nodes[0].Path = "../out"
	if status, _ := d.call("POST", "/v1/restore", bad); status != 400 {
		t.Errorf("a path out: %d", status)
	}
	var r sandbox.Restore
	d.want(200, "POST", "/v1/restore", m, &r)
	finish(409)
	old("with nothing of it")
	d.want(200, "PUT", at, bytes.NewReader(pack[:1000]), &r)
	if len(r.Packs) != 1 || r.Packs[0].Received != 1000 {
		t.Errorf("wanted %+v", r)
	}
	finish(409)
	old("with a part")
	// A part after a gap is refused, one that overlaps is taken.
	if status, _ := d.call("PUT", at+"?offset=2000", bytes.NewReader(pack[2000:])); status != 400 {
		t.Errorf("a gap: %d", status)
	}
	d.want(200, "PUT", at+"?offset=500", bytes.NewReader(pack[500:3000]), &r)
	damaged := bytes.Clone(pack)
	damaged[len(damaged)/2] ^= 1
	if status, text := d.call("PUT", at+"?offset=3000", bytes.NewReader(damaged[3000:])); status != 400 || !strings.Contains(text, "damaged") {
		t.Errorf("a damaged pack: %d %s", status, text)
	}
	finish(409)
	old("with a damaged pack")
	if status, _ := d.call("PUT", "/v1/restore/packs/"+strings.Repeat("0", 64), bytes.NewReader(pack)); status != 400 {
		t.Errorf("a pack nobody wants: %d", status)
	}
	d.want(200, "PUT", at, bytes.NewReader(pack), &r)
	if len(r.Packs) != 0 {
		t.Errorf("wanted %+v", r)
	}
	j := d.begin(sandbox.Run{Command: "sleep 300"})
	finish(409)
	d.call("POST", "/v1/jobs/"+j.ID+"/signal", sandbox.Signal{Signal: "KILL"})
	d.wait(j.ID)
	old("until the end")
	finish(200)
	if out := d.sh("find . -mindepth 1 | sort | tr '\\n' ' '; tail -1 dir/numbers; cat a b"); out != "./a ./b ./dir ./dir/numbers 100000\na\nb\n" {
		t.Errorf("restored %q", out)
	}
	finish(409)
	d.want(200, "POST", "/v1/restore", m, nil)
	d.want(204, "DELETE", "/v1/restore", nil, nil)
	if size := d.disk(); size > 1<<20 {
		t.Errorf("%d bytes are left over", size)
	}
}

// Any sequence of changes, saves and restores ends with the bytes it should.
func TestManySavesAndRestoresKeepEveryByte(t *testing.T) {
	d := start(t)
	random := rand.New(rand.NewPCG(1, 2))
	var m *sandbox.Manifest
	packs := map[string][]byte{}
	for range 12 {
		var script strings.Builder
		for range 30 {
			dir, file := random.IntN(4), random.IntN(8)
			switch random.IntN(6) {
			case 0:
				fmt.Fprintf(&script, "rm -rf d%d\n", dir)
			case 1:
				fmt.Fprintf(&script, "mkdir -p d%d; ln -sfn ../d%d d%d/l%d\n", dir, random.IntN(4), dir, file)
			case 2:
				fmt.Fprintf(&script, "mkdir -p d%d; rm -rf d%d/f%d; cp -p d*/f* d%d/ 2>/dev/null\n", dir, dir, file, dir)
			case 3:
				fmt.Fprintf(&script, "chmod %o d%d/f%d 2>/dev/null\n", 0o400|random.IntN(0o400), dir, file)
			default:
				fmt.Fprintf(&script, "mkdir -p d%d; rm -rf d%d/f%d; seq %d %d >d%d/f%d\n", dir, dir, file, random.IntN(9), random.IntN(999), dir, file)
			}
		}
		d.sh(script.String() + "true")
		want := d.sh("chmod -R u+r .; " + listing)
		var pack []byte
		if m, pack = d.save(m); m.New != "" {
			packs[m.New] = pack
		}
		if random.IntN(2) == 0 {
			d.sh("chmod -R u+rwx .; rm -rf ./*; echo left over >x")
			d.restore(m, packs)
		}
		if got := d.sh(listing); got != want {
			t.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	}
}
