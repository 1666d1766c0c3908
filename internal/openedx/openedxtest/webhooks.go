package openedxtest

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// webhook is a row of the openedx-webhooks plugin: where it sends events to.
type webhook struct {
	address string
	client  *http.Client
	asForm  bool
}

// webhookTimeout is for how long the plugin waits for an answer; the call that caused the event waits with it.
const webhookTimeout = 10 * time.Second

// SendEvents has the openedx-webhooks plugin send the events of enrollments, registrations and logins to an address, as a
// form or in JSON. It does so within the call that caused them, once, and whatever the answer is.
func (s *Server) SendEvents(address string, client *http.Client, asForm bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.webhooks = append(s.webhooks, webhook{address, client, asForm})
}

// tellOfEnrollment notes an event of an enrollment as it is now.
func (s *state) tellOfEnrollment(e *enrollment, kind string) {
	var name string
	if course := s.courses[fold(e.key)]; course != nil {
		name = course.name
	}
	s.tell("openedx_events.learning.data.CourseEnrollmentData", "org.openedx.learning.course."+kind+".v1", object{
		"user":      userData(e.user),
		"course":    object{"course_key": e.key, "display_name": name, "start": nil, "end": nil},
		"mode":      e.mode,
		"is_active": e.active, "creation_date": timestamp(e.created), "created_by": nil,
	})
}

// tellOfUser notes an event of an account.
func (s *state) tellOfUser(u *user, kind string) {
	s.tell("openedx_events.learning.data.UserData", "org.openedx.learning."+kind+".v1", userData(u))
}

func (s *state) tell(class, kind string, data object) {
	s.events = append(s.events, object{class: data, "event_metadata": object{
		"event_type": kind, "minorversion": json.Number("0"), "source": "openedx/lms/web", "time": timestamp(s.clock.Now()),
	}})
}

func userData(u *user) object {
	return object{"id": json.Number(strconv.Itoa(u.id)), "is_active": u.active, "pii": object{"username": u.username, "email": u.email, "name": u.name}}
}

// sendEvents sends what was noted. It is called without the lock.
func (s *Server) sendEvents() {
	s.mu.Lock()
	events, webhooks := s.events, s.webhooks
	s.events = nil
	s.mu.Unlock()
	for _, event := range events {
		for _, hook := range webhooks {
			hook.send(event)
		}
	}
}

func (h webhook) send(event object) {
	ctx, cancel := context.WithTimeout(context.Background(), webhookTimeout)
	defer cancel()
	body, err := json.Marshal(event)
	mediaType := "application/json"
	if h.asForm {
		form := url.Values{}
		flatten("", event, form)
		body, mediaType = []byte(form.Encode()), "application/x-www-form-urlencoded"
	}
	if err != nil {
		return
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.address, bytes.NewReader(body))
	if err != nil {
		return
	}
	request.Header.Set("Content-Type", mediaType)
	request.Header.Set("Accept", "text/plain")
	if response, err := h.client.Do(request); err == nil {
		_ = response.Body.Close()
	}
}

// flatten joins the names of nested members with _, and writes values as Python does.
func flatten(prefix string, members object, form url.Values) {
	for name, value := range members {
		if prefix != "" {
			name = strings.Join([]string{prefix, name}, "_")
		}
		if nested, ok := value.(object); ok {
			flatten(name, nested, form)
		} else {
			form.Set(name, pyString(value))
		}
	}
}
