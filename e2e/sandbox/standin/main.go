// Command standin answers in place of the sandbox's daemon in tests of the
// platform's half: it tells what it was given, and tries what it is asked to.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	started := time.Now()
	mux := http.NewServeMux()
	var running atomic.Int64
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"status":"ok","running":%d}`, running.Load())
	})
	// Has ?n jobs running, as it says.
	mux.HandleFunc("POST /running", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.ParseInt(r.URL.Query().Get("n"), 10, 64)
		running.Store(n)
	})
	// What it sees of the world, and of this call.
	mux.HandleFunc("/whoami", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Instar-Sandbox-Error", "spoofed")
		ca, _ := os.ReadFile(os.Getenv("SSL_CERT_FILE"))
		processes, _ := os.ReadDir("/proc")
		pids := 0
		for _, p := range processes {
			if strings.Trim(p.Name(), "0123456789") == "" {
				pids++
			}
		}
		json.NewEncoder(w).Encode(map[string]any{
			"env": os.Environ(), "headers": r.Header, "host": r.Host, "path": r.URL.RequestURI(), "method": r.Method,
			"started": started.UnixNano(), "ca": string(ca), "pids": pids,
		})
	})
	// A body back as it comes, so that both directions are open at once.
	mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		rc.EnableFullDuplex()
		w.WriteHeader(http.StatusOK)
		rc.Flush()
		for b := make([]byte, 64<<10); ; {
			n, err := r.Body.Read(b)
			w.Write(b[:n])
			rc.Flush()
			if err != nil {
				return
			}
		}
	})
	// ?n lines, one each ?every.
	mux.HandleFunc("GET /lines", func(w http.ResponseWriter, r *http.Request) {
		var n int
		fmt.Sscan(r.URL.Query().Get("n"), &n)
		every, _ := time.ParseDuration(r.URL.Query().Get("every"))
		for i := range n {
			if _, err := fmt.Fprintln(w, "line", i); err != nil || r.Context().Err() != nil {
				return
			}
			http.NewResponseController(w).Flush()
			time.Sleep(every)
		}
	})
	mux.HandleFunc("POST /swallow", func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprintln(w, n, r.ContentLength, err)
	})
	// Leaves the container: ?url with ?method, or ?dial.
	mux.HandleFunc("/leave", leave)
	mux.HandleFunc("POST /exit", func(http.ResponseWriter, *http.Request) { os.Exit(3) })

	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	go func() { <-ended; os.Exit(0) }()
	log.Fatal(http.ListenAndServe(":8080", mux))
}

func leave(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if address := q.Get("dial"); address != "" {
		c, err := net.DialTimeout("tcp", address, 2*time.Second)
		if err != nil {
			fmt.Fprintln(w, "error:", err)
			return
		}
		c.SetDeadline(time.Now().Add(2 * time.Second))
		io.WriteString(c, "hello\r\n\r\n")
		said, err := io.ReadAll(io.LimitReader(c, 200))
		fmt.Fprintf(w, "connected, %q, %v\n", said, err)
		return
	}
	ask, err := http.NewRequest(q.Get("method"), q.Get("url"), r.Body)
	if err != nil {
		fmt.Fprintln(w, "error:", err)
		return
	}
	ask.Header.Set("Authorization", r.Header.Get("X-Authorization"))
	client := http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(ask)
	if err != nil {
		fmt.Fprintln(w, "error:", err)
		return
	}
	defer answer.Body.Close()
	fmt.Fprintln(w, answer.StatusCode, answer.Header.Get("Location"))
	io.Copy(w, answer.Body)
}
