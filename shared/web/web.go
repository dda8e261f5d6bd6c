// Package web reads the web for the model: pages by their address, and what a
// search finds.
//
// Whatever comes back is the word of strangers, and marked so in its first
// line; that it is treated so is for package policy. Here it is cut down to
// what a person would see (packages article, feed, pdf, visible): nothing is
// executed, nothing embedded is fetched, no cookie is sent or kept.
//
// Where a request may go is checked at each step: the address before each
// request and each redirect (CheckURL); the resolved address where sockets are
// ours (Direct). Elsewhere the platform resolves, and sends to the internet at
// large only (platform.Env).
//
// The readers are thin ones of our own, because size is cold-start time and
// because none of the libraries bounds what a hostile page makes it do; the
// libraries are the judges in the tests. Sizes that each adds to a Wasm module
// of 5.22 MB with net/http's types (Go 1.26, -s -w):
//
//	this package, whole                               0.96 MB (in the agent 0.72 MB, gzip 0.19 MB)
//	go-readability v2.1.3                             3.20 MB
//	gofeed v1.4.2                                     2.74 MB
//	html-to-markdown v2.5.2                           1.47 MB
//	x/net/html/charset (the encodings of the web)     0.94 MB
//	ledongthuc/pdf · dslipak/pdf                      0.56 · 0.54 MB
//	x/net/html, whose entities are a map made at start 0.43 MB
//	encoding/xml                                      0.12 MB
//	all five libraries together                       4.79 MB
//
// A fresh instance of that module starts and ends in 19.6 ms of CPU, with this
// package in 23.1 ms, with the five libraries in 44.0 ms; the agent in 26.5 ms
// without this package and 26.8 ms with it, which is within the noise. Medians
// of 25 fresh instances of one compiled module, Node 24, on 2 cores that were
// busy with other work: about twice what idle ones take, so read them against
// each other.
//
// Against go-readability on the 134 real pages that it is tested with: 99.4 %
// of the words it gives are given here, and 90.2 % of those given here are
// among its own (59.5 % if the whole page were given).
package web
