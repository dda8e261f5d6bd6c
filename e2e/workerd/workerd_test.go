//go:build e2e

package workerd

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

var worker = Options{
	Config: "e2e/workerd/testdata/wrangler.toml",
	Vars:   map[string]string{"A": `$it's "quoted" #x\n`, "B": "b"},
}

func TestVariablesArriveUnchangedAndTheEnvironmentDoesNot(t *testing.T) {
	s := Start(t, worker)
	var got map[string]string
	if err := json.Unmarshal([]byte(request(t, http.MethodGet, s.URL+"/vars", "")), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got["A"] != worker.Vars["A"] || got["B"] != "b" {
		t.Errorf("the Worker has %q", got)
	}
}

func TestStateOutlivesRestartAndKill(t *testing.T) {
	s := Start(t, worker)
	request(t, http.MethodPut, s.URL+"/k", "kept")
	s.WaitLog(t, "stored /k")
	if got := request(t, http.MethodGet, s.Direct(t)+"/k", ""); got != "kept" {
		t.Errorf("without the proxy the object is %q", got)
	}
	group := -s.command.Process.Pid
	s.Kill()
	if err := syscall.Kill(group, 0); err != syscall.ESRCH {
		t.Errorf("a process of the group is alive after Kill: %v", err)
	}
	s.Restart()
	if got := request(t, http.MethodGet, s.URL+"/k", ""); got != "kept" {
		t.Errorf("after Kill and Restart the object is %q", got)
	}
	group = -s.command.Process.Pid
	s.Stop()
	s.Stop()
	if err := syscall.Kill(group, 0); err != syscall.ESRCH {
		t.Errorf("a process of the group is alive after Stop: %v", err)
	}
	if c, err := net.DialTimeout("tcp", strings.TrimPrefix(s.URL, "http://"), time.Second); err == nil {
		c.Close()
		t.Error("the port is still open after Stop")
	}
	if n := strings.Count(s.Log(), "stored /k"); n != 1 {
		t.Errorf("the log has the line %d times, want once", n)
	}
}

func request(t *testing.T, method, url, body string) string {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s, %v", method, url, response.Status, err)
	}
	return string(data)
}
