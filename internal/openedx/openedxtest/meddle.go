package openedxtest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// What people do behind Rollcall's back, and how a test looks at what came of it.
// These methods panic if told of a user, course or client that is not there: that is a mistake of the test.

// Account is an account as it is now.
type Account struct {
	ID                    int
	Username, Email, Name string
	Active, Staff         bool
}

// Enrollment is an enrollment as it is now.
type Enrollment struct {
	Username, Course, Mode string
	Active                 bool
	Created                time.Time
}

// Account finds an account by its username or address, in any case. A retired account has other names than before.
func (s *Server) Account(usernameOrEmail string) (Account, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[fold(usernameOrEmail)]
	if u == nil {
		u = s.emails[fold(usernameOrEmail)]
	}
	if u == nil {
		return Account{}, false
	}
	return u.export(), true
}

// Accounts are all accounts, in the order in which they were made.
func (s *Server) Accounts() []Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Account
	for _, u := range s.users {
		list = append(list, u.export())
	}
	slices.SortFunc(list, func(a, b Account) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

func (u *user) export() Account {
	return Account{ID: u.id, Username: u.username, Email: u.email, Name: u.name, Active: u.active, Staff: u.staff}
}

// Enrollment finds the enrollment of a user in a course, active or not.
func (s *Server) Enrollment(username, course string) (Enrollment, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[fold(username)]
	if u == nil || u.enrollments[fold(course)] == nil {
		return Enrollment{}, false
	}
	return u.enrollments[fold(course)].export(), true
}

// Enrollments are all enrollments of a user, newest first.
func (s *Server) Enrollments(username string) []Enrollment {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Enrollment
	for _, e := range newestFirst(s.mustUser(username)) {
		list = append(list, e.export())
	}
	return list
}

func (e *enrollment) export() Enrollment {
	return Enrollment{Username: e.user.username, Course: e.key, Mode: e.mode, Active: e.active, Created: e.created}
}

// AddCourse adds a course, or replaces the one with its key.
func (s *Server) AddCourse(spec CourseSpec) {
	if !validCourseKey(spec.ID) {
		panic(fmt.Sprintf("openedxtest: %q is no course key", spec.ID))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addCourse(spec)
}

// RemoveCourse deletes a course. Its enrollments stay behind, and its details in the platform's cache for a minute.
func (s *Server) RemoveCourse(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.courses[fold(key)] == nil {
		panic(fmt.Sprintf("openedxtest: no course %q", key))
	}
	delete(s.courses, fold(key))
}

// AddUser adds an account.
func (s *Server) AddUser(spec UserSpec) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.usernameTaken(spec.Username) || s.emailTaken(spec.Email) {
		panic(fmt.Sprintf("openedxtest: %q or %q is taken", spec.Username, spec.Email))
	}
	s.addUserOf(spec)
}

// LogInFirst is the first single sign-on of a person whom the identity server knows by this username, address and name. It
// makes an account that is active at once, and enrolls it where the address was pre-enrolled.
func (s *Server) LogInFirst(username, email, name string) {
	s.locked(func() {
		if s.usernameTaken(username) || s.emailTaken(email) {
			panic(fmt.Sprintf("openedxtest: %q or %q is taken", username, email))
		}
		u := s.addUser(username, email, name, randomHex())
		u.lastLogin = s.clock.Now()
		s.tellOfUser(u, "student.registration.completed")
		s.activate(u)
		s.tellOfUser(u, "auth.session.login.completed")
	})
}

// LogIn gives what a learner's browser holds after a login by whatever way: the cookies, and that of Django's CSRF token.
func (s *Server) LogIn(username string) []*http.Cookie {
	var cookies []*http.Cookie
	s.locked(func() {
		c := &call{Server: s, request: &http.Request{}}
		cookies = c.loggedIn(answer{}, s.mustUser(username)).cookies
		cookies = append(cookies, c.cookie(csrfCookie, randomHex()+randomHex(), sessionLifetime, false))
	})
	return cookies
}

// PreEnroll lets an address in to a course, and enrolls it there when its account becomes active.
func (s *Server) PreEnroll(email, course string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.allowancesOf(email, course)) == 0 {
		s.addAllowance(email, course, true)
	}
}

// Admit lets an address in to a course, and enrolls it nowhere.
func (s *Server) Admit(email, course string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addAllowance(email, course, false)
}

// PreEnrollments are the keys of the courses that an address was pre-enrolled in, in the order it came to that. Those that
// were used are still among them.
func (s *Server) PreEnrollments(email string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []string
	for _, a := range s.allowed[fold(email)] {
		keys = append(keys, a.key)
	}
	return keys
}

// RetireUser takes an account through the whole of retirement: username and address become hashes, the name is gone,
// the enrollments inactive. What it was called can never be registered again.
func (s *Server) RetireUser(username string) {
	s.change(username, func(u *user) {
		s.requestRetirement(u)
		s.rename(u, retiredName(u.username))
		u.name, u.profile = "", profile{}
		for _, e := range u.enrollments {
			e.active = false
		}
	})
}

// RenameUser gives an account another username.
func (s *Server) RenameUser(username, to string) {
	s.change(username, func(u *user) { s.rename(u, to) })
}

// SetEmail gives an account another address.
func (s *Server) SetEmail(username, email string) {
	s.change(username, func(u *user) { s.setEmail(u, email) })
}

// SetName gives a person another full name.
func (s *Server) SetName(username, name string) {
	s.change(username, func(u *user) { u.name = name })
}

// SetActive activates an account, with what follows of pre-enrollments, or makes it inactive.
func (s *Server) SetActive(username string, active bool) {
	s.change(username, func(u *user) {
		if active {
			s.activate(u)
		}
		u.active = active
	})
}

// SetStaff makes an account staff, or no longer.
func (s *Server) SetStaff(username string, staff bool) {
	s.change(username, func(u *user) { u.staff = staff })
}

// Enroll enrolls a user in a mode, past every check, or changes the mode.
func (s *Server) Enroll(username, course, mode string) {
	s.change(username, func(u *user) { s.enroll(u, course, mode) })
}

// Unenroll makes an enrollment inactive, as the learner can.
func (s *Server) Unenroll(username, course string) {
	s.change(username, func(u *user) {
		e := u.enrollments[fold(course)]
		if e == nil {
			panic(fmt.Sprintf("openedxtest: %q is not enrolled in %q", username, course))
		}
		s.set(e, nil, new(false))
	})
}

// Grade is what somebody has reached in a course.
type Grade struct {
	// Percent is from 0 to 1, and beyond that with extra credit.
	Percent float64
	// Letter is empty below the scale.
	Letter string
	Passed bool
}

// SetGrade gives a user a grade in a course in which they have an enrollment.
func (s *Server) SetGrade(username, course string, grade Grade) {
	s.change(username, func(u *user) {
		e := u.enrollments[fold(course)]
		if e == nil {
			panic(fmt.Sprintf("openedxtest: %q is not enrolled in %q", username, course))
		}
		e.grade, e.noGrade = grade, false
	})
}

// Progress is how many units of a course somebody has completed.
type Progress struct {
	Complete, Incomplete, Locked int
	// Hidden: the platform has no progress page of the user there.
	Hidden bool
}

// SetProgress gives a user progress in a course in which they have an enrollment.
func (s *Server) SetProgress(username, course string, progress Progress) {
	s.change(username, func(u *user) {
		e := u.enrollments[fold(course)]
		if e == nil {
			panic(fmt.Sprintf("openedxtest: %q is not enrolled in %q", username, course))
		}
		e.progress = progress
	})
}

// LoseGrade lets the platform fail to work out the grade of a user in a course: its list leaves the user out.
func (s *Server) LoseGrade(username, course string) {
	s.SetGrade(username, course, Grade{})
	s.change(username, func(u *user) { u.enrollments[fold(course)].noGrade = true })
}

// RotateClientSecret gives an OAuth2 client another secret. Tokens it has stay good.
func (s *Server) RotateClientSecret(clientID, secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	app, known := s.applications[clientID]
	if !known {
		panic(fmt.Sprintf("openedxtest: no client %q", clientID))
	}
	app.ClientSecret = secret
	s.applications[clientID] = app
}

// SetRegistrationRateLimit changes REGISTRATION_RATELIMIT, such as "60/7d". What was counted stays.
func (s *Server) SetRegistrationRateLimit(limit string) {
	if _, err := parseRateLimit(limit); err != nil {
		panic("openedxtest: " + err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settings.RegistrationRateLimit = limit
}

// RevokeTokens makes every token issued before invalid, by other signing keys and by forgetting the opaque ones.
func (s *Server) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = newKeys()
	clear(s.opaqueTokens)
}

func (s *Server) change(username string, do func(*user)) {
	s.locked(func() { do(s.mustUser(username)) })
}

// locked does something to the state, and sends the events of that.
func (s *Server) locked(do func()) {
	defer s.sendEvents()
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

func (s *state) mustUser(username string) *user {
	u := s.users[fold(username)]
	if u == nil {
		panic(fmt.Sprintf("openedxtest: no user %q", username))
	}
	return u
}
