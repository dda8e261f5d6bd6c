// Package sandbox is what an agent and the daemon in its container
// (functions/sandbox) have to agree on: the token that every call carries, and
// the JSON of the API. It knows neither a platform nor how to run anything.
//
// The container holds no secret. It is given a public key and the name of its
// session; who calls it signs a token with the private key, for that session and
// for a few minutes. Nothing that can be read inside the container can make one.
package sandbox

import "time"

// PurposeAPI is the Claims.Purpose of a call to the daemon. It takes no other.
const PurposeAPI = "sandbox"

// States of a job.
const (
	Running = "running"
	Ended   = "ended"
)

// Why a job ended.
const (
	WhyExit      = "exit"      // its first process ended by itself; ExitCode says how
	WhySignal    = "signal"    // its first process died of a signal nobody here sent
	WhyAsked     = "asked"     // POST /v1/jobs/{id}/signal
	WhyTime      = "time"      // longer than time_s
	WhyMemory    = "memory"    // more than memory_mb, all its processes together
	WhyProcesses = "processes" // more than processes, threads counted
	WhyOutput    = "output"    // more than output_bytes
	WhyStart     = "start"     // it could not be started; Error says why
	WhyShutdown  = "shutdown"  // the container goes away
)

// Bounds of a Run.
const (
	MaxTime      = 6 * time.Hour
	DefaultTime  = 2 * time.Minute
	MaxCommand   = 100 << 10 // bytes; the kernel takes 128 KiB for one argument
	MaxStdin     = 1 << 20   // bytes
	MaxEnv       = 128 << 10 // bytes, names and values together
	DefaultTasks = 256       // processes and threads
	MaxTasks     = 4096
	// DefaultOutput and MaxOutput bound the bytes a job may write before it is
	// ended. How much of them is kept is Limits.KeptOutput.
	DefaultOutput = 1 << 30
	MaxOutput     = 64 << 30
	MaxWait       = 5 * time.Minute // of a long poll
	DefaultText   = 8 << 10         // bytes of Job.Head and of Job.Tail
	MaxText       = 64 << 10
)

// Run asks for a job: POST /v1/jobs.
type Run struct {
	// ID is the caller's: 1 to 64 of A-Z a-z 0-9 _ -. The same id again is the
	// same job, whatever else the request says.
	ID string `json:"id"`
	// Command is run by /bin/sh -c. Argv, instead of it, is run as it stands.
	Command string   `json:"command,omitempty"`
	Argv    []string `json:"argv,omitempty"`
	// Dir is where it starts, relative to the workspace; "" is the workspace.
	Dir string `json:"dir,omitempty"`
	// Env is added to a small environment of the daemon's making.
	Env   map[string]string `json:"env,omitempty"`
	Stdin string            `json:"stdin,omitempty"`
	// Limits; 0 takes the default. Memory is that of the whole tree.
	TimeS       int       `json:"time_s,omitempty"`
	MemoryMB    int       `json:"memory_mb,omitempty"`
	Processes   int       `json:"processes,omitempty"`
	OutputBytes int64     `json:"output_bytes,omitempty"`
	Callback    *Callback `json:"callback,omitempty"`
}

// Callback is where the daemon says that a job has ended. Token is sent as
// Authorization: Bearer, and is otherwise nothing to the daemon.
type Callback struct {
	URL   string `json:"url"`
	Token string `json:"token"`
}

// Job is what the daemon knows about one.
type Job struct {
	ID    string `json:"id"`
	State string `json:"state"`
	Why   string `json:"why,omitempty"` // once ended
	// ExitCode is that of the first process, or absent when it did not exit.
	ExitCode *int       `json:"exit_code,omitempty"`
	Signal   string     `json:"signal,omitempty"` // which one it died of, e.g. "KILL"
	Error    string     `json:"error,omitempty"`  // with WhyStart
	Started  time.Time  `json:"started"`
	Ended    *time.Time `json:"ended,omitempty"`
	// CPUMs and PeakBytes are of the whole tree as far as known, 0 when not.
	CPUMs     int64 `json:"cpu_ms,omitempty"`
	PeakBytes int64 `json:"peak_bytes,omitempty"`
	// OutputBytes counts all that was written, kept or not.
	OutputBytes int64 `json:"output_bytes"`
	// Head and Tail are the ends of the output as text: bytes that are no UTF-8
	// are replaced. When Head holds all of it, Tail is empty. Dropped says how
	// many bytes between them are not here (most can be read at /output).
	Head    string `json:"head,omitempty"`
	Tail    string `json:"tail,omitempty"`
	Dropped int64  `json:"dropped,omitempty"`
}

// Signal is the body of POST /v1/jobs/{id}/signal. TERM, INT, HUP and QUIT are
// sent to the whole tree, and KILL after a grace; KILL at once.
type Signal struct {
	Signal string `json:"signal"`
}

// Report is the body of a callback.
type Report struct {
	V           int    `json:"v"` // 1
	Session     string `json:"session"`
	Job         string `json:"job"`
	State       string `json:"state"`
	Why         string `json:"why"`
	ExitCode    *int   `json:"exit_code,omitempty"`
	Signal      string `json:"signal,omitempty"`
	Error       string `json:"error,omitempty"`
	OutputBytes int64  `json:"output_bytes"`
	Head        string `json:"head"`
	Tail        string `json:"tail"`
}

// Headers of GET /v1/jobs/{id}/output. The bytes of one answer are contiguous
// and begin at HeaderOffset, which is later than asked when what was asked for
// is no longer kept. An answer that ends before the end of the output is
// continued by asking again from where it ended.
const (
	HeaderOffset = "Sandbox-Offset"
	HeaderTotal  = "Sandbox-Total" // bytes written when the answer began
	HeaderState  = "Sandbox-State" // of the job when the answer began
	HeaderMode   = "Sandbox-Mode"  // of a file, octal
)

// Limits says what holds here: GET /v1/limits.
type Limits struct {
	Session     string `json:"session"`
	MemoryMB    int    `json:"memory_mb"`         // the most a job can ask for
	DefaultMB   int    `json:"default_memory_mb"` // what it gets when it does not
	Running     int    `json:"running"`           // jobs now
	MaxRunning  int    `json:"max_running"`
	MaxKept     int    `json:"max_kept"`    // ended jobs that are remembered
	KeptOutput  int64  `json:"kept_output"` // bytes of one job's output that are kept
	MaxFile     int64  `json:"max_file"`    // bytes of one file, written by a job or by PUT
	MaxSaved    int64  `json:"max_saved"`   // bytes of a workspace that can be saved
	MaxEntries  int    `json:"max_entries"` // files, folders and links of one
	CgroupUsed  bool   `json:"cgroup"`
	CgroupWhy   string `json:"cgroup_why,omitempty"` // why not, or what of it is missing
	MemoryBy    string `json:"memory_by"`            // "cgroup", or "watch": sums every 50 ms
	ProcessesBy string `json:"processes_by"`
}

// Entry is one line of a listing.
type Entry struct {
	Name  string    `json:"name"`
	Type  string    `json:"type"` // "file", "dir", "link", "other"
	Size  int64     `json:"size"`
	Mode  string    `json:"mode"` // octal
	Mtime time.Time `json:"mtime"`
	Link  string    `json:"link,omitempty"` // as text, not followed
}

// Listing is the answer of GET /v1/list/{path}, in order of names.
type Listing struct {
	Entries   []Entry `json:"entries"`
	Truncated bool    `json:"truncated,omitempty"` // there are more
}
