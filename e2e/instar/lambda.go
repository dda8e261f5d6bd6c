//go:build e2e

package instar

import (
	"crypto/rand"
	"encoding/base64"
	"path/filepath"
	"strings"
	"time"

	"instar/e2e/lambda/standin"
	"instar/e2e/lambda/template"
	"instar/e2e/s3server"
	"instar/functions"
)

// lambda is Instar on the stand-in of AWS. The queue and the bucket are not its
// own: they outlast a kill.
type lambda struct {
	w     *World
	s3    *s3server.Server
	cloud *standin.Cloud
	stop  chan struct{} // closed when its clock shall stop; nil while it is down
}

func newLambda(w *World) *lambda {
	l := &lambda{w: w, s3: s3server.Start(w.T)}
	key := make([]byte, 32)
	rand.Read(key)
	vars := map[string]string{"SEAL_KEY": base64.StdEncoding.EncodeToString(key)}
	for _, one := range w.vars {
		name, value, _ := strings.Cut(one, "=")
		vars[name] = value
	}
	var names []string
	for _, f := range functions.All {
		names = append(names, f.Name)
	}
	roles, err := template.Load(filepath.Join(Root(w.T), "template.yaml"))
	if err != nil {
		w.T.Fatal(err)
	}
	l.cloud, err = standin.Open(standin.Options{
		Top: Root(w.T), Folder: filepath.Join(w.state, "functions"), Names: names, Log: w.log, Vars: vars,
		Sandbox: vars["SANDBOX"] == "on",
		S3:      l.s3.Endpoint, Keys: standin.Keys{ID: l.s3.AccessKeyID, Secret: l.s3.SecretAccessKey},
		Allow: func(function, action, resource string) (string, bool) {
			right, ok := roles.Allow(function, action, resource)
			return right.Resource, ok
		},
	})
	if err != nil {
		w.T.Fatal(err)
	}
	w.T.Cleanup(l.cloud.Close)
	return l
}

// Cloud is what Instar runs on where the platform is Lambda.
func (w *World) Cloud() *standin.Cloud { return w.lambda.cloud }

// launch opens it, with a clock. Like the other platforms it sweeps at once.
func (l *lambda) launch() {
	for try := 0; ; try++ {
		err := l.cloud.Up("127.0.0.1:" + l.w.port)
		if err == nil {
			break
		}
		if try == 20 {
			l.w.T.Fatal(err)
		}
		time.Sleep(500 * time.Millisecond)
	}
	l.w.ahead = sweepAge + 10*time.Second
	stop := make(chan struct{})
	l.stop = stop
	go func() {
		l.cloud.Minute(time.Now().Add(3 * time.Minute))
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Minute):
				l.cloud.Minute(time.Now())
			}
		}
	}()
}

func (l *lambda) down() {
	if l.stop != nil {
		close(l.stop)
		l.stop = nil
	}
	l.cloud.Down()
}

func (l *lambda) forgetSweep() {
	l.w.T.Helper()
	if err := l.s3.Open(l.w.T).Delete(l.w.T.Context(), "main/sweep"); err != nil {
		l.w.T.Error(err)
	}
}
