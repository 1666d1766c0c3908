package openedxtest

import "slices"

// What the platform's own enrollment code can refuse. The texts are the names of its exceptions, which eox-core shows.
type enrollError string

const (
	errCourseNotFound enrollError = "CourseNotFoundError"
	errEnrollExists   enrollError = "CourseEnrollmentExistsError"
	errEnrollClosed   enrollError = "CourseEnrollmentClosedError"
	errEnrollFull     enrollError = "CourseEnrollmentFullError"
	errModeNotFound   enrollError = "CourseModeNotFoundError"
)

func (e enrollError) Error() string { return string(e) }

// enroll makes or reactivates an enrollment without asking whether the course is open, or there at all.
func (s *state) enroll(u *user, key, mode string) *enrollment {
	e := u.enrollments[fold(key)]
	if e == nil {
		e = &enrollment{id: s.nextEnrollmentID, user: u, key: s.storedKey(key), created: s.clock.Now()}
		s.nextEnrollmentID++
		u.enrollments[fold(key)] = e
	}
	for _, a := range s.allowancesOf(u.email, key) {
		if a.user == nil {
			a.user = u
		}
	}
	e.active, e.mode = true, mode
	return e
}

// create is the checked way to enroll: the course must exist, be open for the learner unless forced, and have room even then;
// and an enrollment that is active already is an error.
func (s *state) create(u *user, key, mode string, active *bool, caller *user, force bool) (*enrollment, error) {
	c := s.courses[fold(key)]
	switch e := u.enrollments[fold(key)]; {
	case c == nil:
		return nil, errCourseNotFound
	case !force && !s.mayEnroll(u, c, caller):
		return nil, errEnrollClosed
	case s.full(c):
		return nil, errEnrollFull
	case e != nil && e.active:
		return nil, errEnrollExists
	}
	e := s.enroll(u, key, mode)
	e.set(&mode, active)
	return e, nil
}

// set changes what is given.
func (e *enrollment) set(mode *string, active *bool) {
	if mode != nil {
		e.mode = *mode
	}
	if active != nil {
		e.active = *active
	}
}

// mayEnroll tells whether a course is open for a learner. Who was pre-enrolled may always come;
// an invitation-only course lets in whom a staff caller brings, within the enrollment window.
func (s *state) mayEnroll(u *user, c *course, caller *user) bool {
	if allowances := s.allowancesOf(u.email, c.key); len(allowances) > 0 {
		return allowances[0].user == nil || allowances[0].user == u
	}
	if u.staff {
		return true
	}
	if c.invitationOnly && !caller.staff {
		return false
	}
	now := s.clock.Now()
	return !now.Before(c.enrollmentStart) && (c.enrollmentEnd.IsZero() || !now.After(c.enrollmentEnd))
}

func (s *state) full(c *course) bool {
	if c.maxEnrollments == nil {
		return false
	}
	active := 0
	for _, u := range s.users {
		if e := u.enrollments[fold(c.key)]; e != nil && e.active {
			active++
		}
	}
	return active >= *c.maxEnrollments
}

// checkMode tells whether a course offers a mode.
func (s *state) checkMode(key, slug string, includeExpired bool) error {
	if s.courses[fold(key)] == nil {
		return errCourseNotFound
	}
	if !slices.ContainsFunc(s.modesOf(key, includeExpired), func(m mode) bool { return m.slug == slug }) {
		return errModeNotFound
	}
	return nil
}

func (s *state) allowancesOf(email, key string) []*allowance {
	var found []*allowance
	for _, a := range s.allowed {
		if fold(a.email) == fold(email) && fold(a.key) == fold(key) {
			found = append(found, a)
		}
	}
	return found
}

// takeAllowances enrolls an account that became active, or got another address, where it was pre-enrolled.
func (s *state) takeAllowances(u *user) {
	for _, a := range s.allowed {
		if !a.autoEnroll || fold(a.email) != fold(u.email) || a.user != nil && a.user != u {
			continue
		}
		if e := u.enrollments[fold(a.key)]; e == nil || !e.active {
			s.enroll(u, a.key, s.defaultMode(a.key))
		}
		a.user = u
	}
}

// storedKey is a key as the course has it: keys are found whatever the case.
func (s *state) storedKey(key string) string {
	if c := s.courses[fold(key)]; c != nil {
		return c.key
	}
	return key
}
