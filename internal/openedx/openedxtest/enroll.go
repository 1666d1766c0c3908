package openedxtest

import "slices"

// obstacle is why the platform's enrollment code does not do something. The texts are the names of its exceptions, which eox-core shows.
type obstacle string

const (
	noObstacle     obstacle = ""
	courseNotFound obstacle = "CourseNotFoundError"
	modeNotFound   obstacle = "CourseModeNotFoundError"
	enrollExists   obstacle = "CourseEnrollmentExistsError"
	enrollClosed   obstacle = "CourseEnrollmentClosedError"
	courseFull     obstacle = "CourseEnrollmentFullError"
)

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
	s.tellOfEnrollment(e, "enrollment.created")
	return e
}

// create is the checked way to enroll: the course must exist, be open for the learner unless forced, and have room even then;
// and an enrollment that is active already is in the way.
func (s *state) create(u *user, key, mode string, active *bool, caller *user, force bool) (*enrollment, obstacle) {
	c := s.courses[fold(key)]
	switch e := u.enrollments[fold(key)]; {
	case c == nil:
		return nil, courseNotFound
	case !force && !s.mayEnroll(u, c, caller):
		return nil, enrollClosed
	case s.full(c):
		return nil, courseFull
	case e != nil && e.active:
		return nil, enrollExists
	}
	e := s.enroll(u, key, mode)
	s.set(e, &mode, active)
	return e, noObstacle
}

// set changes what is given.
func (s *state) set(e *enrollment, mode *string, active *bool) {
	if mode != nil {
		e.mode = *mode
	}
	if active != nil {
		e.active = *active
	}
	s.tellOfEnrollment(e, "enrollment.changed")
	if !e.active {
		s.tellOfEnrollment(e, "unenrollment.completed")
	}
}

// label gives an enrollment these attributes in place of those it had; nil leaves it as it is.
func (e *enrollment) label(attributes []any) {
	if attributes != nil {
		e.attributes = attributes
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
func (s *state) checkMode(key, slug string, includeExpired bool) obstacle {
	if s.courses[fold(key)] == nil {
		return courseNotFound
	}
	if !slices.ContainsFunc(s.modesOf(key, includeExpired), func(m mode) bool { return m.slug == slug }) {
		return modeNotFound
	}
	return noObstacle
}

func (s *state) allowancesOf(email, key string) []*allowance {
	var found []*allowance
	for _, a := range s.allowed[fold(email)] {
		if fold(a.key) == fold(key) {
			found = append(found, a)
		}
	}
	return found
}

// takeAllowances enrolls an account that became active, or got another address, where it was pre-enrolled.
// It comes to an end, and the platform fails, at a course that does not exist.
func (s *state) takeAllowances(u *user) (failed bool) {
	for _, a := range s.allowed[fold(u.email)] {
		if !a.autoEnroll || a.user != nil && a.user != u {
			continue
		}
		if e := u.enrollments[fold(a.key)]; e == nil || !e.active {
			if s.courses[fold(a.key)] == nil {
				return true
			}
			s.enroll(u, a.key, s.defaultMode(a.key))
		}
		a.user = u
	}
	return false
}

// allowancesFail tells whether takeAllowances would fail for an account, or for nil for a new one.
func (s *state) allowancesFail(u *user, email string) bool {
	return slices.ContainsFunc(s.allowed[fold(email)], func(a *allowance) bool {
		mine := a.autoEnroll && (a.user == nil || a.user == u)
		enrolled := u != nil && u.enrollments[fold(a.key)] != nil && u.enrollments[fold(a.key)].active
		return mine && !enrolled && s.courses[fold(a.key)] == nil
	})
}

// addAllowance notes that an address may enroll.
func (s *state) addAllowance(email, key string, autoEnroll bool) *allowance {
	a := &allowance{email: email, key: s.storedKey(key), autoEnroll: autoEnroll, created: s.clock.Now()}
	s.allowed[fold(email)] = append(s.allowed[fold(email)], a)
	return a
}

// removeAllowance tells whether there was one.
func (s *state) removeAllowance(email, key string) bool {
	before := s.allowed[fold(email)]
	after := slices.DeleteFunc(slices.Clone(before), func(a *allowance) bool { return fold(a.key) == fold(key) })
	s.allowed[fold(email)] = after
	return len(after) < len(before)
}

// storedKey is a key as the course has it: keys are found whatever the case.
func (s *state) storedKey(key string) string {
	if c := s.courses[fold(key)]; c != nil {
		return c.key
	}
	return key
}
