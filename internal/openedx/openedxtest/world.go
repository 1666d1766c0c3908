package openedxtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// World is what a server holds before its first call. Its JSON form is that of testdata/world.json.
// Days count from the moment the server is made.
type World struct {
	Applications []Application `json:"oauth_applications"`
	Users        []UserSpec    `json:"users"`
	// LearnerPool adds numbered active accounts: l001 (l001@example.com, "Learner 001") and so on.
	LearnerPool  LearnerPool   `json:"learner_pool"`
	RetiredUsers []RetiredUser `json:"retired_users"`
	Courses      []CourseSpec  `json:"courses"`
	Settings     Settings      `json:"settings"`
}

// Application is an OAuth2 client; its tokens act as User.
type Application struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	Grant        string `json:"grant"` // only "client-credentials"
	User         string `json:"user"`
}

// UserSpec is an account that belongs to the platform's site, as one has that signed up there.
type UserSpec struct {
	Username string `json:"username"`
	Email    string `json:"email"`
	Name     string `json:"name"`
	Active   bool   `json:"active"`
	Staff    bool   `json:"staff"`
	Password string `json:"password"`
	// SecondaryEmail is a recovery address: it blocks registration with it, and no look-up shows it.
	SecondaryEmail string   `json:"secondary_email"`
	EnrolledIn     []string `json:"enrolled_in"`
}

// maxPool is how many numbered accounts there can be.
const maxPool = 100_000

// LearnerPool is how many numbered accounts there are.
type LearnerPool struct {
	Count int `json:"count"`
}

// RetiredUser is an account whose retirement was requested: the address is hashed, the username still stands.
type RetiredUser struct {
	Username string `json:"username"`
	Email    string `json:"email"`
}

// CourseSpec is a course run, from 25 October 2026 to 24 November 2027.
type CourseSpec struct {
	ID    string     `json:"id"`
	Name  string     `json:"name"`
	Modes []ModeSpec `json:"modes"` // none: the course offers the installation's default mode
	// EnrollmentStartDays and EnrollmentEndDays bound the enrollment window; nil leaves that side open.
	EnrollmentStartDays *int `json:"enrollment_start_days"`
	EnrollmentEndDays   *int `json:"enrollment_end_days"`
	InvitationOnly      bool `json:"invitation_only"`
	// MaxEnrollments is how many active enrollments the course takes; nil is no limit.
	MaxEnrollments *int `json:"max_student_enrollments_allowed"`
}

// ModeSpec is a mode a course offers: in JSON a slug, or an object when it expires.
type ModeSpec struct {
	Slug string `json:"slug"`
	// ExpirationDays is when the mode expires; nil is never.
	ExpirationDays *int `json:"expiration_days"`
}

// Settings are the platform settings that shape answers. The zero value is what the platform ships.
type Settings struct {
	DefaultCourseMode     string `json:"default_course_mode"`         // default "audit"
	SkipEmailValidation   bool   `json:"SKIP_EMAIL_VALIDATION"`       // new accounts are active at once
	RegistrationRateLimit string `json:"REGISTRATION_RATELIMIT"`      // per address, default "60/7d"
	EnableBulkEnrollment  bool   `json:"ENABLE_BULK_ENROLLMENT_VIEW"` // mounts the bulk enrollment API
}

// ParseWorld reads the JSON form of a World and checks it.
// Members it does not know are an error, so that a misspelt one is not silently without effect; only "about" may stand anywhere.
func ParseWorld(r io.Reader) (World, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return World{}, fmt.Errorf("read world: %w", err)
	}
	var raw any
	if err := json.Unmarshal(data, &raw); err != nil {
		return World{}, fmt.Errorf("read world: %w", err)
	}
	plain, err := json.Marshal(withoutAbout(raw))
	if err != nil {
		return World{}, fmt.Errorf("read world: %w", err)
	}
	var world World
	decoder := json.NewDecoder(bytes.NewReader(plain))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&world); err != nil {
		return World{}, fmt.Errorf("read world: %w", err)
	}
	return world, world.check()
}

// UnmarshalJSON takes a mode as a slug or as an object.
func (m *ModeSpec) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, &m.Slug) == nil {
		return nil
	}
	type plain ModeSpec
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decoder.Decode((*plain)(m))
}

func withoutAbout(v any) any {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "about")
		for key := range v {
			v[key] = withoutAbout(v[key])
		}
	case []any:
		for i := range v {
			v[i] = withoutAbout(v[i])
		}
	}
	return v
}

// check finds what a server could not be made of.
func (w World) check() error {
	var problems []error
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Errorf("world: "+format, args...)) }

	courses := map[string]bool{}
	for _, course := range w.Courses {
		if !validCourseKey(course.ID) {
			wrong("course %q is no course key", course.ID)
		}
		if courses[fold(course.ID)] {
			wrong("course %q is there twice", course.ID)
		}
		courses[fold(course.ID)] = true
	}
	users, emails := map[string]bool{}, map[string]bool{}
	account := func(username, email string) {
		if username == "" || email == "" {
			wrong("user %q (%q) lacks a username or an email", username, email)
		}
		if users[fold(username)] || emails[fold(email)] {
			wrong("user %q (%s) is there twice", username, email)
		}
		users[fold(username)], emails[fold(email)] = true, true
	}
	for _, user := range w.Users {
		account(user.Username, user.Email)
		for _, key := range user.EnrolledIn {
			if !courses[fold(key)] {
				wrong("user %q is enrolled in the unknown course %q", user.Username, key)
			}
		}
	}
	if n := w.LearnerPool.Count; n < 0 || n > maxPool {
		wrong("%d learners in the pool, not 0 to %d", n, maxPool)
	} else {
		for _, user := range w.pool() {
			account(user.Username, user.Email)
		}
	}
	for _, user := range w.RetiredUsers {
		account(user.Username, user.Email)
	}
	for _, app := range w.Applications {
		if !users[fold(app.User)] {
			wrong("application %q acts as the unknown user %q", app.ClientID, app.User)
		}
		if app.Grant != "client-credentials" {
			wrong("application %q has the unsupported grant %q", app.ClientID, app.Grant)
		}
	}
	if limit := w.Settings.RegistrationRateLimit; limit != "" {
		if _, err := parseRateLimit(limit); err != nil {
			wrong("REGISTRATION_RATELIMIT: %v", err)
		}
	}
	return errors.Join(problems...)
}

func (w World) pool() []UserSpec {
	var users []UserSpec
	for i := 1; i <= w.LearnerPool.Count; i++ {
		username := fmt.Sprintf("l%03d", i)
		users = append(users, UserSpec{
			Username: username,
			Email:    username + "@example.com",
			Name:     fmt.Sprintf("Learner %03d", i),
			Active:   true,
		})
	}
	return users
}

// fold is how the database compares names, addresses and course keys: without regard to case and trailing spaces.
func fold(s string) string {
	return strings.ToLower(strings.TrimRight(s, " "))
}
