package sandbox

// Headers of a call to a place where many sessions have their containers. They are
// for the place, and not handed on to a daemon that has one of its own.
const (
	HeaderSession = "Instar-Sandbox-Session"
	HeaderKey     = "Instar-Sandbox-Key" // the session's public key: PublicText
	// HeaderQuiet, whatever its value, marks a call that neither starts a container
	// nor keeps it awake.
	HeaderQuiet = "Instar-Sandbox-Quiet"
	// HeaderError marks an answer of the place's own, with one of:
	HeaderError = "Instar-Sandbox-Error"
)

// Why a call did not get to a daemon.
const (
	NotRequest   = "request"     // it names no session
	NotAwake     = "asleep"      // nothing runs, and the call was a quiet one
	NotNow       = "busy"        // the place has room for one session, and another has it
	NotReachable = "unreachable" // there is none to be had
)
