//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/chromedp/chromedp"
)

// The window in pixels, which are also CSS's.
const (
	width  = 1280
	height = 800
)

// flags are Chromium's.
var flags = map[string]any{
	// Chromium's own sandbox needs user namespaces or a setuid program, and a job
	// has neither. What holds a page is the container, in which this user has
	// nothing.
	"no-sandbox": true,
	"headless":   true, "disable-gpu": true, "hide-scrollbars": true, "mute-audio": true,
	"window-size":           fmt.Sprintf("%d,%d", width, height),
	"disable-dev-shm-usage": true, // it has 64 MB in a container
	// A page that fills its heap (MB) ends, and not the browser.
	"js-flags": "--max-old-space-size=512", "renderer-process-limit": "4",
	// Nothing is sent or fetched that no page asked for.
	"disable-background-networking": true, "disable-component-update": true, "disable-sync": true, "disable-domain-reliability": true,
	"disable-client-side-phishing-detection": true, "no-pings": true, "metrics-recording-only": true, "disable-breakpad": true, "disable-crash-reporter": true,
	"no-first-run": true, "no-default-browser-check": true, "disable-default-apps": true, "disable-extensions": true,
	"disable-component-extensions-with-background-pages": true, "disable-search-engine-choice-screen": true,
	"disable-features": "HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,Translate,MediaRouter,DialMediaRouteProvider,OptimizationHints,AutofillServerCommunication",
	// No question waits for an answer, and what a page does unseen goes on.
	"password-store": "basic", "deny-permission-prompts": true, "disable-prompt-on-repost": true, "disable-hang-monitor": true,
	"disable-background-timer-throttling": true, "disable-renderer-backgrounding": true, "disable-backgrounding-occluded-windows": true,
	// Only TCP leaves the container.
	"disable-quic": true, "force-webrtc-ip-handling-policy": "disable_non_proxied_udp",
}

// find is Chromium's program. The one without a desktop comes first: it has the
// same engine, and takes 84 MB with a page instead of 220. Debian's wrapper around
// the other is passed by: it adds flags, and keys for Google's services.
func find() (string, error) {
	if path := os.Getenv("BROWSE_CHROMIUM"); path != "" {
		return path, nil
	}
	for _, name := range []string{"chromium-headless-shell", "/usr/lib/chromium/chromium", "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("there is no Chromium here: install Debian's chromium-headless-shell, or name one in BROWSE_CHROMIUM")
}

// chromium is one that runs.
type chromium struct {
	ctx     context.Context // chromedp's, of a page that shows nothing
	dead    <-chan struct{}
	process *exec.Cmd
	own     []string // folders
	cancel  func()
}

// launch starts Chromium with a profile of its own in a folder that must be
// locked. It does not outlive this process.
func launch(ctx context.Context, dir string) (*chromium, error) {
	program, err := find()
	if err != nil {
		return nil, err
	}
	c := &chromium{own: []string{filepath.Join(dir, "profile"), filepath.Join(dir, "home")}}
	for _, d := range c.own {
		if err := errors.Join(os.RemoveAll(d), os.Mkdir(d, 0o700)); err != nil {
			return nil, fmt.Errorf("make a profile: %w", err)
		}
	}
	profile, home := c.own[0], c.own[1]
	if err := trust(ctx, home, os.Getenv("SSL_CERT_FILE")); err != nil {
		return nil, err
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(program), chromedp.UserDataDir(profile), chromedp.NoInheritEnv,
		chromedp.Env("PATH="+os.Getenv("PATH"), "HOME="+home, "TMPDIR="+home, "LANG="+os.Getenv("LANG"), "TZ="+os.Getenv("TZ"),
			"XDG_CONFIG_HOME="+home, "XDG_CACHE_HOME="+home, "DBUS_SESSION_BUS_ADDRESS=disabled:"),
		chromedp.ModifyCmdFunc(func(cmd *exec.Cmd) {
			c.process = cmd
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
		}),
	}
	for name, value := range flags {
		options = append(options, chromedp.Flag(name, value))
	}
	ctx, cancelAll := chromedp.NewExecAllocator(context.WithoutCancel(ctx), options...)
	ctx, cancel := chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {}))
	c.ctx, c.cancel = ctx, func() { cancel(); cancelAll() }
	return c, nil
}

// started notes that the browser is there.
func (c *chromium) started() { c.dead = chromedp.FromContext(c.ctx).Browser.LostConnection }

// close ends all its processes, and removes what it wrote.
func (c *chromium) close() {
	done := make(chan struct{})
	go func() { c.cancel(); close(done) }()
	if c.process != nil && c.process.Process != nil {
		for range 50 {
			if syscall.Kill(-c.process.Process.Pid, syscall.SIGKILL) == syscall.ESRCH {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	select {
	case <-done:
	case <-time.After(5 * time.Second):
	}
	for _, d := range c.own {
		for range 5 {
			if os.RemoveAll(d) == nil {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}
