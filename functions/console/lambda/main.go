//go:build !js

// Command lambda is the console function on AWS Lambda. It serves the console's
// page too, from the folder page beside it in its zip.
package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"instar/functions"
	"instar/functions/console"
	"instar/shared/aws/lambda"
	"instar/shared/native"
	"instar/shared/platform"
)

func main() {
	f := console.Function()
	api := f.Fetch
	page, problem := native.Assets(os.DirFS(filepath.Join(os.Getenv("LAMBDA_TASK_ROOT"), "page")))
	f.Fetch = func(env platform.Env) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch path := r.URL.Path; {
			case strings.HasPrefix(path, "/api/"), path == "/healthz":
				api(env).ServeHTTP(w, r)
			case problem != nil:
				platform.Misconfigured(problem).ServeHTTP(w, r)
			default:
				page.ServeHTTP(w, r)
			}
		})
	}
	lambda.Serve(f, functions.Console)
}
