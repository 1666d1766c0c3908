package middleware_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"rollcall.dev/rollcall/webhook/middleware"
)

func TestWhatIsBeyondTheLimitIsRefusedUntilThereIsRoom(t *testing.T) {
	refuse := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	entered, leave := make(chan struct{}), make(chan struct{})
	inFlight := middleware.InFlight(2, refuse)
	slow := inFlight(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { entered <- struct{}{}; <-leave }))
	fast := inFlight(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	ask := func(h http.Handler) int {
		recorder := httptest.NewRecorder()
		h.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
		return recorder.Code
	}

	left := make(chan struct{})
	for range 2 {
		go func() { ask(slow); left <- struct{}{} }()
		<-entered
	}
	for range 3 {
		if got := ask(fast); got != http.StatusServiceUnavailable {
			t.Errorf("a third request = %d, want that it is refused", got)
		}
	}
	leave <- struct{}{}
	<-left
	if got := ask(fast); got != http.StatusOK {
		t.Errorf("a request when there is room = %d", got)
	}
	leave <- struct{}{}
	<-left
}

func TestAPanicGivesItsPlaceBack(t *testing.T) {
	h := middleware.InFlight(1, http.NotFoundHandler())(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oh") }))
	for range 2 {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the request was refused")
				}
			}()
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", http.NoBody))
		}()
	}
}

// What follows a request that was refused with its body unread is the rest of that body.
func TestTheRestOfARefusedBodyIsNoRequest(t *testing.T) {
	refuse := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	server := httptest.NewServer(middleware.InFlight(0, refuse)(http.NotFoundHandler()))
	defer server.Close()
	connection, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	answers := bufio.NewReader(connection)
	say(t, connection, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n123")
	response, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusServiceUnavailable || !response.Close {
		t.Errorf("%d, and the connection is to be closed: %v", response.StatusCode, response.Close)
	}
	say(t, connection, "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
	if err := connection.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if more, err := io.ReadAll(answers); err != nil || len(more) > 0 {
		t.Errorf("the rest of the body is answered %q, %v", more, err)
	}
}

func say(t *testing.T, connection io.Writer, words string) {
	t.Helper()
	if _, err := io.WriteString(connection, words); err != nil {
		t.Fatal(err)
	}
}
