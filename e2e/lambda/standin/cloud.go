package standin

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Options are what a Cloud is made of.
type Options struct {
	Top    string // the module's root
	Folder string // of the unpacked zips; the cloud's own
	Names  []string
	Log    io.Writer
	Vars   map[string]string // what is in the Parameter Store
	// Env is what each function's environment has beside, as template.yaml says.
	Env func(name string) []string
	// Sandbox: there is the sandbox's function, too.
	Sandbox bool
	// S3 is the address of a real S3 server with the bucket, and its keys.
	S3   string
	Keys Keys
	// Allow finds the resource in a function's role by which it may take an action;
	// nil allows all.
	Allow func(function, action, resource string) (by string, ok bool)
}

// Use is one action that a function took, by the resource that its role names.
type Use struct{ Function, Action, Resource string }

// Cloud is one deployment.
type Cloud struct {
	Functions map[string]*Function
	Queue     *FIFO

	options Options
	servers []*http.Server
	front   *http.Server
	stop    context.CancelFunc
	mapping sync.WaitGroup

	mu   sync.Mutex
	used map[Use]int
}

// Open unpacks the functions and opens the services that they call. Up starts it.
func Open(o Options) (*Cloud, error) {
	zips, err := Build(o.Top)
	if err != nil {
		return nil, err
	}
	c := &Cloud{Functions: map[string]*Function{}, Queue: NewFIFO(QueueURL), options: o, used: map[Use]int{}}
	for _, name := range o.Names {
		folder := filepath.Join(o.Folder, name)
		if err := Unpack(filepath.Join(zips, name+".zip"), folder); err != nil {
			return nil, err
		}
		services, err := c.listen(c.services(name))
		if err != nil {
			return nil, err
		}
		store, err := c.listen(c.proxy(name))
		if err != nil {
			return nil, err
		}
		c.Functions[name] = &Function{
			Name: "instar-" + name, Folder: folder, Log: o.Log, Timeout: 15 * time.Minute,
			Env: append([]string{
				"AWS_REGION=" + Region, "AWS_ACCESS_KEY_ID=" + o.Keys.ID, "AWS_SECRET_ACCESS_KEY=" + o.Keys.Secret, "AWS_SESSION_TOKEN=" + o.Keys.Token,
				"AWS_ENDPOINT_URL=" + services, "BUCKET=s3://" + Bucket + "?region=" + Region + "&endpoint=" + store,
				"QUEUE=" + QueueURL, "PARAMETERS=" + Prefix, "AGENT=instar-agent",
			}, o.env(name)...),
		}
		if o.Sandbox {
			c.Functions[name].Env = append(c.Functions[name].Env, "SANDBOX=instar-"+Sandbox)
		}
	}
	if o.Sandbox {
		if c.Functions[Sandbox], err = NewSandbox(o); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (o Options) env(name string) []string {
	if o.Env == nil {
		return nil
	}
	return o.Env(name)
}

func (c *Cloud) listen(h http.Handler) (address string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	// What waits for long is closed, so that a thawed process meets dead connections.
	s := &http.Server{Handler: h, IdleTimeout: 200 * time.Millisecond}
	c.servers = append(c.servers, s)
	go s.Serve(l)
	return "http://" + l.Addr().String(), nil
}

// Up opens the Function URLs at an address of this machine, /hooks/ being the
// webhook's and all else the console's, and has the queue deliver.
func (c *Cloud) Up(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	c.front = &http.Server{Handler: http.HandlerFunc(c.route)}
	go c.front.Serve(l)
	ctx, cancel := context.WithCancel(context.Background())
	c.stop = cancel
	c.mapping.Go(func() { c.Queue.Deliver(ctx, c.Functions["agent"], 8) })
	return nil
}

// Down ends every process at once. What is in the queue and in the bucket stays.
func (c *Cloud) Down() {
	if c.stop == nil {
		return
	}
	c.stop()
	c.front.Close()
	c.Kill()
	c.mapping.Wait()
	c.Kill() // what was started meanwhile
	c.stop = nil
}

// Kill ends every process, as when all their machines failed.
func (c *Cloud) Kill() {
	for _, f := range c.Functions {
		f.Kill()
	}
}

// Close ends everything.
func (c *Cloud) Close() {
	c.Down()
	for _, s := range c.servers {
		s.Close()
	}
	os.RemoveAll(c.options.Folder)
}

// Minute runs the schedule function as EventBridge Scheduler does.
func (c *Cloud) Minute(at time.Time) error {
	payload, _ := json.Marshal(map[string]string{"scheduled": at.UTC().Format(time.RFC3339)})
	i, err := c.Functions["schedule"].Invoke(context.Background(), payload)
	if err != nil {
		return err
	}
	<-i.Began
	io.Copy(io.Discard, i.Body)
	<-i.Done
	return i.Err
}

// Used is what the functions' roles were used for, and how often.
func (c *Cloud) Used() map[Use]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.used)
}

// may notes an action and reports whether the role allows it.
func (c *Cloud) may(function, action, resource string) bool {
	by, ok := resource, true
	if c.options.Allow != nil {
		by, ok = c.options.Allow(function, action, resource)
	}
	if !ok {
		fmt.Fprintf(c.options.Log, "stand-in: the role of %s does not allow %s on %s\n", function, action, resource)
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used[Use{function, action, by}]++
	return true
}
