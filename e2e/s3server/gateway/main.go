// Command gateway is the S3 server of the tests: versitygw, which checks
// signatures, conditions and checksums and speaks S3's XML, over a folder. What
// is our own is where a key is stored: versitygw makes every segment of a key a
// directory, and so cannot hold "a" beside "a/b" nor a segment over 255 bytes,
// which S3 can.
//
//	ROOT_ACCESS_KEY_ID=... ROOT_SECRET_ACCESS_KEY=... gateway HOST:PORT FOLDER
//
// Each folder in FOLDER is a bucket.
package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: gateway HOST:PORT FOLDER")
	}
	folder, err := posix.New(os.Args[2], meta.XattrMeta{}, posix.PosixOpts{Concurrency: 64})
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := embedgw.RunVersityGW(ctx, store{folder}, &embedgw.Config{
		RootUserAccess: os.Getenv("ROOT_ACCESS_KEY_ID"),
		RootUserSecret: os.Getenv("ROOT_SECRET_ACCESS_KEY"),
		Ports:          []string{os.Args[1]},
		MaxConnections: 256, MaxRequests: 256, MultipartMaxParts: 10_000,
		KeepAlive: true, Quiet: true,
	}); err != nil && ctx.Err() == nil {
		log.Fatal(err)
	}
}
