// Serve is what the browser tests look at: a page of a learning platform with the three components, the script as Rollcall
// serves it, and a stand-in for the learner API that knows one learner (world.json). All of it is on one origin. A second
// one, of a micro-frontend, has the same page, which uses script, API and LMS of the first.
//
//	go run ./test/browser/serve
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"rollcall.dev/rollcall/webhook/learner/assets"
)

const prefix = "/gk/api/"

func main() {
	lmsOrigin, lmsListener := listen()
	mfeOrigin, mfeListener := listen()
	fmt.Println(lmsOrigin, mfeOrigin)
	go serve(mfeListener, newSite(lmsOrigin).routes())
	serve(lmsListener, cors(mfeOrigin, lmsRoutes()))
}

// lmsRoutes is what is on the host of the LMS.
func lmsRoutes() *http.ServeMux {
	mux := newSite("").routes()
	mux.HandleFunc("POST /login_refresh", refreshLogin)
	mux.Handle(prefix+"learner/assets/", assets.Handler(prefix+"learner/assets/"))
	newAPI().handle(mux)
	return mux
}

// cors lets the pages of an origin use the learner's cookies here.
func cors(allowed string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") == allowed {
			header := w.Header()
			header.Set("Access-Control-Allow-Origin", allowed)
			header.Set("Access-Control-Allow-Credentials", "true")
			header.Set("Access-Control-Allow-Headers", "Content-Type, Idempotency-Key, X-CSRFToken")
			header.Set("Access-Control-Expose-Headers", "Retry-After")
		}
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func listen() (origin string, listener net.Listener) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		fail(err)
	}
	return "http://" + listener.Addr().String(), listener
}

func serve(listener net.Listener, handler http.Handler) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Second}
	fail(server.Serve(listener))
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "serve:", err)
	os.Exit(1)
}
