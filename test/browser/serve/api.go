package main

import (
	_ "embed" // the world
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rollcall.dev/rollcall/webhook/problem"
)

//go:embed world.json
var worldJSON []byte

// world is whom the API knows, and what it says.
type world struct {
	ContactID string         `json:"contactID"`
	CourseKey string         `json:"courseKey"`
	Mentor    jsontext.Value `json:"mentor"`
	Support   jsontext.Value `json:"support"`
	Courses   jsontext.Value `json:"courses"`
}

// message is one that arrived.
type message struct {
	Path           string `json:"path"`
	IdempotencyKey string `json:"idempotencyKey"`
	content
}

// content is what a learner writes.
type content struct {
	Subject *string `json:"subject,omitempty"`
	Text    string  `json:"text"`
}

// The bounds of what a learner writes.
const (
	longestSubject = 200
	longestText    = 5000
	longestBody    = 64 << 10
)

// api is the stand-in for the learner API.
type api struct {
	world world

	mu       sync.Mutex
	messages []message
}

func newAPI() *api {
	a := &api{messages: []message{}}
	if err := json.Unmarshal(worldJSON, &a.world); err != nil {
		panic(err)
	}
	return a
}

func (a *api) handle(mux *http.ServeMux) {
	contact := "contacts/" + a.world.ContactID + "/"
	mentor := prefix + "mentor/" + contact + "courses/" + a.world.CourseKey + "/"
	support := prefix + "support/" + contact
	mux.HandleFunc("GET "+prefix+"learner/me/", known(answer(map[string]string{"contactID": a.world.ContactID})))
	mux.HandleFunc("GET "+prefix+"learner/"+contact+"courses/", known(answer(a.world.Courses)))
	mux.HandleFunc("GET "+mentor, known(answer(a.world.Mentor)))
	mux.HandleFunc("GET "+support, known(answer(a.world.Support)))
	mux.HandleFunc("POST "+mentor, known(a.post))
	mux.HandleFunc("POST "+support, known(a.post))
	mux.HandleFunc(prefix, known(func(w http.ResponseWriter, r *http.Request) {
		problem.NotFound("There is nothing at this path.").Write(w, r)
	}))
	mux.HandleFunc("GET /mailbox", a.getMailbox)
}

// known refuses whoever is not logged in.
func known(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie(tokenCookie); err != nil {
			problem.Unauthenticated().Write(w, r)
			return
		}
		next(w, r)
	}
}

func answer(body any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { send(w, http.StatusOK, body) }
}

func send(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "private, no-store")
	w.WriteHeader(status)
	if err := json.MarshalWrite(w, body); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// post takes a message, and the same one once.
func (a *api) post(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(csrfCookie); err != nil || r.Header.Get("X-Csrftoken") != cookie.Value {
		problem.Forbidden("The header X-CSRFToken is not what the cookie csrftoken says.").Write(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, longestBody))
	if err != nil {
		problem.TooLarge("body", longestBody).Write(w, r)
		return
	}
	arrived := message{Path: r.URL.Path, IdempotencyKey: r.Header.Get("Idempotency-Key")}
	if err := json.Unmarshal(body, &arrived.content, json.RejectUnknownMembers(true)); err != nil {
		problem.BadRequest(problem.Error{Reason: "Malformed", Detail: "The body is not a message."}).Write(w, r)
		return
	}
	if mistakes := arrived.check(); len(mistakes) > 0 {
		problem.BadRequest(mistakes...).Write(w, r)
		return
	}
	id := a.store(arrived)
	w.Header().Set("Location", prefix+"learner/contacts/"+a.world.ContactID+"/messages/"+id+"/")
	send(w, http.StatusCreated, map[string]string{"messageID": id, "state": "accepted"})
}

func (c content) check() []problem.Error {
	var mistakes []problem.Error
	if c.Subject != nil {
		if length := utf8.RuneCountInString(*c.Subject); length == 0 || length > longestSubject || strings.Contains(*c.Subject, "\n") {
			mistakes = append(mistakes, outOfBounds("subject", longestSubject))
		}
	}
	if length := utf8.RuneCountInString(c.Text); length == 0 || length > longestText {
		mistakes = append(mistakes, outOfBounds("text", longestText))
	}
	return mistakes
}

func outOfBounds(member string, longest int) problem.Error {
	return problem.Error{
		Pointer: "/" + member, Reason: "OutOfBounds", Detail: fmt.Sprintf("The %s has to have 1 to %d characters.", member, longest),
	}
}

// store keeps a message, unless it is there, and gives its ID.
func (a *api) store(arrived message) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, there := range a.messages {
		if there.IdempotencyKey == arrived.IdempotencyKey {
			return strconv.Itoa(i)
		}
	}
	a.messages = append(a.messages, arrived)
	return strconv.Itoa(len(a.messages) - 1)
}

// getMailbox shows what has arrived.
func (a *api) getMailbox(w http.ResponseWriter, _ *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	send(w, http.StatusOK, a.messages)
}
