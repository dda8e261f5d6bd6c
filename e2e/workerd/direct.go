package workerd

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// Direct returns the address of the Worker's own runtime process. Requests to
// URL first pass a proxy of wrangler's, which adds some milliseconds and keeps
// to itself that a client went away before the answer began; behind Cloudflare's
// edge the Worker is told. (A client is seen to go away when it resets its
// connection: a closed one may still be reading.) Skips the test where there is
// no /proc.
func (s *Server) Direct(t testing.TB) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skipf("the runtime's own port is looked up in /proc, which %s does not have", runtime.GOOS)
	}
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range lines {
		command, _ := os.ReadFile(file)
		process := filepath.Dir(file)
		// wrangler starts two: the proxy on the port asked for, the Worker on any.
		if strings.Contains(string(command), "--socket-addr=entry=127.0.0.1:0\x00") && s.inGroup(process) {
			if port := firstListener(process); port != 0 {
				return fmt.Sprintf("http://127.0.0.1:%d", port)
			}
		}
	}
	t.Fatal("the Worker's runtime process was not found")
	return ""
}

func (s *Server) inGroup(process string) bool {
	stat, _ := os.ReadFile(process + "/stat")
	_, fields, _ := strings.Cut(string(stat), ") ") // proc(5): state, parent, group
	parts := strings.Fields(fields)
	return len(parts) > 2 && s.command != nil && parts[2] == strconv.Itoa(s.command.Process.Pid)
}

// firstListener returns the port of the listening socket that the process
// opened first: workerd opens that of its entry before any other.
func firstListener(process string) int {
	ports := map[string]int{} // of listening sockets, by inode
	table, _ := os.ReadFile(process + "/net/tcp")
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line) // number, local address, remote address, state, ..., inode
		if len(f) < 10 || f[3] != "0A" {
			continue
		}
		_, port, _ := strings.Cut(f[1], ":")
		n, _ := strconv.ParseInt(port, 16, 32)
		ports["socket:["+f[9]+"]"] = int(n)
	}
	for fd := range 1024 {
		target, _ := os.Readlink(fmt.Sprintf("%s/fd/%d", process, fd))
		if port := ports[target]; port != 0 {
			return port
		}
	}
	return 0
}
