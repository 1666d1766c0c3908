package openedxtest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

const (
	courseOpen   = "course-v1:GK+1234A+2017" // audit and verified
	courseAudit  = "course-v1:GK+1235A+2017"
	courseClosed = "course-v1:GK+CLOSED+2017"
	courseInvite = "course-v1:GK+INVITE+2017"
	courseFull   = "course-v1:GK+FULL+2017"
	courseGhost  = "course-v1:GK+GHOST+2017"

	enrollmentPath   = "/api/enrollment/v1/enrollment"
	listPath         = "/api/enrollment/v1/enrollments"
	allowedPath      = "/api/enrollment/v1/enrollment_allowed/"
	bulkPath         = "/api/bulk_enroll/v1/bulk_enroll"
	accountsPath     = "/api/user/v1/accounts"
	registrationPath = "/api/user/v1/account/registration/"
	eoxEnrollPath    = "/eox-core/api/v1/enrollment/"
	eoxUserPath      = "/eox-core/api/v1/user/"
)

type object = map[string]any

// client asks a server as one of its OAuth2 clients.
type client struct {
	t     *testing.T
	base  string
	token string
}

// reply is what came back. A JSON body is decoded, an empty or HTML one is left out.
type reply struct {
	Status int
	Header http.Header
	Body   any
}

// start makes a server with the recorded world, no throttle unless an option sets one, and a staff client.
func start(t *testing.T, options ...openedxtest.Option) (*openedxtest.Server, *client, *clocktesting.FakePassiveClock) {
	t.Helper()
	clock := clocktesting.NewFakePassiveClock(recordingDay)
	options = append([]openedxtest.Option{openedxtest.WithThrottle(0), openedxtest.WithClock(clock)}, options...)
	lms := openedxtest.Start(t, recordedWorld(t), options...)
	return lms, logIn(t, lms, "rollcall"), clock
}

// logIn is a client of the recorded world: "rollcall", who is staff, or "plain".
func logIn(t *testing.T, lms *openedxtest.Server, name string) *client {
	t.Helper()
	c := &client{t: t, base: lms.URL}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {name}, "client_secret": {name + "-secret"}, "token_type": {"jwt"}}
	r := c.form("/oauth2/access_token", form)
	body, _ := r.Body.(object)
	c.token, _ = body["access_token"].(string)
	if c.token == "" {
		t.Fatalf("no token: %+v", r)
	}
	return c
}

func (c *client) get(path string) reply { return c.do(http.MethodGet, path, nil) }

func (c *client) post(path string, body any) reply { return c.do(http.MethodPost, path, body) }

func (c *client) do(method, path string, body any) reply {
	c.t.Helper()
	headers := http.Header{}
	text := ""
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		text = string(data)
		headers.Set("Content-Type", "application/json")
	}
	return c.send(method, path, headers, text)
}

func (c *client) form(path string, form url.Values) reply {
	c.t.Helper()
	return c.send(http.MethodPost, path, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, form.Encode())
}

func (c *client) send(method, path string, headers http.Header, body string) reply {
	c.t.Helper()
	r, err := c.try(method, path, headers, body)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

func (c *client) try(method, path string, headers http.Header, body string) (reply, error) {
	request, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	request.Header = headers
	if c.token != "" && headers.Get("Authorization") == "" {
		headers.Set("Authorization", "JWT "+c.token)
	}
	response, err := noRedirects.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return reply{}, err
	}
	r := reply{Status: response.StatusCode, Header: response.Header}
	if strings.Contains(response.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(data, &r.Body); err != nil {
			return reply{}, err
		}
	}
	return r, nil
}

// enroll is the body of an enrollment POST, with further members in turn.
func enroll(user, course string, more ...any) object {
	body := object{"user": user, "course_details": object{"course_id": course}}
	for i := 0; i < len(more); i += 2 {
		body[more[i].(string)] = more[i+1]
	}
	return body
}

func registration(username, email string) url.Values {
	return url.Values{
		"username": {username}, "email": {email}, "name": {"New Bie"}, "password": {"Qw8!zzkfp2-unusual"}, "honor_code": {"true"},
	}
}

// member follows names into an answer.
func member(v any, names ...string) any {
	for _, name := range names {
		members, _ := v.(object)
		v = members[name]
	}
	return v
}

func wantStatus(t *testing.T, what string, got reply, want int) {
	t.Helper()
	if got.Status != want {
		t.Errorf("%s: status %d, want %d (%v)", what, got.Status, want, got.Body)
	}
}

// wantEnrollment checks what the server holds, as "mode active", "mode inactive" or "none".
func wantEnrollment(t *testing.T, lms *openedxtest.Server, user, course, want string) {
	t.Helper()
	got := "none"
	if e, found := lms.Enrollment(user, course); found {
		got = e.Mode + " inactive"
		if e.Active {
			got = e.Mode + " active"
		}
	}
	if got != want {
		t.Errorf("%s in %s: %s, want %s", user, course, got, want)
	}
}

func clockAt(t time.Time) *clocktesting.FakePassiveClock { return clocktesting.NewFakePassiveClock(t) }
