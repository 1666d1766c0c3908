package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// PlatformMode says whether Rollcall changes the LMS.
// +kubebuilder:validation:Enum=Enforce;Observe
type PlatformMode string

const (
	// PlatformModeEnforce changes the LMS to what was sold.
	PlatformModeEnforce PlatformMode = "Enforce"
	// PlatformModeObserve reads the LMS and writes nothing to it: every object shows what would be done.
	PlatformModeObserve PlatformMode = "Observe"
)

// DriftPolicy says what follows when the LMS is found to differ from what Rollcall brought about there.
// +kubebuilder:validation:Enum=Correct;Report;Off
type DriftPolicy string

const (
	// DriftPolicyCorrect repairs what differs.
	DriftPolicyCorrect DriftPolicy = "Correct"
	// DriftPolicyReport shows what differs and leaves it.
	DriftPolicyReport DriftPolicy = "Report"
	// DriftPolicyOff does not look.
	DriftPolicyOff DriftPolicy = "Off"
)

// AccountRoute is the way in which accounts are made on the LMS.
// +kubebuilder:validation:Enum=Auto;EoxCore;Registration;FirstLogin
type AccountRoute string

const (
	// AccountRouteAuto takes EoxCore where the LMS has the plugin, else Registration.
	AccountRouteAuto AccountRoute = "Auto"
	// AccountRouteEoxCore uses the eox-core plugin: authenticated, active accounts, no limit per address.
	AccountRouteEoxCore AccountRoute = "EoxCore"
	// AccountRouteRegistration uses the stock registration form's API. The LMS must have REGISTRATION_RATELIMIT raised,
	// SKIP_EMAIL_VALIDATION on, and its registration paths closed to strangers.
	AccountRouteRegistration AccountRoute = "Registration"
	// AccountRouteFirstLogin makes no accounts: learners are enrolled by e-mail address in advance, where enrollPastCapacity
	// allows it, and the LMS makes the account, and the enrollments real, when they log in for the first time.
	AccountRouteFirstLogin AccountRoute = "FirstLogin"
)

// EnrollmentRoute is the way in which learners are enrolled on the LMS.
// +kubebuilder:validation:Enum=Auto;EoxCore;Bulk;Single
type EnrollmentRoute string

const (
	// EnrollmentRouteAuto takes EoxCore where the LMS has the plugin, else Bulk where it is switched on and enrollPastCapacity
	// allows it, else Single.
	EnrollmentRouteAuto EnrollmentRoute = "Auto"
	// EnrollmentRouteEoxCore uses the eox-core plugin, whose calls the LMS does not throttle.
	EnrollmentRouteEoxCore EnrollmentRoute = "EoxCore"
	// EnrollmentRouteBulk uses the stock bulk enrollment API, many enrollments a call, within the call budget. The LMS must
	// have ENABLE_BULK_ENROLLMENT_VIEW on. It fills courses past their capacity, and so needs enrollPastCapacity. It takes only
	// enrollments without a mode, or in the only mode that the course offers; all others, what else bulk enrollment does not do
	// as Single would, and withdrawals go singly.
	EnrollmentRouteBulk EnrollmentRoute = "Bulk"
	// EnrollmentRouteSingle uses the stock enrollment API, one call an enrollment, within the call budget.
	EnrollmentRouteSingle EnrollmentRoute = "Single"
)

// LearningPlatformSpec is how one Open edX LMS is reached, and the policies that hold for it.
// +kubebuilder:validation:XValidation:rule="!has(self.enrollmentRoute) || self.enrollmentRoute != 'Bulk' || has(self.enrollPastCapacity) && self.enrollPastCapacity",fieldPath=".enrollmentRoute",message="Bulk fills courses past their capacity, which no API of the LMS tells: it needs enrollPastCapacity true"
type LearningPlatformSpec struct {
	// url of the LMS: scheme and host, without a path, as its users see it. Example: https://learn.example.com
	// +kubebuilder:validation:MinLength=8
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHostname() != ''",message="must be an absolute http or https URL"
	// +kubebuilder:validation:XValidation:rule="!isURL(self) || (url(self).getEscapedPath() == '' && !self.matches('[?@]'))",message="must have no path, no query and no user: give scheme and host only"
	// +required
	URL string `json:"url,omitempty"`

	// credentialsSecretRef names the Secret in the same namespace with the keys `client-id` and `client-secret` of an
	// OAuth2 application on the LMS (grant client-credentials) that a staff user owns. A change takes effect at once.
	// +required
	CredentialsSecretRef SecretReference `json:"credentialsSecretRef,omitempty,omitzero"`

	// mode says whether Rollcall changes the LMS: Observe only shows what would be done. Default: Enforce.
	// +kubebuilder:default=Enforce
	// +optional
	Mode PlatformMode `json:"mode,omitempty"`

	// accountRoute is the way in which accounts are made. Default: Auto.
	// +kubebuilder:default=Auto
	// +optional
	AccountRoute AccountRoute `json:"accountRoute,omitempty"`

	// enrollmentRoute is the way in which learners are enrolled. Default: Auto.
	// +kubebuilder:default=Auto
	// +optional
	EnrollmentRoute EnrollmentRoute `json:"enrollmentRoute,omitempty"`

	// timeZone is the IANA name of the zone in which access days begin and end. Default: UTC.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$`
	// +kubebuilder:validation:XValidation:rule="self != 'Local'",message="must name a zone of the IANA database, such as Europe/Berlin"
	// +kubebuilder:default=UTC
	// +optional
	TimeZone string `json:"timeZone,omitempty"`

	// callsPerMinute is the budget for the calls that the LMS throttles. Open edX allows a staff user 120; what is left
	// is for people who use the same account. Of a small one, the second of two calls that belong together may go one ahead.
	// Default: 100.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	// +kubebuilder:default=100
	// +optional
	CallsPerMinute int32 `json:"callsPerMinute,omitempty"`

	// maxCallsInFlight is how many calls that the LMS does not throttle, such as those of eox-core, are under way at a time.
	// It is halved while the LMS fails or is too slow, and recovers by itself. Default: 4.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=64
	// +kubebuilder:default=4
	// +optional
	MaxCallsInFlight int32 `json:"maxCallsInFlight,omitempty"`

	// enrollPastWindow enrolls learners also while the LMS does not admit them to the course: it is closed, or not yet open. A
	// course by invitation needs no such leave, as Rollcall enrolls as staff. Default: false.
	// +optional
	EnrollPastWindow *bool `json:"enrollPastWindow,omitempty"`

	// enrollPastCapacity enrolls learners also in a course that is full. Only the routes EoxCore and Bulk can: EoxCore where it
	// sees the account, and Bulk where that is active. Default: false.
	// +optional
	EnrollPastCapacity *bool `json:"enrollPastCapacity,omitempty"`

	// driftPolicy says what follows when a sweep finds that the LMS differs from what Rollcall brought about there: Correct
	// repairs it, Report shows it, Off does not look. What others did on the LMS is never touched. Default: Correct.
	// +kubebuilder:default=Correct
	// +optional
	DriftPolicy DriftPolicy `json:"driftPolicy,omitempty"`

	// driftIntervalMinutes is the time between two sweeps of a course, or of the accounts. Default: 1440, a day.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=43200
	// +kubebuilder:default=1440
	// +optional
	DriftIntervalMinutes int32 `json:"driftIntervalMinutes,omitempty"`

	// hintsSecretRef names the Secret in the same namespace whose key `token` is the secret part of the address to which the
	// openedx-webhooks plugin of the LMS may send its events. Unset: none are taken.
	// +optional
	HintsSecretRef SecretReference `json:"hintsSecretRef,omitempty,omitzero"`

	// safety limits how many learners lose a course before a person has to agree.
	// +optional
	Safety SafetySpec `json:"safety,omitempty,omitzero"`

	// learners is what the platform's learners see of Rollcall in their pages. Unset: nothing but their courses.
	// +optional
	Learners LearnersSpec `json:"learners,omitempty,omitzero"`

	// endedEnrollmentRetentionDays is how many days after its access has ended a withdrawn Enrollment is kept as an
	// object. The Contact's document still lists it afterwards. Default: 30.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=3650
	// +kubebuilder:default=30
	// +optional
	EndedEnrollmentRetentionDays *int32 `json:"endedEnrollmentRetentionDays,omitempty"`
}

// SafetySpec limits withdrawals, but those at the end of an access that was planned a day before. Over a limit, withdrawals
// are held until somebody releases them; enrolling goes on. That a deleted Contact's account is deactivated is not limited.
// +kubebuilder:validation:MinProperties=1
type SafetySpec struct {
	// maxWithdrawalsPerHour is how many learners may be withdrawn in an hour: from all courses together, and from each one.
	// Default: 500.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000
	// +kubebuilder:default=500
	// +optional
	MaxWithdrawalsPerHour *int32 `json:"maxWithdrawalsPerHour,omitempty"`

	// maxWithdrawalPercentPerHour is what part of those who are enrolled may be withdrawn in an hour, in percent: of all
	// courses together, and of each one. Ten withdrawals are always allowed, so that small courses work. Default: 20.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	// +kubebuilder:default=20
	// +optional
	MaxWithdrawalPercentPerHour *int32 `json:"maxWithdrawalPercentPerHour,omitempty"`
}

// SecretReference names a Secret in the same namespace.
type SecretReference struct {
	// name of the Secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name,omitempty"`
}

// LearningPlatformStatus is what Rollcall found on the LMS.
type LearningPlatformStatus struct {
	ObjectStatus `json:",inline"`

	// serviceUser is the LMS user that the credentials act as.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=150
	// +optional
	ServiceUser string `json:"serviceUser,omitempty"`

	// eoxCoreVersion is the version of the eox-core plugin. Unset: not installed.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +optional
	EoxCoreVersion string `json:"eoxCoreVersion,omitempty"`

	// bulkEnroll is whether the LMS's bulk enrollment API is switched on. Unset: it was of no interest.
	// +optional
	BulkEnroll *bool `json:"bulkEnroll,omitempty"`

	// accountRoute is the route in use for accounts.
	// +optional
	AccountRoute AccountRoute `json:"accountRoute,omitempty"`

	// enrollmentRoute is the route in use for enrollments.
	// +optional
	EnrollmentRoute EnrollmentRoute `json:"enrollmentRoute,omitempty"`

	// removals are the withdrawals that spec.safety counts and holds.
	// +optional
	Removals RemovalsStatus `json:"removals,omitempty,omitzero"`

	// observed sums up what would be done in the mode Observe.
	// +optional
	Observed ObservedStatus `json:"observed,omitempty,omitzero"`

	// accountSweep is the last comparison of the learners' accounts with the LMS. Unset: none was finished.
	// +optional
	AccountSweep AccountSweep `json:"accountSweep,omitempty,omitzero"`
}

// RemovalsStatus counts withdrawals, but those at the planned end of an access.
// +kubebuilder:validation:MinProperties=1
type RemovalsStatus struct {
	// held is how many withdrawals wait until somebody releases them. Unset: none.
	// +kubebuilder:validation:Minimum=1
	// +optional
	Held int32 `json:"held,omitempty"`

	// released is how many withdrawals somebody has released that are still to be made. Unset: none.
	// +kubebuilder:validation:Minimum=1
	// +optional
	Released int32 `json:"released,omitempty"`

	// recent is how many learners were withdrawn within the limits in the hour up to lastTime. Unset: none.
	// +kubebuilder:validation:Minimum=1
	// +optional
	Recent int32 `json:"recent,omitempty"`

	// lastTime is when the last of the recent withdrawals was made. Until an hour later all of them count after a restart.
	// +optional
	LastTime *metav1.Time `json:"lastTime,omitempty"`

	// courses are the courses with held or recent withdrawals, those with the most first; at most 20.
	// +listType=map
	// +listMapKey=courseKey
	// +kubebuilder:validation:MaxItems=20
	// +optional
	Courses []CourseRemovals `json:"courses,omitempty"`

	// lastRelease echoes the last value of the annotation rollcall.dev/release-removals that was looked at.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +optional
	LastRelease string `json:"lastRelease,omitempty"`

	// lastReleaseTime is when withdrawals were last released: all that were held by then. Unset: never.
	// +optional
	LastReleaseTime *metav1.Time `json:"lastReleaseTime,omitempty"`
}

// CourseRemovals counts the withdrawals of a course.
type CourseRemovals struct {
	// courseKey of the course on the LMS.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +required
	CourseKey string `json:"courseKey,omitempty"`

	// held is how many learners would be withdrawn from it if they were released. Unset: none.
	// +kubebuilder:validation:Minimum=1
	// +optional
	Held int32 `json:"held,omitempty"`

	// recent is how many learners were withdrawn from it, as in the sum over all courses. Unset: none.
	// +kubebuilder:validation:Minimum=1
	// +optional
	Recent int32 `json:"recent,omitempty"`
}

// ObservedStatus counts what the mode Observe would do.
// +kubebuilder:validation:MinProperties=1
type ObservedStatus struct {
	// wouldCreate is how many accounts would be made.
	// +kubebuilder:validation:Minimum=0
	// +required
	WouldCreate *int32 `json:"wouldCreate,omitempty"`

	// wouldEnroll is how many learners would be enrolled in a course.
	// +kubebuilder:validation:Minimum=0
	// +required
	WouldEnroll *int32 `json:"wouldEnroll,omitempty"`

	// wouldWithdraw is how many learners would be withdrawn from a course.
	// +kubebuilder:validation:Minimum=0
	// +required
	WouldWithdraw *int32 `json:"wouldWithdraw,omitempty"`
}

// AccountSweep is what a comparison of all learners' accounts with the LMS came to.
type AccountSweep struct {
	// finishedTime is when it was finished.
	// +required
	FinishedTime metav1.Time `json:"finishedTime,omitempty,omitzero"`

	// compared is how many accounts were compared.
	// +kubebuilder:validation:Minimum=0
	// +required
	Compared *int32 `json:"compared,omitempty"`

	// missing is how many of them the LMS did not have under their username: renamed, retired or deleted there.
	// +kubebuilder:validation:Minimum=0
	// +required
	Missing *int32 `json:"missing,omitempty"`

	// inactive is how many of them were not active.
	// +kubebuilder:validation:Minimum=0
	// +required
	Inactive *int32 `json:"inactive,omitempty"`

	// changed is how many of them had another name or e-mail address than the learner's document.
	// +kubebuilder:validation:Minimum=0
	// +required
	Changed *int32 `json:"changed,omitempty"`
}

// LearningPlatform is one Open edX LMS. Until it is Ready, every Contact, Enrollment and Course on it waits.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=lp,categories=rollcall
// +kubebuilder:printcolumn:name="URL",type=string,JSONPath=`.spec.url`
// +kubebuilder:printcolumn:name="Accounts",type=string,JSONPath=`.status.accountRoute`
// +kubebuilder:printcolumn:name="Enrollments",type=string,JSONPath=`.status.enrollmentRoute`
// +kubebuilder:printcolumn:name="Held",type=integer,JSONPath=`.status.removals.held`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type LearningPlatform struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec is how the LMS is reached.
	// +required
	Spec LearningPlatformSpec `json:"spec,omitempty,omitzero"`

	// status is what Rollcall found there.
	// +optional
	Status LearningPlatformStatus `json:"status,omitempty,omitzero"`
}

// GetObjectStatus gives the part of the status that all kinds share.
func (p *LearningPlatform) GetObjectStatus() *ObjectStatus { return &p.Status.ObjectStatus }

// LearningPlatformList is a list of LearningPlatforms.
// +kubebuilder:object:root=true
type LearningPlatformList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []LearningPlatform `json:"items"`
}
