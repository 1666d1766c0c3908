package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// EnrollmentSpec is one learner in one course on certain days.
// +kubebuilder:validation:XValidation:rule="!has(self.accessEndDate) || self.accessEndDate >= self.accessStartDate",message="accessEndDate must not be before accessStartDate",fieldPath=".accessEndDate"
type EnrollmentSpec struct {
	// contactRef names the Contact in the same namespace. Immutable.
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="is immutable: another learner is another Enrollment"
	// +required
	ContactRef ContactReference `json:"contactRef,omitempty,omitzero"`

	// courseCode is the back office's name for the course; a Course maps it to the LMS. Immutable.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9._-]+$`
	// +kubebuilder:validation:XValidation:rule="!(self in ['.', '..'])",message="must be more than one or two dots, which no address can carry"
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="is immutable: another course is another Enrollment"
	// +required
	CourseCode string `json:"courseCode,omitempty"`

	// accessStartDate is the first day of access, YYYY-MM-DD: from 00:00 in the platform's time zone.
	// +required
	AccessStartDate Date `json:"accessStartDate,omitempty"`

	// accessEndDate is the last day of access, YYYY-MM-DD: until 24:00 in the platform's time zone. Unset: no end.
	// +optional
	AccessEndDate Date `json:"accessEndDate,omitempty"`

	// deletionPolicy says what happens on the LMS when the Enrollment is deleted: Withdraw unenrolls the learner, Orphan
	// leaves the enrollment as it is. Deactivate is refused: an account is the Contact's. Default: Withdraw.
	// +kubebuilder:validation:XValidation:rule="self != 'Deactivate'",message="must be Withdraw or Orphan: an account is the Contact's"
	// +kubebuilder:default=Withdraw
	// +optional
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`
}

// ContactReference names a Contact in the same namespace.
type ContactReference struct {
	// name of the Contact object (not its contactID).
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name,omitempty"`
}

// Access is where today stands to an access window.
// +kubebuilder:validation:Enum=Upcoming;Open;Ended
type Access string

const (
	// AccessUpcoming: the window has not begun; the learner is not enrolled yet.
	AccessUpcoming Access = "Upcoming"
	// AccessOpen: today is in the window; the learner is to be enrolled.
	AccessOpen Access = "Open"
	// AccessEnded: the window is over; the learner is to be withdrawn.
	AccessEnded Access = "Ended"
)

// EnrollmentStatus is where the enrollment stands on the LMS.
type EnrollmentStatus struct {
	ObjectStatus `json:",inline"`

	// access says where today stands to the window, as last looked at.
	// +optional
	Access Access `json:"access,omitempty"`

	// username of the account that was enrolled. Withdrawal goes by it, even if the Contact is gone.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=150
	// +optional
	Username string `json:"username,omitempty"`

	// courseKey of the course that the learner was enrolled in. Withdrawal goes by it, even if the Course is gone.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +optional
	CourseKey string `json:"courseKey,omitempty"`

	// platform is the name of the LearningPlatform that the learner was enrolled on.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Platform string `json:"platform,omitempty"`

	// preEnrolledEmail is the e-mail address for which the LMS was told to enroll the learner at the first login. Unset: none
	// was. It is kept so that the advance can be taken back, even if the Contact has another address by then.
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=254
	// +optional
	PreEnrolledEmail string `json:"preEnrolledEmail,omitempty"`

	// enrolled is true while the learner is actively enrolled on the LMS, as last seen.
	// +optional
	Enrolled *bool `json:"enrolled,omitempty"`

	// mode is the enrollment mode that came out on the LMS.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	// +optional
	Mode string `json:"mode,omitempty"`

	// grade is the learner's grade in the course so far; status.gradesTime of the Course says when it was read. Unset: the LMS has
	// told none.
	// +optional
	Grade Grade `json:"grade,omitempty,omitzero"`

	// progress is how much of the course the learner has completed; it was read at
	// status.progressTime of the Course, or later. Unset: the LMS has told nothing.
	// +optional
	Progress Progress `json:"progress,omitempty,omitzero"`

	// enrollmentID is Rollcall's stable name for the enrollment: the object's UID.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +optional
	EnrollmentID string `json:"enrollmentID,omitempty"`

	// attempts are the failed attempts to enroll or withdraw since the last success or change.
	// +optional
	Attempts *Attempts `json:"attempts,omitempty"`

	// plannedEndDate is the accessEndDate as it stood a day before the access ended, or earlier, or else when the Enrollment
	// was new. A withdrawal for an access that ends on it is as sold, and none that spec.safety of the platform limits.
	// +optional
	PlannedEndDate Date `json:"plannedEndDate,omitempty"`

	// removalHeld says that spec.safety of the platform holds the withdrawal, since when and by which limit. It stays until
	// the withdrawal is made or not wanted any more. Unset: it is not held.
	// +optional
	RemovalHeld HeldRemoval `json:"removalHeld,omitempty,omitzero"`

	// lastSyncTime is when the LMS was last found, or made, to agree.
	// +optional
	LastSyncTime *metav1.Time `json:"lastSyncTime,omitempty"`
}

// Progress is what the LMS says of how much a learner has done in a course, graded or not.
type Progress struct {
	// hundredths of a percent of the course's units that the learner has completed: 6250 is 62.5 %.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10000
	// +required
	Hundredths *int32 `json:"hundredths,omitempty"`

	// courseKey is the course run that it is about. The Enrollment may be for a later one by now.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +required
	CourseKey string `json:"courseKey,omitempty"`

	// username of the account that it is about.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=150
	// +required
	Username string `json:"username,omitempty"`
}

// Grade is what the LMS says of a learner's work in a course.
type Grade struct {
	// hundredths of a percent that the learner has reached of all the course's graded work: 8350 is 83.5 %.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10000
	// +required
	Hundredths *int32 `json:"hundredths,omitempty"`

	// letter is the grade by the course's own scale, such as B or Pass. Unset: below all of them.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +optional
	Letter string `json:"letter,omitempty"`

	// passed is true when that is enough for the course.
	// +required
	Passed *bool `json:"passed,omitempty"`

	// courseKey is the course run that was graded. The Enrollment may be for a later one by now.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +required
	CourseKey string `json:"courseKey,omitempty"`

	// username of the account whose work was graded.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=150
	// +required
	Username string `json:"username,omitempty"`
}

// RemovalLimit is a limit of spec.safety of a LearningPlatform.
// +kubebuilder:validation:Enum=Course;Platform
type RemovalLimit string

const (
	// RemovalLimitCourse is what one course may lose in an hour. Over it, withdrawals from the course are held.
	RemovalLimitCourse RemovalLimit = "Course"
	// RemovalLimitPlatform is what all courses together may lose in an hour. Over it, all withdrawals are held.
	RemovalLimitPlatform RemovalLimit = "Platform"
)

// HeldRemoval is a withdrawal that waits until somebody releases it.
type HeldRemoval struct {
	// sinceTime is when it was first held. A release is of all that were held by then.
	// +required
	SinceTime metav1.Time `json:"sinceTime,omitempty,omitzero"`

	// limit is the one that holds it.
	// +required
	Limit RemovalLimit `json:"limit,omitempty"`
}

// Enrollment is one learner in one course on certain days. The Contact controller makes one for each course of a
// document; one that a person makes besides is honoured and left alone.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=enr,categories=rollcall
// +kubebuilder:selectablefield:JSONPath=`.spec.contactRef.name`
// +kubebuilder:selectablefield:JSONPath=`.spec.courseCode`
// +kubebuilder:printcolumn:name="Contact",type=string,JSONPath=`.spec.contactRef.name`
// +kubebuilder:printcolumn:name="Course",type=string,JSONPath=`.spec.courseCode`
// +kubebuilder:printcolumn:name="Access",type=string,JSONPath=`.status.access`
// +kubebuilder:printcolumn:name="Enrolled",type=boolean,JSONPath=`.status.enrolled`
// +kubebuilder:printcolumn:name="Mode",type=string,JSONPath=`.status.mode`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Start",type=string,priority=1,JSONPath=`.spec.accessStartDate`
// +kubebuilder:printcolumn:name="End",type=string,priority=1,JSONPath=`.spec.accessEndDate`
// +kubebuilder:printcolumn:name="Attempts",type=integer,priority=1,JSONPath=`.status.attempts.count`
// +kubebuilder:printcolumn:name="Last Sync",type=date,priority=1,JSONPath=`.status.lastSyncTime`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type Enrollment struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec is the learner, the course and the days.
	// +required
	Spec EnrollmentSpec `json:"spec,omitempty,omitzero"`

	// status is where it stands on the LMS.
	// +optional
	Status EnrollmentStatus `json:"status,omitempty,omitzero"`
}

// GetObjectStatus gives the part of the status that all kinds share.
func (e *Enrollment) GetObjectStatus() *ObjectStatus { return &e.Status.ObjectStatus }

// EnrollmentList is a list of Enrollments.
// +kubebuilder:object:root=true
type EnrollmentList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Enrollment `json:"items"`
}
