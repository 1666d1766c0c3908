package openedx

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

// What the driver itself goes on with. Each is the cause of the error of its row.
var (
	// errAbsent: there is no such account or enrollment.
	errAbsent = errors.New("there is none")
	// errHidden: eox-core does not see the account, which says nothing of whether the LMS has it.
	errHidden = errors.New("eox-core does not see the account")
	// errExists: there is an active enrollment, or a pre-enrollment, already.
	errExists = errors.New("the enrollment exists")
	// errClosed: the enrollment is refused now; one that exists may be as it is wanted all the same.
	errClosed = errors.New("enrollment is closed")
	// errFull: it is refused, as the course is full; the same holds. The stock API says errClosed of that too.
	errFull = errors.New("the course is full")
	// errModeUnavailable: the course does not offer the mode that was sent.
	errModeUnavailable = errors.New("the mode is not offered")
	// errModeChanged: the enrollment has another mode than was read just before.
	errModeChanged = errors.New("the mode has changed")
	// errUsernameTaken: another username may be free.
	errUsernameTaken = errors.New("the username is taken")
	// errPluginRefuses: eox-core is there, but not for the service user.
	errPluginRefuses = errors.New("eox-core refuses the service user")
)

// registrationPause is how long to leave registration alone once it was refused for everybody: the LMS allows few
// attempts over days, and counts refused ones too.
const registrationPause = time.Hour

// Messages that several rows share.
const (
	noProgress         = "The LMS has no progress page of the learner in the course."
	noProgressAPI      = "The LMS has no API for the progress of learners."
	unexpectedAnswer   = "The LMS answered in a way that Rollcall does not know for this call."
	asAPage            = "The LMS answers with a web page instead of data, like a system in maintenance or another host."
	notGranted         = "The LMS gives no token. If it never did, the URL may be that of another system."
	notStaff           = "The user that the LMS knows the client id by is not staff. Make the owner of the OAuth2 application a staff user."
	courseNotFound     = "The LMS has no course with this key."
	modeUnavailable    = "The course does not offer the enrollment mode, or none by default."
	enrollmentClosed   = "The LMS refuses the enrollment: the course is closed, not yet open or full, or a plug-in does not let the learner in."
	enrollmentRefused  = "A policy of the LMS refuses this learner in this course."
	learnerNotFound    = "The LMS has no account with the learner's username."
	emailInUse         = "The LMS has an account with the learner's e-mail address already."
	usernameTaken      = "The username is taken."
	invalidUsername    = "The LMS does not accept the username that Rollcall derives from the learner's name and contact ID."
	noPlugin           = "The LMS has no eox-core plugin where the route needs it. Install it, or choose another route in the LearningPlatform."
	noBulk             = "The LMS has its bulk enrollment API switched off. Set ENABLE_BULK_ENROLLMENT_VIEW there, or choose another enrollment route in the LearningPlatform."
	awaitingFirstLogin = "The learner has no account yet: the LMS makes it at the first login."
	registrationClosed = "The LMS does not let accounts be made through its registration API. Allow public account creation without third-party sign-in, or use the EoxCore route."
)

// Why the LMS does not let an account be changed, and what its administrator can do.
const (
	readOnlyByRoute = "Only the learner, single sign-on (sync_learner_profile_data at the provider) or the Django admin of the LMS changes an account, unless the LMS has eox-core and the platform the account route EoxCore."
	readOnlyHidden  = "The eox-core plugin of the LMS does not see the account. Its setting EOX_CORE_USER_ORIGIN_SITE_SOURCES must have fetch_from_unfiltered_table, or the account be changed in the Django admin."
	readOnlyNoAPI   = "The eox-core plugin of the LMS does not offer the change. It must have EOX_CORE_ENABLE_UPDATE_USERS on and be of version 12, or the account be changed in the Django admin."
	readOnlyRefused = "The eox-core plugin of the LMS refuses the change: the account is staff's, has several sign-up sources, or the attribute is not in EOX_CORE_USER_UPDATE_SAFE_FIELDS. Change it in the Django admin."
)

// row is a row of the decision table: of which answers it speaks, and what they mean.
type row struct {
	call   call    // anyCall: every one
	status int     // 0: every one
	body   matcher // nil: every one

	class        lms.Class // empty: the call has succeeded
	reason       string
	message      string
	platformWide bool
	retryAfter   time.Duration
	// namesFields appends the names of the fields that the LMS complains about.
	namesFields bool
	because     error
}

// table is the decision table. The first row that matches decides; the last ones match everything.
//
// Texts are matched only where the LMS has no key or code for the case. Those are constants of the sources, in English
// whatever the language of the site.
var table = []row{
	// The token. 400 is a client that may not use this grant, 401 a wrong id or secret.
	{call: callToken, body: all(statuses(200, 299), unreadable), class: lms.Transient, reason: v1alpha1.ReasonUnreachable, platformWide: true,
		message: notGranted},
	{call: callToken, status: 400, class: lms.Fatal, reason: v1alpha1.ReasonCredentialsRefused, platformWide: true,
		message: "The LMS does not give this client a token. Its OAuth2 application must have the grant client-credentials."},
	{call: callToken, status: 401, class: lms.Fatal, reason: v1alpha1.ReasonCredentialsRefused, platformWide: true,
		message: "The LMS does not accept the client id and secret."},
	// The bare refusal of the rate limiter, where no page of the platform is put over it.
	{call: callToken, status: 403, class: lms.Throttled, reason: v1alpha1.ReasonThrottled, platformWide: true,
		message: "The LMS gives no more tokens for now.", retryAfter: firstTokenBackoff},

	// eox-core, as the probe sees it. Where it is not, a proxy may have a page of its own for unknown paths, or send them
	// elsewhere. A 500 is the plugin's own, and a 429 says nothing of whether it is there.
	{call: callEoxInfo, body: either(all(statuses(200, 299), page), statuses(300, 428)), class: lms.Fatal, reason: v1alpha1.ReasonRouteUnavailable, platformWide: true,
		message: noPlugin, because: errAbsent},
	// The token was good for other calls just now.
	{call: callEoxUserInfo, body: statuses(401, 404), class: lms.Fatal, reason: v1alpha1.ReasonRouteUnavailable, platformWide: true,
		message: "The eox-core plugin of the LMS refuses the service user.", because: errPluginRefuses},

	// Accounts. Who is not staff is told that there is nothing to search. A retired account's address is known by a 404 that
	// has something to say.
	{call: callSearchEmails, status: 404, body: hasKey("developer_message"), class: lms.Fatal, reason: v1alpha1.ReasonNotStaff, platformWide: true,
		message: notStaff},
	{call: callAccountByEmail, status: 404, body: hasKey("error_msg"), class: lms.Fatal, reason: v1alpha1.ReasonAccountRetired,
		message: "The account with this e-mail address was retired on the LMS. Cancel the retirement there, or give the learner another address."},
	{call: callAccountByEmail, status: 404, body: empty, class: lms.Conflict, reason: v1alpha1.ReasonLearnerNotFound,
		message: "The LMS has no account with the learner's e-mail address.", because: errAbsent},
	{call: callAccountByUsername, status: 404, body: empty, class: lms.Conflict, reason: v1alpha1.ReasonLearnerNotFound,
		message: learnerNotFound, because: errAbsent},

	{call: callAccountByID, status: 404, body: empty, class: lms.Conflict, reason: v1alpha1.ReasonLearnerNotFound,
		message: "The LMS has no account with the learner's number.", because: errAbsent},

	// Links to single sign-on, which are shown and on which nothing hangs. An LMS without third-party sign-on does not have the address.
	{call: callLinkedUsers, status: 404, class: lms.Conflict, reason: v1alpha1.ReasonProviderNotFound,
		message: "The LMS has no enabled provider of single sign-on with the id that spec.learners.ssoProviderID says, or its third-party sign-on is switched off."},
	{call: callLinkedUsers, status: 403, class: lms.Fatal, reason: v1alpha1.ReasonNotStaff,
		message: "The LMS does not let the service user see who is linked to single sign-on."},

	// Registration. A request that a plug-in filter stops may well come back as a 200: only success is success.
	{call: callRegister, status: 200, body: hasTrue("success")},
	{call: callRegister, body: hasKey("error_message"), class: lms.Conflict, reason: v1alpha1.ReasonAccountRefused,
		message: "A policy of the LMS refuses the account."},
	{call: callRegister, status: 200, body: not(page), class: lms.Conflict, reason: v1alpha1.ReasonAccountRefused,
		message: "The LMS answered the registration without making an account."},
	// Its codes are duplicate-email, duplicate-username and duplicate-email-username; a race that slips past the check
	// has other texts, and the same keys.
	{call: callRegister, status: 409, body: hasKey("email"), class: lms.Conflict, reason: v1alpha1.ReasonEmailInUse,
		message: emailInUse},
	{call: callRegister, status: 409, body: hasKey("username"), class: lms.Conflict, reason: v1alpha1.ReasonUsernameUnavailable,
		message: usernameTaken, because: errUsernameTaken},
	{call: callRegister, status: 400, body: hasKey("username"), class: lms.Fatal, reason: v1alpha1.ReasonInvalidUsername,
		message: invalidUsername},
	{call: callRegister, status: 400, body: hasKey("error_code"), class: lms.Conflict, reason: v1alpha1.ReasonAccountRefused,
		message: "The LMS refuses the account because of", namesFields: true},
	{call: callRegister, status: 403, body: says("error_code", "forbidden-request"), class: lms.Throttled,
		reason: v1alpha1.ReasonRegistrationLimited, platformWide: true, retryAfter: registrationPause,
		message: "The LMS's limit on new accounts is reached. Raise REGISTRATION_RATELIMIT there, or use the EoxCore route."},
	// What is closed is asked for again as seldom as what is limited, as each attempt counts.
	{call: callRegister, status: 403, class: lms.Throttled, reason: v1alpha1.ReasonRegistrationClosed, platformWide: true,
		retryAfter: registrationPause, message: registrationClosed},
	{call: callRegister, status: 404, class: lms.Throttled, reason: v1alpha1.ReasonRegistrationClosed, platformWide: true,
		retryAfter: registrationPause, message: "The LMS has no registration API at its place; a proxy may hide it."},

	// Accounts by eox-core, which has no codes. "Account already exists with the provided: username, email".
	{call: callEoxCreateUser, status: 400, body: all(says("non_field_errors", "already exists"), says("non_field_errors", "email")),
		class: lms.Conflict, reason: v1alpha1.ReasonEmailInUse, message: emailInUse},
	{call: callEoxCreateUser, status: 400, body: all(says("non_field_errors", "already exists"), says("non_field_errors", "username")),
		class: lms.Conflict, reason: v1alpha1.ReasonUsernameUnavailable, message: usernameTaken, because: errUsernameTaken},
	{call: callEoxCreateUser, status: 400, body: hasKey("username"), class: lms.Fatal, reason: v1alpha1.ReasonInvalidUsername,
		message: invalidUsername},
	{call: callEoxCreateUser, status: 400, body: not(page), class: lms.Conflict, reason: v1alpha1.ReasonAccountRefused,
		message: "The LMS refuses the account because of", namesFields: true},
	{call: callEoxCreateUser, status: 404, class: lms.Fatal, reason: v1alpha1.ReasonRouteUnavailable, platformWide: true,
		message: noPlugin},

	// Changes of accounts by eox-core. Its 404 is an object where it does not see the account, and a page where the setting
	// or the version lacks the view. A refusal by its rules is the text at "detail".
	{call: callEoxUpdateUser, status: 404, body: hasKey("detail"), class: lms.Conflict, reason: v1alpha1.ReasonAccountReadOnly, message: readOnlyHidden},
	{call: callEoxUpdateUser, status: 404, class: lms.Conflict, reason: v1alpha1.ReasonAccountReadOnly, message: readOnlyNoAPI},
	{call: callEoxUpdateUser, status: 400, body: hasKey("detail"), class: lms.Conflict, reason: v1alpha1.ReasonAccountReadOnly, message: readOnlyRefused},
	{call: callEoxReplaceEmail, status: 404, body: hasKey("detail"), class: lms.Conflict, reason: v1alpha1.ReasonAccountReadOnly, message: readOnlyHidden},
	{call: callEoxReplaceEmail, status: 404, class: lms.Conflict, reason: v1alpha1.ReasonAccountReadOnly, message: readOnlyNoAPI},
	{call: callEoxReplaceEmail, status: 400, body: says("detail", "already exists"), class: lms.Conflict, reason: v1alpha1.ReasonEmailInUse, message: emailInUse},
	{call: callEoxReplaceEmail, status: 400, body: hasKey("detail"), class: lms.Conflict, reason: v1alpha1.ReasonAccountReadOnly, message: readOnlyRefused},

	// Courses. What is no course key at all is not even a path of the LMS, hence the 404.
	{call: callCourse, status: 400, body: not(page), class: lms.Conflict, reason: v1alpha1.ReasonCourseNotFound, message: courseNotFound},
	{call: callCourse, status: 404, class: lms.Conflict, reason: v1alpha1.ReasonCourseNotFound, message: courseNotFound},

	// Enrollments, stock. An empty 404 hides from a user who is not staff whether the other one exists.
	{call: callReadEnrollment, status: 400, body: not(page), class: lms.Conflict, reason: v1alpha1.ReasonCourseNotFound, message: courseNotFound},
	{call: callReadEnrollment, status: 404, body: empty, class: lms.Fatal, reason: v1alpha1.ReasonNotStaff, platformWide: true, message: notStaff},
	{call: callReadEnrollment, status: 404, body: page, class: lms.Conflict, reason: v1alpha1.ReasonCourseNotFound, message: courseNotFound},
	{call: callListEnrollments, status: 400, body: hasKey("field_errors"), class: lms.Conflict, reason: v1alpha1.ReasonCourseNotFound,
		message: courseNotFound},
	// Grades are shown, and nothing hangs on them: that they cannot be read is no fault of the platform as a whole.
	{call: callListGrades, status: 403, class: lms.Fatal, reason: v1alpha1.ReasonNotStaff, message: "The LMS does not let the service user read grades."},
	{call: callListGrades, status: 404, class: lms.Conflict, reason: v1alpha1.ReasonCourseNotFound, message: "The LMS has no grades of a course with this key."},
	// A course may not show it at all, or not to this learner, and then not to staff either.
	{call: callProgress, status: 403, body: not(page), class: lms.Conflict, reason: v1alpha1.ReasonUnexpectedAnswer, message: noProgress},
	{call: callProgress, status: 404, body: not(page), class: lms.Conflict, reason: v1alpha1.ReasonUnexpectedAnswer, message: noProgress},
	{call: callProgress, status: 404, body: page, class: lms.Fatal, reason: v1alpha1.ReasonUnexpectedAnswer, message: noProgressAPI},
	{call: callWriteEnrollment, status: 400, body: hasKey("course_details"), class: lms.Conflict, reason: v1alpha1.ReasonModeUnavailable,
		message: modeUnavailable},
	{call: callWriteEnrollment, status: 400, body: says("message", "No course "), class: lms.Conflict, reason: v1alpha1.ReasonCourseNotFound,
		message: courseNotFound},
	{call: callWriteEnrollment, status: 400, body: says("message", "Enrollment mode mismatch"), class: lms.Transient,
		reason: v1alpha1.ReasonRetrying, message: "The enrollment's mode changed while it was being withdrawn.", because: errModeChanged},
	// One sentence for closed, not yet open, full and refused by a hook.
	{call: callWriteEnrollment, status: 400, body: says("message", "An error occurred while creating the new course enrollment"),
		class: lms.Conflict, reason: v1alpha1.ReasonEnrollmentClosed, message: enrollmentClosed, because: errClosed},
	// A filter answers with a localized message, the embargo with a page for the learner.
	{call: callWriteEnrollment, status: 403, body: hasKey("localizedMessage", "user_message_url"), class: lms.Conflict,
		reason: v1alpha1.ReasonEnrollmentRefused, message: enrollmentRefused},
	{call: callWriteEnrollment, status: 404, body: empty, class: lms.Fatal, reason: v1alpha1.ReasonNotStaff, platformWide: true, message: notStaff},
	{call: callWriteEnrollment, status: 406, class: lms.Conflict, reason: v1alpha1.ReasonLearnerNotFound, message: learnerNotFound},

	// Bulk enrollment. That it does not take a GET says that it is there; where it is not, a proxy may have a page of its own.
	{call: callBulkInfo, status: 405},
	{call: callBulkInfo, body: either(all(statuses(200, 299), page), statuses(300, 404)), class: lms.Fatal, reason: v1alpha1.ReasonRouteUnavailable,
		platformWide: true, message: noBulk, because: errAbsent},
	{call: callBulkEnroll, status: 400, body: hasKey("courses"), class: lms.Conflict, reason: v1alpha1.ReasonCourseNotFound,
		message: courseNotFound},
	{call: callBulkEnroll, status: 404, class: lms.Fatal, reason: v1alpha1.ReasonRouteUnavailable, platformWide: true, message: noBulk},

	// Pre-enrollments: there is one already, and there is none.
	{call: callPreEnroll, status: 409, class: lms.Transient, reason: v1alpha1.ReasonRetrying,
		message: "The e-mail address is enrolled in advance already.", because: errExists},
	{call: callCancelPreEnroll, status: 404, body: not(page), class: lms.Conflict, reason: v1alpha1.ReasonLearnerNotFound,
		message: "The e-mail address is not enrolled in advance.", because: errAbsent},

	// A list of enrollments by eox-core is answered by a list, also if it is refused, in which each item tells of itself.
	{call: callEoxWriteEnrollments, status: 400, body: list},
	{call: callEoxWriteEnrollments, status: 404, class: lms.Fatal, reason: v1alpha1.ReasonRouteUnavailable, platformWide: true, message: noPlugin},

	// Enrollments by eox-core. Its 404 is a list where the enrollment is missing, an object where it does not see the
	// account, and a page where it is not installed.
	{call: callEoxReadEnrollment, status: 404, body: list, class: lms.Conflict, reason: v1alpha1.ReasonLearnerNotFound,
		message: "The learner has no enrollment in this course.", because: errAbsent},
	{call: callEoxReadEnrollment, status: 404, body: hasKey("detail"), class: lms.Conflict, reason: v1alpha1.ReasonLearnerNotFound,
		message: learnerNotFound, because: errHidden},
	{call: callEoxReadEnrollment, status: 404, class: lms.Fatal, reason: v1alpha1.ReasonRouteUnavailable, platformWide: true, message: noPlugin},
	{call: callEoxWriteEnrollment, status: 404, class: lms.Fatal, reason: v1alpha1.ReasonRouteUnavailable, platformWide: true, message: noPlugin},
	// What does not pass validation is a 400, and a list with one such item is refused as a whole.
	{call: callEoxWriteEnrollment, status: 400, body: says("non_field_errors", "User not found"), class: lms.Conflict,
		reason: v1alpha1.ReasonLearnerNotFound, message: learnerNotFound},
	{call: callEoxWriteEnrollment, status: 400, body: says("non_field_errors", "Mode not found", "Invalid mode given"), class: lms.Conflict,
		reason: v1alpha1.ReasonModeUnavailable, message: modeUnavailable, because: errModeUnavailable},
	{call: callEoxWriteEnrollment, status: 400, body: says("non_field_errors", "Course not found"), class: lms.Conflict,
		reason: v1alpha1.ReasonCourseNotFound, message: courseNotFound},
	{call: callEoxWriteEnrollment, status: 400, body: says("non_field_errors", "not allowed for given org"), class: lms.Conflict,
		reason: v1alpha1.ReasonEnrollmentRefused, message: "The eox-core plugin of the LMS does not allow enrollments in courses of this organization."},
	// What fails after that is a 202 with an error, whose detail is the text or the class of a Python exception.
	{call: callEoxWriteEnrollment, status: 202, body: errorSays("use force"), class: lms.Transient, reason: v1alpha1.ReasonRetrying,
		message: "The enrollment changed while it was being written.", because: errExists},
	{call: callEoxWriteEnrollment, status: 202, body: errorSays("No user found by"), class: lms.Conflict,
		reason: v1alpha1.ReasonLearnerNotFound, message: learnerNotFound, because: errHidden},
	{call: callEoxWriteEnrollment, status: 202, body: errorSays("EnrollmentClosed"), class: lms.Conflict,
		reason: v1alpha1.ReasonEnrollmentClosed, message: enrollmentClosed, because: errClosed},
	{call: callEoxWriteEnrollment, status: 202, body: errorSays("EnrollmentFull", "CourseFull"), class: lms.Conflict,
		reason: v1alpha1.ReasonEnrollmentClosed, message: enrollmentClosed, because: errFull},
	{call: callEoxWriteEnrollment, status: 202, body: errorSays("CourseNotFound", "NonExistentCourse"), class: lms.Conflict,
		reason: v1alpha1.ReasonCourseNotFound, message: courseNotFound},
	{call: callEoxWriteEnrollment, status: 202, body: hasKey("error"), class: lms.Conflict, reason: v1alpha1.ReasonEnrollmentRefused,
		message: enrollmentRefused},

	// Whatever the call was.
	{status: noAnswer, class: lms.Transient, reason: v1alpha1.ReasonUnreachable, platformWide: true,
		message: "The LMS does not answer."},
	{body: all(statuses(200, 299), page), class: lms.Transient, reason: v1alpha1.ReasonUnreachable, platformWide: true,
		message: asAPage},
	{body: statuses(200, 299)},
	{body: statuses(300, 399), class: lms.Transient, reason: v1alpha1.ReasonUnreachable, platformWide: true,
		message: "The LMS redirects its API. The URL must be the one that answers itself."},
	// Django has a page for a host that is not in ALLOWED_HOSTS, proxies have theirs.
	{status: 400, body: page, class: lms.Transient, reason: v1alpha1.ReasonUnreachable, platformWide: true,
		message: "The LMS answers with an error page instead of data. Its ALLOWED_HOSTS must have the host of the URL."},
	{status: 400, class: lms.Fatal, reason: v1alpha1.ReasonRequestRefused,
		message: "The LMS calls the request wrong."},
	{status: 401, class: lms.Fatal, reason: v1alpha1.ReasonCredentialsRefused, platformWide: true,
		message: "The LMS does not accept a token that it has just given."},
	{status: 403, body: page, class: lms.Transient, reason: v1alpha1.ReasonUnreachable, platformWide: true,
		message: "The LMS, or a proxy before it, forbids the call with an error page."},
	{status: 403, class: lms.Fatal, reason: v1alpha1.ReasonNotStaff, platformWide: true, message: notStaff},
	{status: 429, class: lms.Throttled, reason: v1alpha1.ReasonThrottled, platformWide: true,
		message: "The LMS takes no more calls for now."},
	{call: callToken, body: statuses(404, 500), class: lms.Transient, reason: v1alpha1.ReasonUnreachable, platformWide: true,
		message: notGranted},
	// A retry never heals the 500 for input that the LMS cannot digest; the caller counts.
	{status: 500, class: lms.Transient, reason: v1alpha1.ReasonServerError,
		message: "The LMS failed on this request."},
	{body: statuses(501, 599), class: lms.Transient, reason: v1alpha1.ReasonUnreachable, platformWide: true,
		message: "The LMS is out of service."},
	{class: lms.Transient, reason: v1alpha1.ReasonUnexpectedAnswer, message: unexpectedAnswer},
}

// rowFor finds the row that decides.
func rowFor(name call, a answer) *row {
	i := slices.IndexFunc(table, func(r row) bool {
		return (r.call == anyCall || r.call == name) && (r.status == 0 || r.status == a.status) && (r.body == nil || r.body(a))
	})
	return &table[i]
}

// classify looks an answer up in the table; nil is a success.
func classify(name call, a answer) *lms.Error {
	r := rowFor(name, a)
	if r.class == "" {
		return nil
	}
	failure := &lms.Error{
		Class:        r.class,
		Reason:       r.reason,
		Message:      r.message,
		PlatformWide: r.platformWide && (r.class == lms.Throttled || !name.isAside()),
		RetryAfter:   r.retryAfter,
	}
	if r.namesFields {
		failure.Message += " " + fields(a) + "."
	}
	if a.retryAfter > 0 {
		failure.RetryAfter = a.retryAfter
	}
	switch {
	case r.because != nil:
		failure.Cause = fmt.Errorf("%s: %w", name, r.because)
	case a.cause != nil:
		failure.Cause = fmt.Errorf("%s: %w", name, a.cause)
	default:
		failure.Cause = fmt.Errorf("%s: status %d", name, a.status)
	}
	return failure
}

// fieldName is what a field of a form is called; anything else in an answer might be what somebody typed in.
var fieldName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// fields names the fields that the LMS complains about.
func fields(a answer) string {
	var names []string
	for key := range a.object() {
		if key != "error_code" && key != "non_field_errors" && fieldName.MatchString(key) {
			names = append(names, key)
		}
	}
	if len(names) == 0 {
		return "something that it does not name"
	}
	slices.Sort(names)
	return "the field " + strings.Join(names, ", ")
}
