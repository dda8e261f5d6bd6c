//go:build e2e && !js

package main

import (
	"net/http"
	"strconv"
	"time"
)

// tested has the clock look as if it were a given time, as Miniflare does at the
// same path. Only the build of the tests has it: a web page could ask for it.
func (h *host) tested(w http.ResponseWriter, r *http.Request) bool {
	if r.URL.Path != "/cdn-cgi/local/scheduled" {
		return false
	}
	ms, err := strconv.ParseInt(r.FormValue("time"), 10, 64)
	if err != nil || h.look(time.UnixMilli(ms)) != nil {
		w.WriteHeader(http.StatusInternalServerError)
	}
	return true
}
