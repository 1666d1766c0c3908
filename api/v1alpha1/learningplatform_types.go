package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AccountRoute is the way in which accounts are made on the LMS.
// +kubebuilder:validation:Enum=Auto;EoxCore;Registration
type AccountRoute string

const (
	// AccountRouteAuto takes EoxCore where the LMS has the plugin, else Registration.
	AccountRouteAuto AccountRoute = "Auto"
	// AccountRouteEoxCore uses the eox-core plugin: authenticated, active accounts, no limit per address.
	AccountRouteEoxCore AccountRoute = "EoxCore"
	// AccountRouteRegistration uses the stock registration form's API. The LMS must have REGISTRATION_RATELIMIT raised,
	// SKIP_EMAIL_VALIDATION on, and its registration paths closed to strangers.
	AccountRouteRegistration AccountRoute = "Registration"
)

// EnrollmentRoute is the way in which learners are enrolled on the LMS.
// +kubebuilder:validation:Enum=Auto;EoxCore;Single
type EnrollmentRoute string

const (
	// EnrollmentRouteAuto takes EoxCore where the LMS has the plugin, else Single.
	EnrollmentRouteAuto EnrollmentRoute = "Auto"
	// EnrollmentRouteEoxCore uses the eox-core plugin, whose calls the LMS does not throttle.
	EnrollmentRouteEoxCore EnrollmentRoute = "EoxCore"
	// EnrollmentRouteSingle uses the stock enrollment API, one call an enrollment, within the call budget.
	EnrollmentRouteSingle EnrollmentRoute = "Single"
)

// LearningPlatformSpec is how one Open edX LMS is reached, and the policies that hold for it.
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
	// is for people who use the same account. Default: 100.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	// +kubebuilder:default=100
	// +optional
	CallsPerMinute int32 `json:"callsPerMinute,omitempty"`

	// endedEnrollmentRetentionDays is how many days after its access has ended a withdrawn Enrollment is kept as an
	// object. The Contact's document still lists it afterwards. Default: 30.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=3650
	// +kubebuilder:default=30
	// +optional
	EndedEnrollmentRetentionDays *int32 `json:"endedEnrollmentRetentionDays,omitempty"`
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

	// accountRoute is the route in use for accounts.
	// +optional
	AccountRoute AccountRoute `json:"accountRoute,omitempty"`

	// enrollmentRoute is the route in use for enrollments.
	// +optional
	EnrollmentRoute EnrollmentRoute `json:"enrollmentRoute,omitempty"`
}

// LearningPlatform is one Open edX LMS. Until it is Ready, every Contact, Enrollment and Course on it waits.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=lp,categories=rollcall
// +kubebuilder:printcolumn:name="URL",type=string,JSONPath=`.spec.url`
// +kubebuilder:printcolumn:name="Accounts",type=string,JSONPath=`.status.accountRoute`
// +kubebuilder:printcolumn:name="Enrollments",type=string,JSONPath=`.status.enrollmentRoute`
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
