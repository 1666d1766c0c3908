package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CourseSpec maps a course code of the back office to a course run on the LMS.
type CourseSpec struct {
	// courseCode is the back office's name for the course, as documents carry it: 1 to 64 of A-Z, a-z, 0-9, `.`, `_`
	// and `-`, and more than one or two dots. It cannot be changed; make another Course instead.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9._-]+$`
	// +kubebuilder:validation:XValidation:rule="!(self in ['.', '..'])",message="must be more than one or two dots, which no address can carry"
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="is immutable: create another Course instead"
	// +required
	CourseCode string `json:"courseCode,omitempty"`

	// courseKey is the key of the course run on the LMS. Example: course-v1:GK+1234A+2017
	// +kubebuilder:validation:MinLength=15
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:Pattern=`^course-v1:[\w~.:-]+\+[\w~.:-]+\+[\w~.:-]+$`
	// +required
	CourseKey string `json:"courseKey,omitempty"`

	// mode is the enrollment mode that learners get, such as audit, verified, honor or no-id-professional. Unset: the
	// LMS's default for new enrollments, and a mode that a learner already has is left alone.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:Pattern=`^[a-z0-9_-]+$`
	// +optional
	Mode string `json:"mode,omitempty"`

	// platformRef names the LearningPlatform that holds the course. Default: the one named `default`. Immutable.
	// +kubebuilder:default={name: "default"}
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="is immutable: create another Course instead"
	// +optional
	PlatformRef PlatformReference `json:"platformRef,omitempty,omitzero"`
}

// CourseStatus is what the LMS says of the course.
type CourseStatus struct {
	ObjectStatus `json:",inline"`

	// title of the course on the LMS.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Title string `json:"title,omitempty"`

	// modes that the course offers now.
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=100
	// +optional
	Modes []string `json:"modes,omitempty"`

	// enrollmentStart is when the LMS begins to admit learners. Unset: no beginning.
	// +optional
	EnrollmentStart *metav1.Time `json:"enrollmentStart,omitempty"`

	// enrollmentEnd is when the LMS ceases to admit learners. Unset: no end.
	// +optional
	EnrollmentEnd *metav1.Time `json:"enrollmentEnd,omitempty"`

	// attempts are the failed attempts to look at the course since the last success.
	// +optional
	Attempts *Attempts `json:"attempts,omitempty"`

	// lastSyncTime is when the LMS was last asked.
	// +optional
	LastSyncTime *metav1.Time `json:"lastSyncTime,omitempty"`

	// gradesTime is when the grades of the course's learners were last read to the end. Unset: they were not.
	// +optional
	GradesTime *metav1.Time `json:"gradesTime,omitempty"`

	// progressTime is when the progress of the course's learners was last read to the end. That of some may have been read again
	// since. Unset: it was not.
	// +optional
	ProgressTime *metav1.Time `json:"progressTime,omitempty"`

	// sweep is the last comparison of the course's enrollments with the LMS. Unset: none was finished.
	// +optional
	Sweep CourseSweep `json:"sweep,omitempty,omitzero"`
}

// CourseSweep is what a comparison of all enrollments of a course with the LMS came to. "Ours" are the accounts that are a
// Contact's, in courses that Rollcall brought them to.
type CourseSweep struct {
	// finishedTime is when it was finished.
	// +required
	FinishedTime metav1.Time `json:"finishedTime,omitempty,omitzero"`

	// active is how many learners the LMS has actively enrolled in the course, whoever brought them there.
	// +kubebuilder:validation:Minimum=0
	// +required
	Active *int32 `json:"active,omitempty"`

	// sold is how many learners should be enrolled today.
	// +kubebuilder:validation:Minimum=0
	// +required
	Sold *int32 `json:"sold,omitempty"`

	// missing is how many of those are not actively enrolled on the LMS.
	// +kubebuilder:validation:Minimum=0
	// +required
	Missing *int32 `json:"missing,omitempty"`

	// otherMode is how many of those have another enrollment mode than the Course states.
	// +kubebuilder:validation:Minimum=0
	// +required
	OtherMode *int32 `json:"otherMode,omitempty"`

	// overdue is how many learners are enrolled although their access has ended or has not begun.
	// +kubebuilder:validation:Minimum=0
	// +required
	Overdue *int32 `json:"overdue,omitempty"`

	// unsold is how many learners with a Contact are enrolled although no Enrollment is there for it; Rollcall leaves them.
	// +kubebuilder:validation:Minimum=0
	// +required
	Unsold *int32 `json:"unsold,omitempty"`

	// strangers is how many enrolled accounts are no Contact's; Rollcall leaves them.
	// +kubebuilder:validation:Minimum=0
	// +required
	Strangers *int32 `json:"strangers,omitempty"`
}

// Course is a course that the back office sells, and where it is on the LMS.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=crs,categories=rollcall
// +kubebuilder:selectablefield:JSONPath=`.spec.courseCode`
// +kubebuilder:selectablefield:JSONPath=`.spec.courseKey`
// +kubebuilder:printcolumn:name="Course",type=string,JSONPath=`.spec.courseCode`
// +kubebuilder:printcolumn:name="Key",type=string,JSONPath=`.spec.courseKey`
// +kubebuilder:printcolumn:name="Mode",type=string,JSONPath=`.spec.mode`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Title",type=string,priority=1,JSONPath=`.status.title`
// +kubebuilder:printcolumn:name="Last Sync",type=date,priority=1,JSONPath=`.status.lastSyncTime`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type Course struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec maps the course code to the course.
	// +required
	Spec CourseSpec `json:"spec,omitempty,omitzero"`

	// status is what the LMS says of the course.
	// +optional
	Status CourseStatus `json:"status,omitempty,omitzero"`
}

// GetObjectStatus gives the part of the status that all kinds share.
func (c *Course) GetObjectStatus() *ObjectStatus { return &c.Status.ObjectStatus }

// CourseList is a list of Courses.
// +kubebuilder:object:root=true
type CourseList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Course `json:"items"`
}
