//go:build linux

package clean

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// nobody is a user of this test's own: all that is this user's is taken away.
var nobody = uint32(900_000 + os.Getpid()%50_000)

// TestMain is also the program that cleans, as that user.
func TestMain(m *testing.M) {
	folder := os.Getenv("CLEAN")
	if folder == "" {
		os.Exit(m.Run())
	}
	keys()
	if err := fmt.Sprint(Processes(), Files(folder), memory()); err != "<nil> <nil> <nil>" {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

func TestWhatIsLeftIsTakenAway(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to be somebody else")
	}
	as := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(name, args...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		cmd.Dir = "/"
		return cmd
	}
	folder, err := os.MkdirTemp("", "clean")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	os.Chmod(folder, 0o777)
	os.WriteFile(filepath.Join(folder, "another's"), nil, 0o644)
	if out, err := as("sh", "-c", fmt.Sprintf("cd %s && mkdir -p shut/in && echo x >shut/in/file && ln -s /etc link && chmod 0 shut/in shut && ipcmk -M 64 && ipcmk -Q && ipcmk -S 1", folder)).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	jobs, other := as("setpriv", "--no-new-privs", "sh", "-c", "trap '' TERM INT HUP; setsid sleep 3603.5 & sleep 3603.5"), as("sleep", "3603.5")
	for _, cmd := range []*exec.Cmd{jobs, other} {
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	ended := make(chan error, 2)
	go func() { ended <- jobs.Wait() }()
	time.Sleep(200 * time.Millisecond)

	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(folder, "program")
	if err := os.WriteFile(at, program, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := as(at)
	cmd.Env = []string{"CLEAN=" + folder}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Error("a job lives on")
		jobs.Process.Kill()
	}
	go func() { ended <- other.Wait() }()
	select {
	case err := <-ended:
		t.Errorf("what is no job's was killed, too: %v", err)
	case <-time.After(200 * time.Millisecond):
		other.Process.Kill()
		<-ended
	}
	entries, _ := os.ReadDir(folder)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if strings.Join(names, " ") != "another's program" {
		t.Errorf("there are %q", names)
	}
	for _, kind := range []string{"shm", "sem", "msg"} {
		text, _ := os.ReadFile("/proc/sysvipc/" + kind)
		for _, field := range strings.Fields(string(text)) {
			if field == strconv.Itoa(int(nobody)) {
				t.Errorf("%s: %s", kind, text)
			}
		}
	}
	out, _ := exec.Command("ps", "-U", strconv.Itoa(int(nobody)), "-o", "stat=,args=").Output()
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "Z") {
			t.Errorf("there is %s", line)
		}
	}
}
