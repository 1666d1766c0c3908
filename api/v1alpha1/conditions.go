package v1alpha1

// Condition types. Ready is always there once an object has been looked at; the others are present only while they
// are True, so that kstatus, `kubectl wait` and GitOps health checks read every kind without a plug-in. Only ProfileInSync and
// SSOLinked have something to say when they are False.
const (
	// ConditionReady is True while Open edX is as the object says, at the observed generation. Its reason is the
	// object's state, as the STATE column shows it.
	ConditionReady = "Ready"
	// ConditionReconciling is True while work is left that Rollcall goes on with by itself.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is True when only a change of the object, of its platform or a request for a new attempt
	// helps: a person has to act.
	ConditionStalled = "Stalled"
	// ConditionConflict is True when the object disagrees with something else, such as a course that does not exist.
	// It heals by itself when the cause goes away.
	ConditionConflict = "Conflict"
	// ConditionProfileInSync is on a Contact with an account. False: name or e-mail address differ on the LMS, where
	// Rollcall cannot change them; the message says which, and what an administrator can do. Ready does not depend on it.
	ConditionProfileInSync = "ProfileInSync"
	// ConditionSSOLinked is on a Contact with an account where the platform names its ssoProviderID. True: the learner has signed on
	// through the provider, and the LMS links the two. False is no fault: nobody has signed on yet. Ready does not depend on it.
	ConditionSSOLinked = "SSOLinked"
	// ConditionSSOLinksUnknown is True on a LearningPlatform while the LMS does not tell who is linked to its ssoProviderID. Ready
	// does not depend on it.
	ConditionSSOLinksUnknown = "SSOLinksUnknown"
	// ConditionThrottled is True on a LearningPlatform while the LMS takes no calls of some kind for a time; the message says
	// which. That Rollcall's own call budget is spent does not show here. Ready does not depend on it.
	ConditionThrottled = "Throttled"
	// ConditionRegistrationLimited is True on a LearningPlatform while the LMS's limit on new accounts, or a setting that
	// forbids them, holds learners up: from the refusal until an account is made again.
	ConditionRegistrationLimited = "RegistrationLimited"
	// ConditionRemovalsHeld is True on a LearningPlatform while withdrawals wait for somebody to release them.
	ConditionRemovalsHeld = "RemovalsHeld"
)

// Reasons of Ready that say how far the work is.
const (
	// ReasonSynced: Open edX is as the object says.
	ReasonSynced = "Synced"
	// ReasonQueued: the work has not been tried yet.
	ReasonQueued = "Queued"
	// ReasonRetrying: an attempt failed for a passing reason; the next one is planned.
	ReasonRetrying = "Retrying"
	// ReasonThrottled: the platform's call budget is spent; the work goes on when it allows.
	ReasonThrottled = "Throttled"
	// ReasonPlatformUnavailable: the LearningPlatform is missing or not Ready; the object waits, at no attempt's cost.
	ReasonPlatformUnavailable = "PlatformUnavailable"
	// ReasonRegistrationLimited: the LMS's limit on new accounts is reached; REGISTRATION_RATELIMIT has to be raised there.
	ReasonRegistrationLimited = "RegistrationLimited"
	// ReasonRegistrationClosed: the LMS's settings forbid that accounts are made through its API.
	ReasonRegistrationClosed = "RegistrationClosed"
	// ReasonUnexpectedAnswer is the reason of a failed attempt: the LMS answered in a way that Rollcall does not know for
	// this call. It is retried.
	ReasonUnexpectedAnswer = "UnexpectedAnswer"
	// ReasonAwaitingFirstLogin: the learner has no account yet; the first login makes it, and enrolls the learner where that
	// was done in advance.
	ReasonAwaitingFirstLogin = "AwaitingFirstLogin"
	// ReasonWouldCreate: the platform is only observed; the learner has no account, and one would be made.
	ReasonWouldCreate = "WouldCreate"
	// ReasonWouldEnroll: the platform is only observed; the learner is not enrolled as sold, and would be.
	ReasonWouldEnroll = "WouldEnroll"
	// ReasonWouldWithdraw: the platform is only observed; the learner is enrolled, and would be withdrawn.
	ReasonWouldWithdraw = "WouldWithdraw"
	// ReasonSuspended: spec.suspend holds the work.
	ReasonSuspended = "Suspended"
	// ReasonDeleting: the object is being deleted and its enrollments are being withdrawn.
	ReasonDeleting = "Deleting"
)

// Reasons of a LearnerMessage's Ready, besides Retrying and PlatformUnavailable.
const (
	// ReasonDelivered: the mail server took the message.
	ReasonDelivered = "Delivered"
	// ReasonMailNotConfigured: the platform has no mail server, or the Secret with its credentials is missing; the message waits.
	ReasonMailNotConfigured = "MailNotConfigured"
	// ReasonMailMisconfigured: the mail server refuses what concerns every message, such as the credentials.
	ReasonMailMisconfigured = "MailMisconfigured"
	// ReasonNoRecipient: nobody mentors the course now, or nobody knows their address; the message waits for somebody.
	ReasonNoRecipient = "NoRecipient"
	// ReasonUndeliverable: the mail server refuses this message, or its recipient, for good.
	ReasonUndeliverable = "Undeliverable"
	// ReasonUnconfirmed: the mail server was handed the message several times, and never said that it took it.
	ReasonUnconfirmed = "Unconfirmed"
	// ReasonLearnerGone: the Contact that wrote the message is gone.
	ReasonLearnerGone = "LearnerGone"
)

// Reasons of Conflict (and then of Ready): they heal when the cause goes away.
const (
	// ReasonCourseNotFound: no Course carries the course code, or the LMS has no course with its key.
	ReasonCourseNotFound = "CourseNotFound"
	// ReasonCourseNotReady: the Course exists, but cannot be used yet; its own conditions say why.
	ReasonCourseNotReady = "CourseNotReady"
	// ReasonEmailInUse: another Contact, or an LMS account that belongs to another Contact, holds the e-mail address.
	ReasonEmailInUse = "EmailInUse"
	// ReasonEmailUnavailable: the LMS refuses the e-mail address although no account shows it, such as another
	// person's recovery address. Somebody at the LMS has to decide.
	ReasonEmailUnavailable = "EmailUnavailable"
	// ReasonUsernameUnavailable: every username that Rollcall derives for the learner is taken.
	ReasonUsernameUnavailable = "UsernameUnavailable"
	// ReasonAccountRefused: the LMS refused to make the account; the message names the field.
	ReasonAccountRefused = "AccountRefused"
	// ReasonLearnerNotFound: the LMS no longer knows the learner's account.
	ReasonLearnerNotFound = "LearnerNotFound"
	// ReasonAwaitingActivation: the learner's account is inactive, so single sign-on cannot link it.
	ReasonAwaitingActivation = "AwaitingActivation"
	// ReasonContactNotReady: an enrollment waits for its Contact, which has a conflict or is stalled.
	ReasonContactNotReady = "ContactNotReady"
	// ReasonEnrollmentClosed: the LMS refuses the enrollment because the course is closed, not yet open or full, or by a
	// plug-in's decision; it does not say which.
	ReasonEnrollmentClosed = "EnrollmentClosed"
	// ReasonEnrollmentRefused: a policy of the LMS refuses this learner in this course.
	ReasonEnrollmentRefused = "EnrollmentRefused"
	// ReasonModeUnavailable: the course does not offer the enrollment mode that the Course states, or none by default.
	ReasonModeUnavailable = "ModeUnavailable"
	// ReasonCourseCodeClaimed: an older Course of the same platform carries the same course code.
	ReasonCourseCodeClaimed = "CourseCodeClaimed"
	// ReasonCourseClaimed: an older CourseMentor looks after the same course on some of the same days.
	ReasonCourseClaimed = "CourseClaimed"
	// ReasonEmailNotFound: the ConfigMap that holds a mentor's e-mail address is not there, or has no such key.
	ReasonEmailNotFound = "EmailNotFound"
	// ReasonEmailInvalid: what the ConfigMap holds is no e-mail address.
	ReasonEmailInvalid = "EmailInvalid"
	// ReasonDrifted: the LMS differs from what Rollcall brought about there, and spec.driftPolicy of the platform is Report.
	ReasonDrifted = "Drifted"
	// ReasonServerError: the LMS failed on this very request again and again while it serves others.
	ReasonServerError = "ServerError"
)

// Reasons of Stalled (and then of Ready): a person has to act.
const (
	// ReasonAccountRetired: the learner's account was retired on the LMS and cannot come back.
	ReasonAccountRetired = "AccountRetired"
	// ReasonInvalidUsername: the LMS does not accept the username.
	ReasonInvalidUsername = "InvalidUsername"
	// ReasonRequestRefused: the LMS calls the request itself wrong; a repeat would get the same answer.
	ReasonRequestRefused = "RequestRefused"
	// ReasonRemovalHeld: spec.safety of the platform holds the withdrawal until somebody releases it.
	ReasonRemovalHeld = "RemovalHeld"
	// ReasonInvalidTimeZone: a time zone of the spec is not in the IANA database.
	ReasonInvalidTimeZone = "InvalidTimeZone"
)

// Reasons of a CourseMentor's Ready, besides Synced, when nothing is to be done.
const (
	// ReasonUpcoming: the first day of the mentor is still to come.
	ReasonUpcoming = "Upcoming"
	// ReasonEnded: the last day of the mentor is over.
	ReasonEnded = "Ended"
)

// Reasons of ProfileInSync, besides Synced.
const (
	// ReasonAccountReadOnly: the LMS does not let Rollcall change the account; the message says why, and what can be done.
	ReasonAccountReadOnly = "AccountReadOnly"
)

// Reasons of SSOLinked, and of SSOLinksUnknown, besides NotStaff.
const (
	// ReasonLinked: the learner has signed on through the provider, and the LMS links the account to it.
	ReasonLinked = "Linked"
	// ReasonNotLinked: no account of the provider is linked to the learner's account.
	ReasonNotLinked = "NotLinked"
	// ReasonProviderNotFound: the LMS has no enabled provider with the id.
	ReasonProviderNotFound = "ProviderNotFound"
)

// Reasons of a LearningPlatform's Ready.
const (
	// ReasonConnected: the LMS answers, the credentials work and the service user is staff.
	ReasonConnected = "Connected"
	// ReasonUnreachable: the LMS does not answer, or answers like a system in maintenance.
	ReasonUnreachable = "Unreachable"
	// ReasonCredentialsNotFound: the Secret is missing or lacks a key.
	ReasonCredentialsNotFound = "CredentialsNotFound"
	// ReasonCredentialsRefused: the LMS does not accept the client id and secret.
	ReasonCredentialsRefused = "CredentialsRefused"
	// ReasonNotStaff: the credentials work, but their user is not staff on the LMS.
	ReasonNotStaff = "NotStaff"
	// ReasonRouteUnavailable: the account or enrollment route that the spec asks for is not installed on the LMS.
	ReasonRouteUnavailable = "RouteUnavailable"
)

const (
	// ReconcileRequestedAtAnnotation asks for a check of the object now, whatever was planned. Any new value does; by
	// custom it is a time. The controller echoes it in status.lastHandledReconcileAt.
	ReconcileRequestedAtAnnotation = "rollcall.dev/reconcile-requested-at"
	// ReleaseRemovalsAnnotation on a LearningPlatform releases held withdrawals. Its value is the number of them that
	// status.removals.held showed; it has no effect when more are held by then. What follows an @ makes the same number a
	// new value, as in 120@tuesday.
	ReleaseRemovalsAnnotation = "rollcall.dev/release-removals"
	// DocumentReceivedAnnotation is the RFC 3339 time at which ingest took the stored document.
	DocumentReceivedAnnotation = "rollcall.dev/document-received-at"
	// DocumentSourceAnnotation is the authenticated user name of the caller that sent the stored document.
	DocumentSourceAnnotation = "rollcall.dev/document-source"
	// DocumentRevisionAnnotation is the highest Document-Revision that came with a document of the contact: a whole number
	// from 0 to 9223372036854775807. It stays when a document without a revision is stored.
	DocumentRevisionAnnotation = "rollcall.dev/document-revision"
	// DocumentRequestIDAnnotation is the ID of the request by which the stored document came, as its header X-Request-ID has
	// it: 1 to 128 letters and digits, '.', '_' and '-'. The calls to the LMS that the document causes carry it.
	DocumentRequestIDAnnotation = "rollcall.dev/document-request-id"
	// DocumentTraceparentAnnotation is the span of that request, as the header traceparent has it (W3C Trace Context). The
	// work on the document goes on with its trace.
	DocumentTraceparentAnnotation = "rollcall.dev/document-traceparent"

	// WithdrawalFinalizer holds a Contact or an Enrollment until what it brought about on the LMS is undone, as its
	// deletion policy says.
	WithdrawalFinalizer = "rollcall.dev/withdrawal"
)
