package openedx

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

const (
	errorPage = "<!DOCTYPE html>\n<html><title>Page Not Found | Your Platform Name Here</title></html>"
	generic   = `{"message": "An error occurred while creating the new course enrollment for user 'l003' in course 'course-v1:GK+CLOSED+2017'"}`
)

func verdict(class lms.Class, reason string) *lms.Error {
	return &lms.Error{Class: class, Reason: reason}
}

func platformWide(class lms.Class, reason string) *lms.Error {
	return &lms.Error{Class: class, Reason: reason, PlatformWide: true}
}

func waiting(wait time.Duration, e *lms.Error) *lms.Error {
	e.RetryAfter = wait
	return e
}

// The bodies are those of a running Open edX, where it was seen to give them.
var classifications = []struct {
	name   string
	call   call
	answer answer
	want   *lms.Error // without message and cause; nil is success
	cause  error
}{
	{name: "token", call: callToken, answer: answer{status: 200}},
	{name: "token: a page of another system", call: callToken, answer: answer{status: 200, cause: errors.New("no JSON")},
		want: platformWide(lms.Transient, v1alpha1.ReasonUnreachable)},
	{name: "token: an error that is no failure to HTTP", call: callToken,
		answer: answer{status: 200, body: []byte(`{"error": "invalid_client"}`), cause: errors.New("status 200 without a token")},
		want:   platformWide(lms.Transient, v1alpha1.ReasonUnreachable)},
	{name: "token: grant not allowed", call: callToken, answer: said(400, `{"error": "unauthorized_client"}`),
		want: platformWide(lms.Fatal, v1alpha1.ReasonCredentialsRefused)},
	{name: "token: wrong secret", call: callToken, answer: said(401, `{"error": "invalid_client"}`),
		want: platformWide(lms.Fatal, v1alpha1.ReasonCredentialsRefused)},
	{name: "token: limited, bare", call: callToken, answer: said(403, errorPage),
		want: waiting(time.Minute, platformWide(lms.Throttled, v1alpha1.ReasonThrottled))},
	{name: "token: limited, as a page without Retry-After", call: callToken, answer: said(429, errorPage),
		want: platformWide(lms.Throttled, v1alpha1.ReasonThrottled)},
	{name: "token: no such endpoint", call: callToken, answer: said(404, errorPage),
		want: platformWide(lms.Transient, v1alpha1.ReasonUnreachable)},
	{name: "token: server error", call: callToken, answer: said(500, errorPage),
		want: platformWide(lms.Transient, v1alpha1.ReasonUnreachable)},

	{name: "eox-core is there", call: callEoxInfo, answer: said(200, `{"version": "12.4.0", "name": "eox-core", "git": ""}`)},
	{name: "eox-core is not there", call: callEoxInfo, answer: said(404, errorPage),
		want: platformWide(lms.Fatal, v1alpha1.ReasonRouteUnavailable), cause: errAbsent},
	{name: "eox-core is not there, and another page is", call: callEoxInfo, answer: said(200, errorPage),
		want: platformWide(lms.Fatal, v1alpha1.ReasonRouteUnavailable), cause: errAbsent},
	{name: "eox-core is not there, and something else may be", call: callEoxInfo, answer: said(302, ``),
		want: platformWide(lms.Fatal, v1alpha1.ReasonRouteUnavailable), cause: errAbsent},
	{name: "eox-core: too many calls", call: callEoxInfo, answer: said(429, ``),
		want: platformWide(lms.Throttled, v1alpha1.ReasonThrottled)},
	{name: "eox-core: out of service", call: callEoxInfo, answer: said(503, errorPage),
		want: platformWide(lms.Transient, v1alpha1.ReasonUnreachable)},
	{name: "eox-core dislikes the user", call: callEoxUserInfo, answer: said(401, `{"detail": "Invalid token"}`),
		want: platformWide(lms.Fatal, v1alpha1.ReasonRouteUnavailable), cause: errPluginRefuses},

	{name: "search: not staff", call: callSearchEmails, answer: said(404, `{"developer_message": "not_found", "user_message": "Not Found"}`),
		want: platformWide(lms.Fatal, v1alpha1.ReasonNotStaff)},
	{name: "account", call: callAccountByEmail, answer: said(200, `[{"username": "ada"}]`)},
	{name: "account: none", call: callAccountByEmail, answer: said(404, ``),
		want: verdict(lms.Conflict, v1alpha1.ReasonLearnerNotFound), cause: errAbsent},
	{name: "account: none by username", call: callAccountByUsername, answer: said(404, ``),
		want: verdict(lms.Conflict, v1alpha1.ReasonLearnerNotFound), cause: errAbsent},
	{name: "account: none by number", call: callAccountByID, answer: said(404, ``),
		want: verdict(lms.Conflict, v1alpha1.ReasonLearnerNotFound), cause: errAbsent},
	{name: "account: retired", call: callAccountByEmail,
		answer: said(404, `{"error_msg": "This email is associated to a retired account.", "can_cancel_retirement": true, "retirement_id": 2}`),
		want:   verdict(lms.Fatal, v1alpha1.ReasonAccountRetired)},
	{name: "account: not staff", call: callAccountByEmail, answer: said(403, `{"detail": "You do not have permission to perform this action."}`),
		want: platformWide(lms.Fatal, v1alpha1.ReasonNotStaff)},

	{name: "links: no provider", call: callLinkedUsers, answer: said(404, `{"detail": "Not found."}`),
		want: verdict(lms.Conflict, v1alpha1.ReasonProviderNotFound)},
	{name: "links: not allowed", call: callLinkedUsers, answer: said(403, `{"detail": "You do not have permission to perform this action."}`),
		want: verdict(lms.Fatal, v1alpha1.ReasonNotStaff)},

	{name: "registration", call: callRegister, answer: said(200, `{"authenticated_user": {"username": "new1", "user_id": 269}, "success": true}`)},
	{name: "registration: blocked by a filter with 200", call: callRegister, answer: said(200, `{"error_message": [{"user_message": "no"}]}`),
		want: verdict(lms.Conflict, v1alpha1.ReasonAccountRefused)},
	{name: "registration: blocked by a filter with 403", call: callRegister, answer: said(403, `{"error_message": [{"user_message": "no"}]}`),
		want: verdict(lms.Conflict, v1alpha1.ReasonAccountRefused)},
	{name: "registration: 200 without success", call: callRegister, answer: said(200, `{}`),
		want: verdict(lms.Conflict, v1alpha1.ReasonAccountRefused)},
	{name: "registration: maintenance", call: callRegister, answer: said(200, errorPage),
		want: platformWide(lms.Transient, v1alpha1.ReasonUnreachable)},
	{name: "registration: e-mail taken", call: callRegister,
		answer: said(409, `{"email": [{"user_message": "This email is already associated with an existing account"}], "error_code": "duplicate-email"}`),
		want:   verdict(lms.Conflict, v1alpha1.ReasonEmailInUse)},
	{name: "registration: both taken", call: callRegister,
		answer: said(409, `{"email": [{"user_message": "…"}], "username": [{"user_message": "…"}], "username_suggestions": [], "error_code": "duplicate-email-username"}`),
		want:   verdict(lms.Conflict, v1alpha1.ReasonEmailInUse)},
	{name: "registration: e-mail taken, lost a race", call: callRegister,
		answer: said(409, `{"email": [{"user_message": "Es sieht so aus, als gehöre diese Adresse zu einem Konto."}]}`),
		want:   verdict(lms.Conflict, v1alpha1.ReasonEmailInUse)},
	{name: "registration: username taken", call: callRegister,
		answer: said(409, `{"username": [{"user_message": "It looks like this username is already taken"}], "username_suggestions": ["new1_8"], "error_code": "duplicate-username"}`),
		want:   verdict(lms.Conflict, v1alpha1.ReasonUsernameUnavailable), cause: errUsernameTaken},
	{name: "registration: username malformed", call: callRegister,
		answer: said(400, `{"username": [{"user_message": "Usernames can only contain letters"}], "error_code": "validation-error"}`),
		want:   verdict(lms.Fatal, v1alpha1.ReasonInvalidUsername)},
	{name: "registration: a field", call: callRegister,
		answer: said(400, `{"name": [{"user_message": "Full Name cannot contain the following characters: < >"}], "error_code": "validation-error"}`),
		want:   verdict(lms.Conflict, v1alpha1.ReasonAccountRefused)},
	{name: "registration: country", call: callRegister,
		answer: said(400, `{"country": [{"user_message": "Select your country or region of residence"}], "error_code": "invalid-country"}`),
		want:   verdict(lms.Conflict, v1alpha1.ReasonAccountRefused)},
	{name: "registration: third-party token", call: callRegister,
		answer: said(400, `{"access_token": [{"user_message": "…"}], "error_code": "tpa-missing-access-token"}`),
		want:   verdict(lms.Conflict, v1alpha1.ReasonAccountRefused)},
	{name: "registration: limited", call: callRegister, answer: said(403, `{"error_code": "forbidden-request"}`),
		want: waiting(time.Hour, platformWide(lms.Throttled, v1alpha1.ReasonRegistrationLimited))},
	{name: "registration: closed", call: callRegister, answer: said(403, `Account creation not allowed.`),
		want: waiting(time.Hour, platformWide(lms.Throttled, v1alpha1.ReasonRegistrationClosed))},
	{name: "registration: hidden", call: callRegister, answer: said(404, errorPage),
		want: waiting(time.Hour, platformWide(lms.Throttled, v1alpha1.ReasonRegistrationClosed))},
	{name: "registration: failed after the account was made", call: callRegister, answer: said(500, errorPage),
		want: verdict(lms.Transient, v1alpha1.ReasonServerError)},

	{name: "eox-core account", call: callEoxCreateUser, answer: said(200, `{"username": "eox1", "is_active": true}`)},
	{name: "eox-core account: e-mail taken", call: callEoxCreateUser,
		answer: said(400, `{"non_field_errors": ["Account already exists with the provided: email"]}`),
		want:   verdict(lms.Conflict, v1alpha1.ReasonEmailInUse)},
	{name: "eox-core account: both taken", call: callEoxCreateUser,
		answer: said(400, `{"non_field_errors": ["Account already exists with the provided: username, email"]}`),
		want:   verdict(lms.Conflict, v1alpha1.ReasonEmailInUse)},
	{name: "eox-core account: username taken", call: callEoxCreateUser,
		answer: said(400, `{"non_field_errors": ["Account already exists with the provided: username"]}`),
		want:   verdict(lms.Conflict, v1alpha1.ReasonUsernameUnavailable), cause: errUsernameTaken},
	{name: "eox-core account: username malformed", call: callEoxCreateUser, answer: said(400, `{"username": ["Invalid."]}`),
		want: verdict(lms.Fatal, v1alpha1.ReasonInvalidUsername)},
	{name: "eox-core account: a field", call: callEoxCreateUser, answer: said(400, `{"email": ["Enter a valid email address."]}`),
		want: verdict(lms.Conflict, v1alpha1.ReasonAccountRefused)},
	{name: "eox-core account: bad input", call: callEoxCreateUser, answer: said(500, errorPage),
		want: verdict(lms.Transient, v1alpha1.ReasonServerError)},
	{name: "eox-core account: no plugin", call: callEoxCreateUser, answer: said(404, errorPage),
		want: platformWide(lms.Fatal, v1alpha1.ReasonRouteUnavailable)},

	{name: "change of an account", call: callEoxUpdateUser, answer: said(200, `{"username": "ada", "name": "Ada King", "is_active": true}`)},
	{name: "change of an account: not seen", call: callEoxUpdateUser,
		answer: said(404, `{"detail": "No user found by {'username': 'eox1'} on site 127.0.0.1:18000."}`),
		want:   verdict(lms.Conflict, v1alpha1.ReasonAccountReadOnly)},
	{name: "change of an account: switched off", call: callEoxUpdateUser, answer: said(404, errorPage),
		want: verdict(lms.Conflict, v1alpha1.ReasonAccountReadOnly)},
	{name: "change of an account: staff", call: callEoxUpdateUser,
		answer: said(400, `{"detail": ["You can't update users with roles like staff or superuser."]}`),
		want:   verdict(lms.Conflict, v1alpha1.ReasonAccountReadOnly)},
	{name: "another address: taken", call: callEoxReplaceEmail,
		answer: said(400, `{"detail": ["An account already exists with the provided username or email."]}`),
		want:   verdict(lms.Conflict, v1alpha1.ReasonEmailInUse)},
	{name: "another address: several sign-up sources", call: callEoxReplaceEmail,
		answer: said(400, `{"detail": ["You can't update users with more than one sign up source."]}`),
		want:   verdict(lms.Conflict, v1alpha1.ReasonAccountReadOnly)},
	{name: "another address: not seen", call: callEoxReplaceEmail, answer: said(404, `{"detail": "No user found by …"}`),
		want: verdict(lms.Conflict, v1alpha1.ReasonAccountReadOnly)},
	{name: "another address: an old plugin", call: callEoxReplaceEmail, answer: said(404, errorPage),
		want: verdict(lms.Conflict, v1alpha1.ReasonAccountReadOnly)},
	{name: "another address: malformed", call: callEoxReplaceEmail, answer: said(400, `{"new_email": ["Enter a valid email address."]}`),
		want: verdict(lms.Fatal, v1alpha1.ReasonRequestRefused)},

	{name: "pre-enrollments", call: callReadPreEnrollments, answer: said(200, `[]`)},
	{name: "pre-enroll", call: callPreEnroll, answer: said(201, `{"email": "pre1@example.com", "auto_enroll": true}`)},
	{name: "pre-enroll: again", call: callPreEnroll, answer: said(409, `{"message": "An enrollment allowed with email … already exists."}`),
		want: verdict(lms.Transient, v1alpha1.ReasonRetrying), cause: errExists},
	{name: "pre-enroll: no course key", call: callPreEnroll, answer: said(500, errorPage),
		want: verdict(lms.Transient, v1alpha1.ReasonServerError)},
	{name: "take a pre-enrollment back", call: callCancelPreEnroll, answer: said(204, ``)},
	{name: "take a pre-enrollment back: none", call: callCancelPreEnroll,
		answer: said(404, `{"message": "An enrollment allowed with email … doesn't exists."}`),
		want:   verdict(lms.Conflict, v1alpha1.ReasonLearnerNotFound), cause: errAbsent},
	{name: "take a pre-enrollment back: a proxy", call: callCancelPreEnroll, answer: said(404, errorPage),
		want: verdict(lms.Transient, v1alpha1.ReasonUnexpectedAnswer)},

	{name: "course", call: callCourse, answer: said(200, `{"course_name": "Networking I"}`)},
	{name: "course: none", call: callCourse, answer: said(400, `{"message": "No course found for course ID 'course-v1:GK+GHOST+2017'"}`),
		want: verdict(lms.Conflict, v1alpha1.ReasonCourseNotFound)},
	{name: "course: no key", call: callCourse, answer: said(404, errorPage),
		want: verdict(lms.Conflict, v1alpha1.ReasonCourseNotFound)},

	{name: "grades: not allowed", call: callListGrades, answer: said(403, `{"developer_message": "You do not have permission to perform this action."}`),
		want: verdict(lms.Fatal, v1alpha1.ReasonNotStaff)},
	{name: "grades: no course", call: callListGrades,
		answer: said(404, `{"developer_message": "Requested grade for unknown course course-v1:GK+GHOST+2017", "error_code": "course_does_not_exist"}`),
		want:   verdict(lms.Conflict, v1alpha1.ReasonCourseNotFound)},
	{name: "grades: no such page", call: callListGrades, answer: said(404, errorPage), want: verdict(lms.Conflict, v1alpha1.ReasonCourseNotFound)},
	{name: "progress: switched off", call: callProgress, answer: said(404, `{"detail": "Not found."}`), want: verdict(lms.Conflict, v1alpha1.ReasonUnexpectedAnswer)},
	{name: "progress: not to be seen yet", call: callProgress, answer: said(403, `{"detail": "Course has not started"}`), want: verdict(lms.Conflict, v1alpha1.ReasonUnexpectedAnswer)},
	{name: "progress: nothing there", call: callProgress, answer: said(404, errorPage), want: verdict(lms.Fatal, v1alpha1.ReasonUnexpectedAnswer)},
	{name: "list enrollments: bad key", call: callListEnrollments,
		answer: said(400, `{"field_errors": {"course_id": {"developer_message": "'nonsense' is not a valid course id."}}}`),
		want:   verdict(lms.Conflict, v1alpha1.ReasonCourseNotFound)},
	{name: "read enrollment", call: callReadEnrollment, answer: said(200, `{"mode": "audit", "is_active": true}`)},
	{name: "read enrollment: none", call: callReadEnrollment, answer: said(200, ``)},
	{name: "read enrollment: error", call: callReadEnrollment, answer: said(400, `{"message": "An error occurred"}`),
		want: verdict(lms.Conflict, v1alpha1.ReasonCourseNotFound)},
	{name: "read enrollment: not staff", call: callReadEnrollment, answer: said(404, ``),
		want: platformWide(lms.Fatal, v1alpha1.ReasonNotStaff)},
	{name: "read enrollment: no key", call: callReadEnrollment, answer: said(404, errorPage),
		want: verdict(lms.Conflict, v1alpha1.ReasonCourseNotFound)},

	{name: "bulk enrollment is on", call: callBulkInfo, answer: said(405, `{"detail": "Method \"GET\" not allowed."}`)},
	{name: "bulk enrollment is off", call: callBulkInfo, answer: said(404, errorPage),
		want: platformWide(lms.Fatal, v1alpha1.ReasonRouteUnavailable), cause: errAbsent},
	{name: "bulk enrollment and a throttle", call: callBulkInfo, answer: said(429, `{"detail": "…"}`),
		want: platformWide(lms.Throttled, v1alpha1.ReasonThrottled)},
	{name: "bulk", call: callBulkEnroll, answer: said(200, `{"action": "enroll", "courses": {}}`)},
	{name: "bulk: no key", call: callBulkEnroll, answer: said(400, `{"courses": ["Course key not valid: nonsense"]}`),
		want: verdict(lms.Conflict, v1alpha1.ReasonCourseNotFound)},
	{name: "bulk: our own mistake", call: callBulkEnroll, answer: said(400, `{"identifiers": ["This field may not be blank."]}`),
		want: verdict(lms.Fatal, v1alpha1.ReasonRequestRefused)},
	{name: "bulk: switched off", call: callBulkEnroll, answer: said(404, errorPage),
		want: platformWide(lms.Fatal, v1alpha1.ReasonRouteUnavailable)},

	{name: "enroll", call: callWriteEnrollment, answer: said(200, `{"mode": "audit", "is_active": true}`)},
	{name: "enroll: mode", call: callWriteEnrollment,
		answer: said(400, `{"message": "The [None] course mode is expired or otherwise unavailable for course run [course-v1:GK+PRO+2017].", "course_details": {}}`),
		want:   verdict(lms.Conflict, v1alpha1.ReasonModeUnavailable)},
	{name: "enroll: no course", call: callWriteEnrollment, answer: said(400, `{"message": "No course 'nonsense' found for enrollment"}`),
		want: verdict(lms.Conflict, v1alpha1.ReasonCourseNotFound)},
	{name: "enroll: closed, full, not yet open", call: callWriteEnrollment, answer: said(400, generic),
		want: verdict(lms.Conflict, v1alpha1.ReasonEnrollmentClosed), cause: errClosed},
	{name: "withdraw: mode changed", call: callWriteEnrollment,
		answer: said(400, `{"message": "Enrollment mode mismatch: active mode=audit, requested mode=verified. Won't deactivate."}`),
		want:   verdict(lms.Transient, v1alpha1.ReasonRetrying), cause: errModeChanged},
	{name: "enroll: our own mistake", call: callWriteEnrollment, answer: said(400, `{"message": "'yes' is an invalid enrollment activation status."}`),
		want: verdict(lms.Fatal, v1alpha1.ReasonRequestRefused)},
	{name: "enroll: filter", call: callWriteEnrollment, answer: said(403, `{"message": "…", "localizedMessage": "…"}`),
		want: verdict(lms.Conflict, v1alpha1.ReasonEnrollmentRefused)},
	{name: "enroll: embargo", call: callWriteEnrollment, answer: said(403, `{"message": "…", "user_message_url": "/embargo"}`),
		want: verdict(lms.Conflict, v1alpha1.ReasonEnrollmentRefused)},
	{name: "enroll: may not", call: callWriteEnrollment, answer: said(403, `{"message": "User does not have permission to create enrollment with mode [verified]."}`),
		want: platformWide(lms.Fatal, v1alpha1.ReasonNotStaff)},
	{name: "enroll: not staff", call: callWriteEnrollment, answer: said(404, ``),
		want: platformWide(lms.Fatal, v1alpha1.ReasonNotStaff)},
	{name: "enroll: no account", call: callWriteEnrollment, answer: said(406, `{"message": "The user nobody does not exist."}`),
		want: verdict(lms.Conflict, v1alpha1.ReasonLearnerNotFound)},
	{name: "enroll: bad input", call: callWriteEnrollment, answer: said(500, errorPage),
		want: verdict(lms.Transient, v1alpha1.ReasonServerError)},

	{name: "eox-core read: none", call: callEoxReadEnrollment, answer: said(404, "[\"No enrollment found for user:`l022`\"]"),
		want: verdict(lms.Conflict, v1alpha1.ReasonLearnerNotFound), cause: errAbsent},
	{name: "eox-core read: account not seen", call: callEoxReadEnrollment,
		answer: said(404, `{"detail": "No user found by {'username': 'eox1'} on site 127.0.0.1:18000."}`),
		want:   verdict(lms.Conflict, v1alpha1.ReasonLearnerNotFound), cause: errHidden},
	{name: "eox-core read: no plugin", call: callEoxReadEnrollment, answer: said(404, errorPage),
		want: platformWide(lms.Fatal, v1alpha1.ReasonRouteUnavailable)},
	{name: "eox-core enroll", call: callEoxWriteEnrollment, answer: said(200, `{"username": "l020", "is_active": true, "mode": "audit"}`)},
	{name: "eox-core enroll: no plugin", call: callEoxWriteEnrollment, answer: said(404, errorPage),
		want: platformWide(lms.Fatal, v1alpha1.ReasonRouteUnavailable)},
	{name: "eox-core enroll: a 202 that is a failure", call: callEoxWriteEnrollment,
		answer: said(202, `{"username": "l020", "is_active": true, "mode": "audit", "error": {"detail": "CourseEnrollmentExistsError(''), use force to update the existing enrollment"}}`),
		want:   verdict(lms.Transient, v1alpha1.ReasonRetrying), cause: errExists},
	{name: "eox-core enroll: account not seen", call: callEoxWriteEnrollment,
		answer: said(202, `{"username": "eox1", "error": {"detail": "No user found by {'username': 'eox1'} on site learn.example.com."}}`),
		want:   verdict(lms.Conflict, v1alpha1.ReasonLearnerNotFound), cause: errHidden},
	{name: "eox-core enroll: closed", call: callEoxWriteEnrollment, answer: said(202, `{"error": {"detail": "CourseEnrollmentClosedError"}}`),
		want: verdict(lms.Conflict, v1alpha1.ReasonEnrollmentClosed), cause: errClosed},
	{name: "eox-core list", call: callEoxWriteEnrollments, answer: said(202, `[{"error": {"detail": "CourseNotFoundError('…')"}}]`)},
	{name: "eox-core list: refused", call: callEoxWriteEnrollments, answer: said(400, `[{}, {"non_field_errors": ["User not found"]}]`)},
	{name: "eox-core list: not installed", call: callEoxWriteEnrollments, answer: said(404, errorPage),
		want: platformWide(lms.Fatal, v1alpha1.ReasonRouteUnavailable)},
	{name: "eox-core enroll: full", call: callEoxWriteEnrollment, answer: said(202, `{"error": {"detail": ["CourseEnrollmentFullError"]}}`),
		want: verdict(lms.Conflict, v1alpha1.ReasonEnrollmentClosed), cause: errFull},
	{name: "eox-core enroll: no course, later", call: callEoxWriteEnrollment, answer: said(202, `{"error": {"detail": "CourseNotFoundError('…')"}}`),
		want: verdict(lms.Conflict, v1alpha1.ReasonCourseNotFound)},
	{name: "eox-core enroll: anything else with error", call: callEoxWriteEnrollment, answer: said(202, `{"error": {"detail": "Vous ne pouvez pas"}}`),
		want: verdict(lms.Conflict, v1alpha1.ReasonEnrollmentRefused)},
	{name: "eox-core enroll: a list, one of which failed", call: callEoxWriteEnrollment,
		answer: said(202, `[{"username": "l022", "is_active": true}, {"username": "l023", "error": {"detail": "CourseEnrollmentClosedError"}}]`),
		want:   verdict(lms.Conflict, v1alpha1.ReasonEnrollmentClosed), cause: errClosed},
	{name: "eox-core enroll: a list refused as a whole, an account", call: callEoxWriteEnrollment,
		answer: said(400, `[{}, {"non_field_errors": ["User not found"]}, {}, {}, {}]`),
		want:   verdict(lms.Conflict, v1alpha1.ReasonLearnerNotFound)},
	{name: "eox-core enroll: a list refused as a whole, a mode", call: callEoxWriteEnrollment,
		answer: said(400, `[{}, {}, {}, {}, {"non_field_errors": ["Mode not found"]}, {"non_field_errors": ["Mode not found"]}]`),
		want:   verdict(lms.Conflict, v1alpha1.ReasonModeUnavailable)},
	{name: "eox-core enroll: no course", call: callEoxWriteEnrollment, answer: said(400, `{"non_field_errors": ["Course not found"]}`),
		want: verdict(lms.Conflict, v1alpha1.ReasonCourseNotFound)},
	{name: "eox-core enroll: organization", call: callEoxWriteEnrollment, answer: said(400, `{"non_field_errors": ["Enrollment not allowed for given org"]}`),
		want: verdict(lms.Conflict, v1alpha1.ReasonEnrollmentRefused)},
	{name: "eox-core enroll: our own mistake", call: callEoxWriteEnrollment, answer: said(400, `{"mode": ["This field is required."]}`),
		want: verdict(lms.Fatal, v1alpha1.ReasonRequestRefused)},
	{name: "eox-core enroll: bad course key", call: callEoxWriteEnrollment, answer: said(500, errorPage),
		want: verdict(lms.Transient, v1alpha1.ReasonServerError)},

	{name: "no answer", call: callCourse, answer: answer{status: noAnswer, cause: errors.New("connection refused")},
		want: platformWide(lms.Transient, v1alpha1.ReasonUnreachable)},
	{name: "maintenance page", call: callMe, answer: said(200, errorPage),
		want: platformWide(lms.Transient, v1alpha1.ReasonUnreachable)},
	{name: "redirect", call: callMe, answer: said(301, ``),
		want: platformWide(lms.Transient, v1alpha1.ReasonUnreachable)},
	{name: "host not allowed", call: callMe, answer: said(400, "\n<!doctype html>\n<title>Bad Request (400)</title>"),
		want: platformWide(lms.Transient, v1alpha1.ReasonUnreachable)},
	{name: "token refused twice", call: callMe, answer: said(401, `{"detail": "Invalid token."}`),
		want: platformWide(lms.Fatal, v1alpha1.ReasonCredentialsRefused)},
	{name: "a proxy forbids", call: callMe, answer: said(403, errorPage),
		want: platformWide(lms.Transient, v1alpha1.ReasonUnreachable)},
	{name: "throttled, and says when", call: callRoles, answer: answer{status: 429, retryAfter: 58 * time.Second},
		want: waiting(58*time.Second, platformWide(lms.Throttled, v1alpha1.ReasonThrottled))},
	{name: "server error", call: callMe, answer: said(500, errorPage),
		want: verdict(lms.Transient, v1alpha1.ReasonServerError)},
	{name: "out of service, and says when", call: callMe, answer: answer{status: 503, retryAfter: time.Minute},
		want: waiting(time.Minute, platformWide(lms.Transient, v1alpha1.ReasonUnreachable))},
	{name: "out of service", call: callMe, answer: said(503, errorPage),
		want: platformWide(lms.Transient, v1alpha1.ReasonUnreachable)},
	{name: "bad gateway", call: callMe, answer: said(502, errorPage),
		want: platformWide(lms.Transient, v1alpha1.ReasonUnreachable)},
	{name: "gateway timeout", call: callMe, answer: said(504, errorPage),
		want: platformWide(lms.Transient, v1alpha1.ReasonUnreachable)},
	{name: "teapot", call: callMe, answer: said(418, ``),
		want: verdict(lms.Transient, v1alpha1.ReasonUnexpectedAnswer)},
}

func said(status int, body string) answer {
	a := answer{status: status, header: http.Header{"Content-Type": {"application/json"}}, body: []byte(body)}
	if strings.HasPrefix(body, "<") {
		a.header.Set("Content-Type", "text/html; charset=utf-8")
	}
	return a
}

func TestClassify(t *testing.T) {
	decided := map[*row]bool{}
	for _, test := range classifications {
		t.Run(test.name, func(t *testing.T) {
			decided[rowFor(test.call, test.answer)] = true
			got := classify(test.call, test.answer)
			if got != nil {
				if test.cause != nil && !errors.Is(got, test.cause) {
					t.Errorf("cause is %v, want %v", got.Cause, test.cause)
				}
				if !strings.HasSuffix(got.Message, ".") {
					t.Errorf("%q is no sentence", got.Message)
				}
				got = &lms.Error{Class: got.Class, Reason: got.Reason, PlatformWide: got.PlatformWide, RetryAfter: got.RetryAfter}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	for i := range table {
		if !decided[&table[i]] {
			t.Errorf("no test reaches row %d of the table: %s %d %q", i, table[i].call, table[i].status, table[i].message)
		}
	}
}

func TestClassifyNamesFieldsAndNothingElse(t *testing.T) {
	body := `{"name": [{"user_message": "Joe <Smith> is no name"}], "email": ["joe@acme.com is taken"], "joe@acme.com": ["?"], "error_code": "validation-error"}`
	got := classify(callRegister, said(400, body)).Message
	if want := "The LMS refuses the account because of the field email, name."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	got = classify(callEoxCreateUser, said(400, `{"non_field_errors": ["joe@acme.com"]}`)).Message
	if want := "The LMS refuses the account because of something that it does not name."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
