package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ContactSpec is one learner's document as the back office sent it, and what people add to it.
type ContactSpec struct {
	// contactID is the back office's name for the learner: 1 to 64 of A-Z, a-z, 0-9, `.`, `_` and `-`, and more than
	// one or two dots. Immutable.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9._-]+$`
	// +kubebuilder:validation:XValidation:rule="!(self in ['.', '..'])",message="must be more than one or two dots, which no address can carry"
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="is immutable: another learner is another Contact"
	// +required
	ContactID string `json:"contactID,omitempty"`

	// firstName of the learner. Open edX allows no `<`, `>` and `://` in names.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:XValidation:rule="self.trim() == self && !self.matches('[<>\\\\p{Cc}]|://')",message="must not begin or end with white space or contain <, >, :// or control characters"
	// +required
	FirstName string `json:"firstName,omitempty"`

	// lastName of the learner. Open edX allows no `<`, `>` and `://` in names.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:XValidation:rule="self.trim() == self && !self.matches('[<>\\\\p{Cc}]|://')",message="must not begin or end with white space or contain <, >, :// or control characters"
	// +required
	LastName string `json:"lastName,omitempty"`

	// email address of the learner; upper and lower case count as the same. It finds the learner's account on the LMS.
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=254
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]+@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$`
	// +required
	Email string `json:"email,omitempty"`

	// enrollments are all courses that the learner may take, ended ones included; at most 1,000, each course code once.
	// What is not listed is withdrawn.
	// +listType=map
	// +listMapKey=courseCode
	// +kubebuilder:validation:MaxItems=1000
	// +optional
	Enrollments []CourseAccess `json:"enrollments,omitempty"`

	// platformRef names the LearningPlatform that the learner learns on. Default: the one named `default`. Immutable.
	// +kubebuilder:default={name: "default"}
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="is immutable: delete the Contact and create it again"
	// +optional
	PlatformRef PlatformReference `json:"platformRef,omitempty,omitzero"`

	// suspend holds all work on the learner and on the learner's enrollments while it is true. Deletion still works.
	// +optional
	Suspend *bool `json:"suspend,omitempty"`

	// deletionPolicy says what happens on the LMS when the Contact is deleted: Withdraw unenrolls the learner, Orphan
	// leaves the enrollments as they are, Deactivate unenrolls the learner and makes the account inactive where the account
	// route can. The account itself stays. Default: Withdraw.
	// +kubebuilder:default=Withdraw
	// +optional
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`
}

// CourseAccess is one course in a document and the days on which the learner may take it.
// +kubebuilder:validation:XValidation:rule="!has(self.accessEndDate) || self.accessEndDate >= self.accessStartDate",message="accessEndDate must not be before accessStartDate",fieldPath=".accessEndDate"
type CourseAccess struct {
	// courseCode is the back office's name for the course; a Course maps it to the LMS.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9._-]+$`
	// +kubebuilder:validation:XValidation:rule="!(self in ['.', '..'])",message="must be more than one or two dots, which no address can carry"
	// +required
	CourseCode string `json:"courseCode,omitempty"`

	// accessStartDate is the first day of access, YYYY-MM-DD: from 00:00 in the platform's time zone.
	// +required
	AccessStartDate Date `json:"accessStartDate,omitempty"`

	// accessEndDate is the last day of access, YYYY-MM-DD: until 24:00 in the platform's time zone. Unset: no end.
	// +optional
	AccessEndDate Date `json:"accessEndDate,omitempty"`
}

// ProvisionedBy says how a learner came to the LMS account.
// +kubebuilder:validation:Enum=Created;Adopted;FirstLogin
type ProvisionedBy string

const (
	// ProvisionedByCreation: Rollcall made the account.
	ProvisionedByCreation ProvisionedBy = "Created"
	// ProvisionedByAdoption: the account was there; it had the contact's e-mail address.
	ProvisionedByAdoption ProvisionedBy = "Adopted"
	// ProvisionedByFirstLogin: the learner's first login made the account, after Rollcall had enrolled the e-mail address.
	ProvisionedByFirstLogin ProvisionedBy = "FirstLogin"
)

// ContactStatus is where the learner stands on the LMS.
type ContactStatus struct {
	ObjectStatus `json:",inline"`

	// learner is the account on the LMS. Unset: none is known yet.
	// +optional
	Learner LearnerStatus `json:"learner,omitempty,omitzero"`

	// enrollments sums up the courses of the document.
	// +optional
	Enrollments EnrollmentSummary `json:"enrollments,omitempty,omitzero"`

	// document says which document the status speaks of.
	// +optional
	Document DocumentStatus `json:"document,omitempty,omitzero"`

	// attempts are the failed attempts to find or make the account since the last success or change.
	// +optional
	Attempts *Attempts `json:"attempts,omitempty"`

	// lastSyncTime is when the learner and all enrollments were last found in step.
	// +optional
	LastSyncTime *metav1.Time `json:"lastSyncTime,omitempty"`
}

// LearnerStatus is an account on the LMS.
// +kubebuilder:validation:MinProperties=1
type LearnerStatus struct {
	// username of the account.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=150
	// +required
	Username string `json:"username,omitempty"`

	// id is the account's number on the LMS; it outlives a change of the username. Unset: the LMS did not say.
	// +kubebuilder:validation:Minimum=1
	// +optional
	ID int64 `json:"id,omitempty"`

	// active is false while the account waits for its activation: single sign-on cannot link it then.
	// +optional
	Active *bool `json:"active,omitempty"`

	// provisionedBy says whether Rollcall made the account or found it.
	// +required
	ProvisionedBy ProvisionedBy `json:"provisionedBy,omitempty"`

	// profileDigest digests the name and e-mail address that the account was last compared with. Unset: it was not.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +optional
	ProfileDigest string `json:"profileDigest,omitempty"`
}

// EnrollmentSummary counts the courses of a document.
// +kubebuilder:validation:MinProperties=1
type EnrollmentSummary struct {
	// total is the number of courses in the document.
	// +kubebuilder:validation:Minimum=0
	// +required
	Total *int32 `json:"total,omitempty"`

	// synced is how many of them are in step with the LMS, those that are not open included.
	// +kubebuilder:validation:Minimum=0
	// +required
	Synced *int32 `json:"synced,omitempty"`

	// conflicted is how many of them have a conflict.
	// +kubebuilder:validation:Minimum=0
	// +required
	Conflicted *int32 `json:"conflicted,omitempty"`

	// summary is synced and total for people: `2/3`.
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=16
	// +required
	Summary string `json:"summary,omitempty"`
}

// DocumentStatus identifies a document.
// +kubebuilder:validation:MinProperties=1
type DocumentStatus struct {
	// digest is the SHA-256 of the document in canonical form, in hex: equal digests mean equal documents.
	// +kubebuilder:validation:MinLength=64
	// +kubebuilder:validation:MaxLength=64
	// +required
	Digest string `json:"digest,omitempty"`

	// revision is the highest Document-Revision that came with a document of the contact. Unset: none did.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Revision *int64 `json:"revision,omitempty"`

	// receivedTime is when ingest took it. Unset: it did not come through ingest.
	// +optional
	ReceivedTime *metav1.Time `json:"receivedTime,omitempty"`

	// source is the authenticated caller that sent it, cut after 1024 characters. Unset: it did not come through ingest.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Source string `json:"source,omitempty"`
}

// Contact is one learner: who they are and every course they may take.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=ct,categories=rollcall
// +kubebuilder:selectablefield:JSONPath=`.spec.contactID`
// +kubebuilder:selectablefield:JSONPath=`.spec.platformRef.name`
// +kubebuilder:selectablefield:JSONPath=`.status.learner.username`
// +kubebuilder:printcolumn:name="Contact",type=string,JSONPath=`.spec.contactID`
// +kubebuilder:printcolumn:name="Last Name",type=string,JSONPath=`.spec.lastName`
// +kubebuilder:printcolumn:name="Learner",type=string,JSONPath=`.status.learner.username`
// +kubebuilder:printcolumn:name="Enrolled",type=string,JSONPath=`.status.enrollments.summary`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Attempts",type=integer,priority=1,JSONPath=`.status.attempts.count`
// +kubebuilder:printcolumn:name="Last Sync",type=date,priority=1,JSONPath=`.status.lastSyncTime`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type Contact struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec is the learner's document.
	// +required
	Spec ContactSpec `json:"spec,omitempty,omitzero"`

	// status is where the learner stands.
	// +optional
	Status ContactStatus `json:"status,omitempty,omitzero"`
}

// GetObjectStatus gives the part of the status that all kinds share.
func (c *Contact) GetObjectStatus() *ObjectStatus { return &c.Status.ObjectStatus }

// ContactList is a list of Contacts.
// +kubebuilder:object:root=true
type ContactList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Contact `json:"items"`
}
