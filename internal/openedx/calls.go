package openedx

// call names a kind of call, for the decision table, the budget and the metrics. It is never a path: paths hold
// usernames.
type call string

const (
	anyCall call = ""

	callToken               call = "token"
	callRoles               call = "roles"
	callMe                  call = "me"
	callEoxInfo             call = "eox_info"
	callEoxUserInfo         call = "eox_userinfo"
	callSearchEmails        call = "search_emails"
	callAccountByEmail      call = "account_by_email"
	callAccountByUsername   call = "account_by_username"
	callAccountByID         call = "account_by_id"
	callLinkedUsers         call = "sso_links"
	callRegister            call = "registration"
	callEoxCreateUser       call = "eox_user"
	callEoxUpdateUser       call = "eox_user_update"
	callEoxReplaceEmail     call = "eox_email_replace"
	callCourse              call = "course"
	callReadEnrollment      call = "enrollment_read"
	callListEnrollments     call = "enrollment_list"
	callListGrades          call = "grade_list"
	callProgress            call = "progress"
	callWriteEnrollment     call = "enrollment_write"
	callBulkInfo            call = "bulk_info"
	callBulkEnroll          call = "bulk_enroll"
	callReadPreEnrollments  call = "preenrollment_read"
	callPreEnroll           call = "preenrollment_write"
	callCancelPreEnroll     call = "preenrollment_delete"
	callEoxReadEnrollment   call = "eox_enrollment_read"
	callEoxWriteEnrollment  call = "eox_enrollment_write"
	callEoxWriteEnrollments call = "eox_enrollment_list"
)

var calls = []call{
	callToken, callRoles, callMe, callEoxInfo, callEoxUserInfo, callSearchEmails, callAccountByEmail, callAccountByUsername,
	callAccountByID, callLinkedUsers, callRegister, callEoxCreateUser, callEoxUpdateUser, callEoxReplaceEmail, callCourse, callReadEnrollment,
	callListEnrollments, callListGrades, callProgress, callWriteEnrollment, callBulkInfo, callBulkEnroll, callReadPreEnrollments,
	callPreEnroll, callCancelPreEnroll, callEoxReadEnrollment, callEoxWriteEnrollment, callEoxWriteEnrollments,
}

// isAside says whether nothing hangs on a call: what it shows is read now or later. That one fails, or takes too long, may be
// because of what it asks for, and says nothing of how the LMS is doing.
func (c call) isAside() bool {
	return c == callListGrades || c == callProgress || c == callLinkedUsers
}
