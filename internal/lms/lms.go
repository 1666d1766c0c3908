// Package lms is the port to a learning platform: the few things that Rollcall asks of one, in the words of the domain,
// and the classes of what can go wrong. internal/openedx is the driver behind it.
package lms

import (
	"context"
	"strings"
	"time"
)

// Platform is one learning platform, asked with one set of credentials. Its methods are safe for concurrent use, honour
// the context, and fail with an *Error. No call waits longer than a second for its turn: it fails as Throttled instead.
type Platform interface {
	// Probe checks the credentials and finds out what the platform can do.
	Probe(ctx context.Context) (Capabilities, error)

	// FindLearner gives the account that has the e-mail address, in whatever case, or nil if none shows itself.
	FindLearner(ctx context.Context, email string) (*Learner, error)

	// LookUpLearner gives the account that has the username, or nil if none has.
	LookUpLearner(ctx context.Context, username string) (*Learner, error)

	// LookUpLearners gives the accounts that have these usernames, at most MaxPage of them, in any order; who is not there is
	// left out.
	LookUpLearners(ctx context.Context, usernames []string) ([]Learner, error)

	// LookUpLearnerByID gives the account with the number, whatever it is called by now, or nil if there is none or it was
	// retired.
	LookUpLearnerByID(ctx context.Context, id int64) (*Learner, error)

	// CreateLearner makes an account and gives it back. A Conflict with reason EmailInUse means that the e-mail address
	// is taken, perhaps by a call whose answer was lost: find the learner again. One with reason AwaitingFirstLogin means
	// that no accounts are made: the learner's first login does it. AccountRetired, which is Fatal, says whose address it was.
	CreateLearner(ctx context.Context, learner NewLearner) (Learner, error)

	// SetName gives the account another full name. A Conflict with reason AccountReadOnly means that the platform does not
	// let it be changed from here.
	SetName(ctx context.Context, username, name string) error

	// SetEmail gives the account another e-mail address. It fails as SetName does, and when the address is taken as
	// CreateLearner does.
	SetEmail(ctx context.Context, username, email string) error

	// Deactivate makes the account inactive. It fails as SetName does.
	Deactivate(ctx context.Context, username string) error

	// LinkedLearners gives those of the usernames, at most MaxLinkPage of them, whose accounts are linked to the provider of
	// single sign-on. A Conflict with reason ProviderNotFound means that the platform has no provider with the id.
	LinkedLearners(ctx context.Context, providerID string, usernames []string) ([]string, error)

	// LookUpCourse gives what the platform says of a course; Conflict CourseNotFound when it has none with the key.
	LookUpCourse(ctx context.Context, courseKey string) (Course, error)

	// Enroll sees to it that the learner is actively enrolled, in the mode that is asked for if any is, and tells how
	// it came out. Doing it again changes nothing.
	Enroll(ctx context.Context, request EnrollmentRequest) (Enrollment, error)

	// ReadEnrollment tells how the learner's enrollment stands; it is blank when there is none. It changes nothing.
	ReadEnrollment(ctx context.Context, username, courseKey string) (Enrollment, error)

	// ListEnrollments gives a page of all enrollments of a course, active or not, whoever made them, the newest first. The
	// first page has no cursor.
	ListEnrollments(ctx context.Context, courseKey, cursor string) (EnrollmentPage, error)

	// ListGrades gives a page of the grades of all learners who are actively enrolled in a course, whoever enrolled them. The
	// first page has no cursor. Who has done nothing has a grade of nothing; of whom the platform cannot tell one is left out.
	ListGrades(ctx context.Context, courseKey, cursor string) (GradePage, error)

	// ReadProgress tells how much of a course the learner with the account's ID has completed, in hundredths of a percent: 0 to
	// 10,000. It costs the platform more than other calls.
	ReadProgress(ctx context.Context, courseKey string, learnerID int64) (hundredths int32, err error)

	// Withdraw sees to it that the learner is not actively enrolled. It is no error if they never were.
	Withdraw(ctx context.Context, username, courseKey string) error

	// MayPreEnroll tells whether PreEnroll would enroll the e-mail address in the course in advance, and nobody has done that
	// yet. It changes nothing, and fails as PreEnroll does.
	MayPreEnroll(ctx context.Context, email, courseKey string) (bool, error)

	// PreEnroll sees to it that whoever makes an account with the e-mail address is enrolled in the course by that. It
	// refuses a course that would not admit the learner now, and gives false where the platform cannot enroll the address in
	// advance as Enroll would later: then that has to do it. Doing it again changes nothing.
	PreEnroll(ctx context.Context, email, courseKey string) (bool, error)

	// CancelPreEnrollment takes a pre-enrollment back. It is no error if there is none. Who was enrolled by it stays so.
	CancelPreEnrollment(ctx context.Context, email, courseKey string) error

	// Refusals tells which kinds of calls the platform refuses for now, each with the time after which it is tried again; 0
	// is by the next who needs it. What is only refused because a budget is spent is not among them. It makes no call.
	Refusals() []*Error
}

// Capabilities are what a probe finds.
type Capabilities struct {
	// ServiceUser is the platform's user that the credentials act as.
	ServiceUser string
	// EoxCoreVersion is the version of the eox-core plugin, or empty without it.
	EoxCoreVersion string
	// BulkEnroll is whether the bulk enrollment API is switched on; nil where that is of no interest.
	BulkEnroll *bool
	// AccountRoute and EnrollmentRoute are the routes in use after the probe: what was asked for, or what Auto chose.
	AccountRoute, EnrollmentRoute string
}

// NewLearner is what an account is made from.
type NewLearner struct {
	// ContactID makes usernames unique when the name is taken or has no letters that a username may have.
	ContactID string
	// FirstName and LastName of the learner.
	FirstName, LastName string
	// Email address; it is sent in lower case.
	Email string
}

// FullName is the one name that a platform keeps of a learner.
func FullName(firstName, lastName string) string {
	return strings.TrimSpace(firstName + " " + lastName)
}

// Learner is an account.
type Learner struct {
	// Username of the account.
	Username string
	// ID is the account's number; 0 when the platform did not say.
	ID int64
	// Name is the full name as the platform has it.
	Name string
	// Email address as the platform has it.
	Email string
	// Active is false while the account waits for its activation.
	Active bool
}

// Course is a course run.
type Course struct {
	// Title for people.
	Title string
	// Modes that the course offers now, by slug.
	Modes []string
	// EnrollmentStart and EnrollmentEnd bound the time in which the platform admits learners; nil is unbounded.
	EnrollmentStart, EnrollmentEnd *time.Time
	// Closed is true while the platform does not admit learners, and its policy lets none in past that.
	Closed bool
}

// EnrollmentRequest asks for one learner in one course.
type EnrollmentRequest struct {
	// Username of the account and CourseKey of the course.
	Username, CourseKey string
	// Mode of the enrollment. Empty: the platform's default for a new one, and the present one is left alone.
	Mode string
	// Inactive is true when the account is known to wait for its activation.
	Inactive bool
	// OfferedModes are the modes that the course was last seen to offer; they spare a look-up.
	OfferedModes []string
}

// Enrollment is how an enrollment stands on the platform.
type Enrollment struct {
	// Mode that came out.
	Mode string
	// Active is whether the learner is enrolled.
	Active bool
}

// MaxPage is how many accounts, enrollments or grades one call tells about at most.
const MaxPage = 100

// MaxLinkPage is for how many accounts one call tells at most whether they are linked.
const MaxLinkPage = 50

// EnrollmentPage is a part of the enrollments of a course.
type EnrollmentPage struct {
	// Enrollments are at most MaxPage.
	Enrollments []LearnerEnrollment
	// Next is the cursor of the next page; empty on the last one.
	Next string
}

// LearnerEnrollment is an enrollment with its learner.
type LearnerEnrollment struct {
	// Username of the account.
	Username string
	Enrollment
}

// Grade is how far a learner has come in a course.
type Grade struct {
	// Hundredths of a percent of all graded work: 0 to 10,000.
	Hundredths int32
	// Letter by the course's own scale; empty below all of it.
	Letter string
	// Passed is whether that is enough.
	Passed bool
}

// GradePage is a part of the grades of a course.
type GradePage struct {
	// Grades are at most MaxPage.
	Grades []LearnerGrade
	// Next is the cursor of the next page; empty on the last one.
	Next string
}

// LearnerGrade is a grade with its learner.
type LearnerGrade struct {
	// Username of the account.
	Username string
	Grade
}
