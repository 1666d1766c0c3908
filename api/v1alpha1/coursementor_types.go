package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CourseMentorSpec is who mentors a course and how they are reached.
type CourseMentorSpec struct {
	// courseCode is the back office's name for the course. Immutable.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9._-]+$`
	// +kubebuilder:validation:XValidation:rule="!(self in ['.', '..'])",message="must be more than one or two dots, which no address can carry"
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="is immutable: create another CourseMentor instead"
	// +required
	CourseCode string `json:"courseCode,omitempty"`

	// displayName is the mentor's name as learners see it.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	// +required
	DisplayName string `json:"displayName,omitempty"`

	// email is where messages to the mentor go. Learners never see it.
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=254
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]+@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$`
	// +required
	Email string `json:"email,omitempty"`

	// platformRef names the LearningPlatform that holds the course. Default: the one named `default`. Immutable.
	// +kubebuilder:default={name: "default"}
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="is immutable: create another CourseMentor instead"
	// +optional
	PlatformRef PlatformReference `json:"platformRef,omitempty,omitzero"`
}

// CourseMentorStatus says whether the mentor takes effect.
type CourseMentorStatus struct {
	ObjectStatus `json:",inline"`
}

// CourseMentor is the person who looks after a course. Where two claim the same one, the older object wins.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=mentor,categories=rollcall
// +kubebuilder:selectablefield:JSONPath=`.spec.courseCode`
// +kubebuilder:printcolumn:name="Course",type=string,JSONPath=`.spec.courseCode`
// +kubebuilder:printcolumn:name="Mentor",type=string,JSONPath=`.spec.displayName`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type CourseMentor struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec is who mentors which course.
	// +required
	Spec CourseMentorSpec `json:"spec,omitempty,omitzero"`

	// status says whether the mentor takes effect.
	// +optional
	Status CourseMentorStatus `json:"status,omitempty,omitzero"`
}

// GetObjectStatus gives the part of the status that all kinds share.
func (m *CourseMentor) GetObjectStatus() *ObjectStatus { return &m.Status.ObjectStatus }

// CourseMentorList is a list of CourseMentors.
// +kubebuilder:object:root=true
type CourseMentorList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []CourseMentor `json:"items"`
}
