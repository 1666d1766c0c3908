package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Date is a calendar day, YYYY-MM-DD, without a time zone: that is the LearningPlatform's.
// +kubebuilder:validation:Format=date
// +kubebuilder:validation:MinLength=10
// +kubebuilder:validation:MaxLength=10
type Date string

// PlatformReference names the LearningPlatform in the same namespace that an object belongs to.
// +kubebuilder:validation:MinProperties=1
type PlatformReference struct {
	// name of the LearningPlatform.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:default=default
	// +optional
	Name string `json:"name,omitempty"`
}

// DeletionPolicy says what happens on the LMS when an object is deleted. An LMS account is never deleted.
// +kubebuilder:validation:Enum=Withdraw;Orphan;Deactivate
type DeletionPolicy string

const (
	// DeletionWithdraw unenrolls the learner. The LMS keeps grades and progress, so enrolling again restores them.
	DeletionWithdraw DeletionPolicy = "Withdraw"
	// DeletionOrphan leaves the LMS as it is.
	DeletionOrphan DeletionPolicy = "Orphan"
	// DeletionDeactivate unenrolls the learner and makes the account inactive, where the account route can.
	DeletionDeactivate DeletionPolicy = "Deactivate"
)

// ErrorClass says what may come of a failed call to the LMS, or of one that was not made because the LMS is only observed.
// +kubebuilder:validation:Enum=Throttled;Transient;Conflict;Fatal;Withheld
type ErrorClass string

// Attempts records the calls to the LMS that failed since the last success or change, or that were withheld as the platform is
// only observed. An outage or a throttle of the whole platform is not counted.
type Attempts struct {
	// count of failed attempts, from 1.
	// +kubebuilder:validation:Minimum=1
	// +required
	Count int32 `json:"count,omitempty"`

	// lastTime is when the last attempt was made.
	// +required
	LastTime metav1.Time `json:"lastTime,omitempty,omitzero"`

	// nextTime is when the next attempt is planned at the latest. Unset: none is, a person has to act.
	// +optional
	NextTime *metav1.Time `json:"nextTime,omitempty"`

	// basis is a digest of what the last attempt was made on: the object's, its platform's and its course's
	// generation and the like. When it differs from how things are now, the next attempt is made at once.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +required
	Basis string `json:"basis,omitempty"`

	// lastError is what the last attempt ended with.
	// +required
	LastError AttemptError `json:"lastError,omitempty,omitzero"`
}

// AttemptError is a classified failure.
type AttemptError struct {
	// class says what may come of it: Throttled and Transient are retried, Conflict heals when its cause goes away,
	// Fatal needs a person. Withheld was not made, as the platform is only observed.
	// +required
	Class ErrorClass `json:"class,omitempty"`

	// reason is one CamelCase word from the list of condition reasons.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +required
	Reason string `json:"reason,omitempty"`

	// message says it in a sentence, without personal data.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +required
	Message string `json:"message,omitempty"`
}

// ObjectStatus is what every kind reports in the same way.
type ObjectStatus struct {
	// conditions are Ready, which is always there, and others only while True, such as Reconciling, Stalled and Conflict. A
	// Contact has ProfileInSync and SSOLinked besides, True or False.
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the metadata.generation that this status speaks of.
	// +kubebuilder:validation:Minimum=1
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// lastHandledReconcileAt echoes the last value of the annotation rollcall.dev/reconcile-requested-at that was acted on.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +optional
	LastHandledReconcileAt string `json:"lastHandledReconcileAt,omitempty"`
}
