package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	stdmail "net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall.dev/rollcall/internal/mail"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

func TestThePageOfALearnerLogsInAndCallsTheLearnerAPI(t *testing.T) {
	rollcall := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie("edx-jwt-cookie-signature"); err != nil {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = io.WriteString(w, r.Host+r.URL.Path)
	}))
	defer rollcall.Close()
	api, err := newLearnerAPI(rollcall.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(learnerAPIPath, api)
	mux.Handle("GET "+learnerPath, learnerPage(openedxtest.New(openedxtest.DemoWorld())))

	get := func(path string, cookies []*http.Cookie) (status int, content string, set []*http.Cookie) {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://lms.example"+path, http.NoBody)
		for _, cookie := range cookies {
			request.AddCookie(cookie)
		}
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, request)
		set, err := parsedCookies(answer.Header())
		if err != nil {
			t.Fatal(err)
		}
		return answer.Code, answer.Body.String(), set
	}
	_, content, cookies := get("/sandbox/learners/mlopez/?lang=de", nil)
	for _, part := range []string{`<html lang="de">`, "<rollcall-courses>", "<rollcall-mentor course=", "<rollcall-support>", "Maria Lopez"} {
		if !strings.Contains(content, part) {
			t.Errorf("the page has no %s", part)
		}
	}
	if !slices.ContainsFunc(cookies, func(c *http.Cookie) bool { return c.Name == "csrftoken" }) {
		t.Error("the browser gets no CSRF token")
	}
	if status, content, _ := get("/gk/api/learner/me/", cookies); status != http.StatusOK || content != "lms.example/gk/api/learner/me/" {
		t.Errorf("the learner API answers %d %s", status, content)
	}
	if status, _, _ := get("/sandbox/learners/nobody/", nil); status != http.StatusNotFound {
		t.Errorf("the page of nobody: %d", status)
	}
}

func parsedCookies(header http.Header) (cookies []*http.Cookie, err error) {
	for _, line := range header["Set-Cookie"] {
		cookie, err := http.ParseSetCookie(line)
		if err != nil {
			return nil, err
		}
		cookies = append(cookies, cookie)
	}
	return cookies, nil
}

func TestTheMailboxShowsWhatWasSent(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	box := &mailbox{}
	ended := make(chan error, 1)
	go func() { ended <- takeMail(ctx, listener, box) }()

	address := listener.Addr().(*net.TCPAddr)
	if err := mail.Send(ctx, mail.Server{Host: address.IP.String(), Port: address.Port, Security: mail.None}, mail.Message{
		ID: "42", Date: time.Now(), Subject: "Größe?", Text: "Wie groß ist <b>das</b>?\n",
		From: stdmail.Address{Address: "learn@example.com"}, To: stdmail.Address{Address: "dana@example.com"},
		ReplyTo: stdmail.Address{Name: "María López", Address: "maria@example.com"},
	}); err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	box.ServeHTTP(answer, nil)
	for _, part := range []string{"Größe?", "Wie groß ist &lt;b&gt;das&lt;/b&gt;?", "dana@example.com", "María López", "42@example.com"} {
		if !strings.Contains(answer.Body.String(), part) {
			t.Errorf("the mailbox does not show %s:\n%s", part, answer.Body)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
