// Command get prints what is at a URL, for jobs of the tests: busybox's own wget
// does not survive in a static busybox.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

func main() {
	answer, err := (&http.Client{Timeout: 10 * time.Second}).Get(os.Args[1])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(answer.StatusCode)
	io.Copy(os.Stdout, answer.Body)
}
