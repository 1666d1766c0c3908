package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// MentorProfile is a person whom learners can write to, as they see it.
// +kubebuilder:validation:XValidation:rule="has(self.email) != has(self.emailFrom)",fieldPath=".email",message="must be given either here or by emailFrom"
type MentorProfile struct {
	// displayName is the person's name as learners see it.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	// +required
	DisplayName string `json:"displayName,omitempty"`

	// email is where messages to the person go. Learners never see it. Either it or emailFrom is there.
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=254
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]+@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$`
	// +optional
	Email string `json:"email,omitempty"`

	// emailFrom says where the address is kept, so that one list of addresses serves all courses and may be private.
	// +optional
	EmailFrom EmailSource `json:"emailFrom,omitempty,omitzero"`

	// photoURL is the address of a portrait that learners' browsers can load. Unset: the initials are shown.
	// +kubebuilder:validation:MinLength=9
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() == 'https' && url(self).getHostname() != '' && !self.matches('^[^/]*//[^/?#]*@')",message="must be an absolute https URL without a user"
	// +optional
	PhotoURL string `json:"photoURL,omitempty"`

	// biography is a few sentences about the person: plain text.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1000
	// +optional
	Biography string `json:"biography,omitempty"`

	// languages that the person answers in, the best one first: BCP 47 tags such as en or pt-BR.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=2
	// +kubebuilder:validation:items:MaxLength=35
	// +kubebuilder:validation:items:Pattern=`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`
	// +optional
	Languages []string `json:"languages,omitempty"`

	// officeHours are when the person is there for learners.
	// +optional
	OfficeHours OfficeHours `json:"officeHours,omitempty,omitzero"`
}

// EmailSource says where an e-mail address is kept.
type EmailSource struct {
	// configMapKeyRef names the entry of a ConfigMap in the same namespace that holds the address.
	// +required
	ConfigMapKeyRef ConfigMapKeyReference `json:"configMapKeyRef,omitempty,omitzero"`
}

// ConfigMapKeyReference names an entry of a ConfigMap in the same namespace.
type ConfigMapKeyReference struct {
	// name of the ConfigMap.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name,omitempty"`

	// key of the entry.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	// +required
	Key string `json:"key,omitempty"`
}

// OfficeHours are hours of a week.
type OfficeHours struct {
	// timeZone is the IANA name of the zone that the hours are in, such as Europe/Berlin.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$`
	// +kubebuilder:validation:XValidation:rule="self != 'Local'",message="must name a zone of the IANA database, such as Europe/Berlin"
	// +required
	TimeZone string `json:"timeZone,omitempty"`

	// hours are the spans of time.
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=21
	// +required
	Hours []OfficeHour `json:"hours,omitempty"`
}

// OfficeHour is a span of time on some days of the week.
// +kubebuilder:validation:XValidation:rule="self.until > self.from",fieldPath=".until",message="must be after from: a span ends on the day on which it began"
type OfficeHour struct {
	// days of the week.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=7
	// +required
	Days []Weekday `json:"days,omitempty"`

	// from is when it begins, HH:MM.
	// +kubebuilder:validation:MinLength=5
	// +kubebuilder:validation:MaxLength=5
	// +kubebuilder:validation:Pattern=`^([01][0-9]|2[0-3]):[0-5][0-9]$`
	// +required
	From string `json:"from,omitempty"`

	// until is when it ends, HH:MM; 24:00 is the end of the day.
	// +kubebuilder:validation:MinLength=5
	// +kubebuilder:validation:MaxLength=5
	// +kubebuilder:validation:Pattern=`^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$`
	// +required
	Until string `json:"until,omitempty"`
}

// Weekday is a day of the week.
// +kubebuilder:validation:Enum=Mon;Tue;Wed;Thu;Fri;Sat;Sun
type Weekday string

// CourseMentorSpec is who mentors a course, how they are reached and when.
// +kubebuilder:validation:XValidation:rule="!has(self.startDate) || !has(self.endDate) || self.endDate >= self.startDate",message="endDate must not be before startDate",fieldPath=".endDate"
// +kubebuilder:validation:XValidation:rule="!has(self.deputy) || (!has(self.endDate) || self.deputy.startDate <= self.endDate) && (!has(self.startDate) || !has(self.deputy.endDate) || self.deputy.endDate >= self.startDate)",message="must have a day in common with the mentor's startDate and endDate: on others the deputy stands in for nobody",fieldPath=".deputy"
type CourseMentorSpec struct {
	// courseCode is the back office's name for the course. Immutable.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9._-]+$`
	// +kubebuilder:validation:XValidation:rule="!(self in ['.', '..'])",message="must be more than one or two dots, which no address can carry"
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="is immutable: create another CourseMentor instead"
	// +required
	CourseCode string `json:"courseCode,omitempty"`

	MentorProfile `json:",inline"`

	// startDate is the first day on which they mentor the course, YYYY-MM-DD, in the platform's time zone. Unset: no beginning.
	// +optional
	StartDate Date `json:"startDate,omitempty"`

	// endDate is the last day on which they do. Unset: no end.
	// +optional
	EndDate Date `json:"endDate,omitempty"`

	// deputy is who stands in for them for some days, at least one of them their own. Unset: nobody does.
	// +optional
	Deputy DeputySpec `json:"deputy,omitempty,omitzero"`

	// platformRef names the LearningPlatform that holds the course. Default: the one named `default`. Immutable.
	// +kubebuilder:default={name: "default"}
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="is immutable: create another CourseMentor instead"
	// +optional
	PlatformRef PlatformReference `json:"platformRef,omitempty,omitzero"`
}

// DeputySpec is who stands in for a mentor, and when: learners see and write to the deputy on these days.
// +kubebuilder:validation:XValidation:rule="!has(self.endDate) || self.endDate >= self.startDate",message="endDate must not be before startDate",fieldPath=".endDate"
type DeputySpec struct {
	MentorProfile `json:",inline"`

	// startDate is the first day, YYYY-MM-DD, in the platform's time zone.
	// +required
	StartDate Date `json:"startDate,omitempty"`

	// endDate is the last day. Unset: until this is changed.
	// +optional
	EndDate Date `json:"endDate,omitempty"`
}

// CourseMentorStatus says whether the mentor takes effect.
type CourseMentorStatus struct {
	ObjectStatus `json:",inline"`
}

// CourseMentor is the person who looks after a course. Where two claim the same one on the same day, the older object wins.
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
