// Serve is what the browser tests look at: a page of a learning platform with the three components, the script as Rollcall
// serves it, and a stand-in for the learner API that knows one learner (world.json). All of it is on one origin.
//
//	go run ./test/browser/serve
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"rollcall.dev/rollcall/webhook/learner/assets"
)

const prefix = "/gk/api/"

func main() {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
	fmt.Println("http://" + listener.Addr().String())
	server := &http.Server{Handler: routes(), ReadHeaderTimeout: time.Second}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
}

func routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(prefix+"learner/assets/", assets.Handler(prefix+"learner/assets/"))
	newLMS().handle(mux)
	newAPI().handle(mux)
	return mux
}
