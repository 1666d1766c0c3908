package openedxtest

import (
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // the platform hashes with it
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/utils/clock"
)

// Where the recorded platform's counters stood: some answers show these numbers, so a replay needs the same.
const (
	firstUserID       = 142
	firstRetirementID = 2
)

// state is the platform's database. Its methods are called with the server's lock held.
type state struct {
	clock    clock.PassiveClock
	settings Settings
	// eoxSeesAll tells that eox-core sees also accounts that are not of its site.
	eoxSeesAll bool

	users  map[string]*user // by folded username
	emails map[string]*user // by folded address
	// recovery are the secondary addresses, folded.
	recovery map[string]bool
	courses  map[string]*course
	allowed  map[string][]*allowance // by folded address, in the order they came

	applications map[string]Application

	// providers of single sign-on are switched on, and links are what they know accounts by.
	providers map[string]bool
	links     map[identity]*user

	// events are those that the openedx-webhooks plugin has not sent yet.
	events []object

	nextUserID, nextRetirementID, nextEnrollmentID int
}

type user struct {
	id              int
	username, email string
	name            string
	password        string
	active, staff   bool
	joined          time.Time
	lastLogin       time.Time // zero: never
	activationKey   string
	profile         profile
	// onSite tells that the account has a sign-up source of this site, without which eox-core does not see it.
	// Neither the stock API nor eox-core itself leaves one on the platform's default site.
	onSite bool
	// retirement is the request to retire the account, if there was one.
	retirement  *retirement
	enrollments map[string]*enrollment // by folded course key
}

// profile is what an account may tell about a person. Empty strings of an account that never filled in a form are null.
type profile struct {
	formFilled                        bool
	country, levelOfEducation, gender string
	mailingAddress, goals             string
	yearOfBirth                       int // 0: unknown
}

type retirement struct {
	id            int
	originalEmail string
}

type course struct {
	key                            string
	name                           string
	modes                          []mode
	start, end                     time.Time
	enrollmentStart, enrollmentEnd time.Time // zero: open on that side
	invitationOnly                 bool
	maxEnrollments                 *int
}

type enrollment struct {
	id         int
	user       *user
	key        string // the course may not exist: bulk enrollment does not look
	mode       string
	active     bool
	created    time.Time
	attributes []any
	grade      Grade
	noGrade    bool
	progress   Progress
}

// allowance is a pre-enrollment: an address that may enroll in a course, and does on activation if autoEnroll is set.
type allowance struct {
	email, key string
	autoEnroll bool
	created    time.Time
	user       *user // who used it
}

func newState(world World, clk clock.PassiveClock) *state {
	s := &state{
		clock:            clk,
		settings:         world.Settings,
		users:            map[string]*user{},
		emails:           map[string]*user{},
		recovery:         map[string]bool{},
		courses:          map[string]*course{},
		allowed:          map[string][]*allowance{},
		applications:     map[string]Application{},
		providers:        map[string]bool{},
		links:            map[identity]*user{},
		nextUserID:       firstUserID,
		nextRetirementID: firstRetirementID,
	}
	if s.settings.DefaultCourseMode == "" {
		s.settings.DefaultCourseMode = "audit"
	}
	if s.settings.RegistrationRateLimit == "" {
		s.settings.RegistrationRateLimit = "60/7d"
	}
	for _, spec := range world.Courses {
		s.addCourse(spec)
	}
	for _, spec := range slices.Concat(world.Users, world.pool()) {
		s.addUserOf(spec)
	}
	for _, spec := range world.RetiredUsers {
		u := s.addUser(spec.Username, spec.Email, titleCase(spec.Username), "")
		u.active, u.onSite = true, true
		s.requestRetirement(u)
	}
	for _, app := range world.Applications {
		s.applications[app.ClientID] = app
	}
	s.events = nil // Nobody was there to be told.
	return s
}

func (s *state) addUserOf(spec UserSpec) {
	u := s.addUser(spec.Username, spec.Email, spec.Name, spec.Password)
	u.active, u.staff = spec.Active, spec.Staff
	if spec.SecondaryEmail != "" {
		s.recovery[fold(spec.SecondaryEmail)] = true
	}
	u.onSite = true
	for _, key := range spec.EnrolledIn {
		s.enroll(u, key, s.defaultMode(key))
	}
}

func (s *state) addUser(username, email, name, password string) *user {
	u := &user{
		id:            s.nextUserID,
		username:      username,
		email:         email,
		name:          name,
		password:      password,
		joined:        s.clock.Now(),
		activationKey: randomHex(),
		enrollments:   map[string]*enrollment{},
	}
	s.nextUserID++
	s.users[fold(username)] = u
	s.emails[fold(email)] = u
	return u
}

// courseStart and courseEnd are those of every course. A world does not say them and answers spell them out, so they are
// the recorded ones, whatever day it is.
var (
	courseStart = time.Date(2026, time.October, 25, 11, 18, 25, 447_791_000, time.UTC)
	courseEnd   = time.Date(2027, time.November, 24, 11, 18, 25, 447_791_000, time.UTC)
)

func (s *state) addCourse(spec CourseSpec) {
	now := s.clock.Now()
	days := func(n *int) time.Time {
		if n == nil {
			return time.Time{}
		}
		return now.AddDate(0, 0, *n)
	}
	c := &course{
		key:             spec.ID,
		name:            spec.Name,
		start:           courseStart,
		end:             courseEnd,
		enrollmentStart: days(spec.EnrollmentStartDays),
		enrollmentEnd:   days(spec.EnrollmentEndDays),
		invitationOnly:  spec.InvitationOnly,
		maxEnrollments:  spec.MaxEnrollments,
	}
	for _, m := range spec.Modes {
		c.modes = append(c.modes, mode{slug: m.Slug, price: priceOf(m.Slug), expires: days(m.ExpirationDays)})
	}
	s.courses[fold(spec.ID)] = c
}

func (s *state) userByID(id int) *user {
	for _, u := range s.users {
		if u.id == id {
			return u
		}
	}
	return nil
}

// usersNamed are the accounts with these usernames, each once, in the order of the username index.
func (s *state) usersNamed(usernames []string) []*user {
	return indexed(s.users, usernames)
}

// usersAt are the accounts with these addresses, each once, in the order of the address index.
func (s *state) usersAt(emails []string) []*user {
	return indexed(s.emails, emails)
}

func indexed(index map[string]*user, wanted []string) []*user {
	found := map[string]*user{}
	for _, name := range wanted {
		if u := index[fold(name)]; u != nil {
			found[fold(name)] = u
		}
	}
	var users []*user
	for _, name := range slices.Sorted(maps.Keys(found)) {
		users = append(users, found[name])
	}
	return users
}

func (s *state) rename(u *user, username string) {
	delete(s.users, fold(u.username))
	u.username = username
	s.users[fold(username)] = u
}

// setEmail changes an address; an active account then takes the pre-enrollments of the new one.
func (s *state) setEmail(u *user, email string) {
	delete(s.emails, fold(u.email))
	u.email = email
	s.emails[fold(email)] = u
	if u.active {
		s.takeAllowances(u)
	}
}

// activate makes an account active, and its pre-enrollments enrollments. It fails where takeAllowances does; the account is active even then.
func (s *state) activate(u *user) (failed bool) {
	if u.active {
		return false
	}
	u.active = true
	return s.takeAllowances(u)
}

// usernameTaken tells whether an account has or once had the username.
func (s *state) usernameTaken(username string) bool {
	return s.users[fold(username)] != nil || s.users[retiredName(username)] != nil
}

// emailTaken tells whether an account has the address, once had it, or recovers with it.
func (s *state) emailTaken(email string) bool {
	return s.emails[fold(email)] != nil || s.recovery[fold(email)] || s.emailRetired(email)
}

func (s *state) emailRetired(email string) bool {
	return s.emails[retiredEmail(email)] != nil
}

// requestRetirement is the first stage of a retirement: the address is gone, the username still stands.
func (s *state) requestRetirement(u *user) {
	u.retirement = &retirement{id: s.nextRetirementID, originalEmail: u.email}
	s.nextRetirementID++
	u.activationKey, u.password = "", ""
	s.setEmail(u, retiredEmail(u.email))
}

func retiredName(username string) string { return "retired__user_" + retiredHash(username) }

func retiredEmail(email string) string { return retiredName(email) + "@retired.invalid" }

// retiredHash is what the platform makes of a name with the last of the salts it ships.
func retiredHash(s string) string {
	sum := sha1.Sum([]byte("123" + strings.ToLower(s))) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

func randomHex() string {
	raw := make([]byte, 16)
	rand.Read(raw)
	return hex.EncodeToString(raw)
}
