// Package s3server runs a real S3 server on this machine for tests: versitygw
// over a folder (see the module in gateway), built by build/s3.sh.
package s3server

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"instar/shared/aws/s3"
)

const (
	// Bucket is there when the server starts, and empty.
	Bucket = "instar"
	// Region is what the server's signatures are made for.
	Region = "us-east-1"

	startWithin = 30 * time.Second
)

// Server is one S3 server, with one account that may do everything.
type Server struct {
	Endpoint                     string // http://127.0.0.1:port; path-style
	AccessKeyID, SecretAccessKey string
	// PID is its process, for measurements.
	PID int
}

// Start runs a server and returns when it answers; the test fails when it does
// not. What it stores goes away with the test, and so does the server.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{AccessKeyID: "test" + rand.Text(), SecretAccessKey: rand.Text()}
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, Bucket), 0o700); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	s.Endpoint = "http://" + address
	var said output
	c := exec.Command(program(t), address, folder)
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "ROOT_ACCESS_KEY_ID=" + s.AccessKeyID, "ROOT_SECRET_ACCESS_KEY=" + s.SecretAccessKey}
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		t.Fatalf("start the S3 server: %v", err)
	}
	s.PID = c.Process.Pid
	exited := make(chan struct{})
	go func() { c.Wait(); close(exited) }()
	t.Cleanup(func() {
		c.Process.Signal(syscall.SIGKILL)
		<-exited
	})
	for deadline := time.Now().Add(startWithin); ; time.Sleep(5 * time.Millisecond) {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return s
		}
		select {
		case <-exited:
			t.Fatalf("the S3 server ended:\n%s", said.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("the S3 server does not answer:\n%s", said.String())
		}
	}
}

// Options are how to open Bucket.
func (s *Server) Options() s3.Options {
	return s3.Options{
		Bucket: Bucket, Region: Region, Endpoint: s.Endpoint,
		AccessKeyID: s.AccessKeyID, SecretAccessKey: s.SecretAccessKey,
	}
}

// Open returns Bucket.
func (s *Server) Open(t testing.TB) *s3.Bucket {
	t.Helper()
	b, err := s3.Open(s.Options())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Address is Bucket's address, for s3.Parse and the programs that use it.
func (s *Server) Address() string {
	return fmt.Sprintf("s3://%s?region=%s&endpoint=%s", Bucket, Region, url.QueryEscape(s.Endpoint))
}

// Env are the credentials as the variables that AWS's programs read.
func (s *Server) Env() []string {
	return []string{"AWS_ACCESS_KEY_ID=" + s.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + s.SecretAccessKey, "AWS_REGION=" + Region}
}

// program is the server's program, in build/dist of the module the test is in.
func program(t testing.TB) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; folder != "/"; folder = filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, "build", "s3.sh")); errors.Is(err, os.ErrNotExist) {
			continue
		}
		file := filepath.Join(folder, "build", "dist", "bin", "s3")
		if _, err := os.Stat(file); err != nil {
			t.Fatalf("there is no S3 server: run build/s3.sh first (%v)", err)
		}
		return file
	}
	t.Fatal("build/s3.sh was not found above the test's folder")
	return ""
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// output is what the server printed so far.
type output struct {
	lock sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.lock.Lock()
	defer o.lock.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.lock.Lock()
	defer o.lock.Unlock()
	return o.text.String()
}
