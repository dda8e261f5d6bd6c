//go:build e2e

package instar

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// process is one run of build/run.mjs, node and the workerd it starts, or of
// what stands in its place on another platform.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when node has ended and was waited for
}

// Launch starts Instar on the state it left, and returns when it listens.
func (w *World) Launch() {
	w.T.Helper()
	if w.lambda != nil {
		w.lambda.launch()
		return
	}
	for try := 0; ; try++ {
		starts := strings.Count(w.log.String(), "Instar runs on")
		cmd := command(w.T)
		cmd.Dir = Root(w.T)
		cmd.Env = append(os.Environ(), append([]string{"PORT=" + w.port, "STATE=" + w.state}, w.vars...)...)
		cmd.Stdout, cmd.Stderr = w.log, w.log
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			w.T.Fatal(err)
		}
		p := &process{cmd, make(chan struct{})}
		go func() { p.cmd.Wait(); close(p.done) }()
		w.process.Store(p)
		if w.listens(p, starts) {
			w.ahead = sweepAge + 10*time.Second // it sweeps at once: build/run.mjs
			return
		}
		w.Kill()
		// While it was down, somebody else's connection may have got its port.
		if try == 20 || !strings.Contains(w.log.String(), "is taken") {
			w.T.Fatalf("Instar did not start:\n%s", w.log.String())
		}
		time.Sleep(500 * time.Millisecond)
	}
}

// listens waits until the log has one more start than before.
func (w *World) listens(p *process, starts int) bool {
	deadline := time.After(90 * time.Second)
	for {
		if strings.Count(w.log.String(), "Instar runs on") > starts {
			return true
		}
		select {
		case <-p.done:
			return false
		case <-deadline:
			return false
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// End tells Instar to stop and waits until it has, so that its port is free.
func (w *World) End(signal syscall.Signal) {
	if w.lambda != nil {
		w.lambda.down()
		return
	}
	p := w.process.Load()
	if p == nil {
		return
	}
	p.cmd.Process.Signal(signal)
	select {
	case <-p.done:
		if code := p.cmd.ProcessState.ExitCode(); code != 0 {
			w.T.Errorf("Instar ended with code %d when it was told to stop", code)
		}
	case <-time.After(15 * time.Second):
		w.T.Error("Instar did not stop within 15 s")
	}
	w.Kill()
}

// Shoot kills everything Instar consists of at once, as a power cut would, and
// does not wait. Any goroutine may call it, so a fake's hook may too.
func (w *World) Shoot() {
	if w.lambda != nil {
		w.lambda.cloud.Kill()
		return
	}
	if p := w.process.Load(); p != nil {
		syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	}
}

// Kill is Shoot, and then waits until nothing is left. Launch may follow.
func (w *World) Kill() {
	if w.lambda != nil {
		w.lambda.down()
		return
	}
	p := w.process.Load()
	if p == nil {
		return
	}
	w.Shoot()
	<-p.done
	// workerd is a child of node, so not ours to wait for; but it listened.
	for range 500 {
		c, err := net.Dial("tcp", "127.0.0.1:"+w.port)
		if err != nil {
			break
		}
		c.Close()
		time.Sleep(10 * time.Millisecond)
	}
	w.process.Store(nil)
}
