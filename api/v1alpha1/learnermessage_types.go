package v1alpha1

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Recipient is whom a learner writes to.
// +kubebuilder:validation:Enum=Mentor;Support
type Recipient string

const (
	// RecipientMentor is whoever mentors the course when the message is delivered.
	RecipientMentor Recipient = "Mentor"
	// RecipientSupport is the platform's support.
	RecipientSupport Recipient = "Support"
)

// LearnerMessageSpec is what a learner wrote, and to whom. Nothing of it can be changed.
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="is immutable: a message is as it was written"
// +kubebuilder:validation:XValidation:rule="(self.recipient == 'Mentor') == has(self.courseCode)",fieldPath=".courseCode",message="must name the course of a message to a mentor, and only of such a one"
type LearnerMessageSpec struct {
	// contactRef names the Contact in the same namespace that wrote it.
	// +required
	ContactRef ContactReference `json:"contactRef,omitempty,omitzero"`

	// recipient is whom it is for.
	// +required
	Recipient Recipient `json:"recipient,omitempty"`

	// courseCode of the course whose mentor it is for. Unset: it is for support.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9._-]+$`
	// +kubebuilder:validation:XValidation:rule="!(self in ['.', '..'])",message="must be more than one or two dots, which no address can carry"
	// +optional
	CourseCode string `json:"courseCode,omitempty"`

	// subject is one line of text. Unset: Rollcall gives it one.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	// +kubebuilder:validation:XValidation:rule="!self.matches('[\\\\x00-\\\\x1f\\\\x7f]')",message="must be one line without control characters"
	// +optional
	Subject string `json:"subject,omitempty"`

	// text is what the learner wrote: plain text of up to 5,000 characters.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=5000
	// +kubebuilder:validation:XValidation:rule="!self.matches('[\\\\x00-\\\\x08\\\\x0b-\\\\x1f\\\\x7f]')",message="must be plain text: no control characters but tabs and line feeds"
	// +required
	Text string `json:"text,omitempty"`

	// platformRef names the LearningPlatform whose learner wrote it. Default: the one named `default`.
	// +kubebuilder:default={name: "default"}
	// +optional
	PlatformRef PlatformReference `json:"platformRef,omitempty,omitzero"`
}

// LearnerMessageStatus says how far its delivery is.
type LearnerMessageStatus struct {
	ObjectStatus `json:",inline"`

	// to is whom it was last sent to, or was tried to: `mentor/` and the name of the CourseMentor, `deputy/` and the name of the
	// CourseMentor whose deputy got it, or `support`. It is no address.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=300
	// +optional
	To string `json:"to,omitempty"`

	// deliveredTime is when the mail server took it. Unset: it has not.
	// +optional
	DeliveredTime *metav1.Time `json:"deliveredTime,omitempty"`

	// attempts are the failed attempts to deliver it since the last change of its recipient or of the mail server.
	// +optional
	Attempts *Attempts `json:"attempts,omitempty"`
}

// LearnerMessage is what a learner wrote to a mentor or to support from the Open edX page. The learner API makes them.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=lmsg,categories=rollcall
// +kubebuilder:selectablefield:JSONPath=`.spec.contactRef.name`
// +kubebuilder:printcolumn:name="Contact",type=string,JSONPath=`.spec.contactRef.name`
// +kubebuilder:printcolumn:name="Recipient",type=string,JSONPath=`.spec.recipient`
// +kubebuilder:printcolumn:name="To",type=string,JSONPath=`.status.to`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Attempts",type=integer,JSONPath=`.status.attempts.count`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Course",type=string,priority=1,JSONPath=`.spec.courseCode`
// +kubebuilder:printcolumn:name="Delivered",type=date,priority=1,JSONPath=`.status.deliveredTime`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type LearnerMessage struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec is what the learner wrote.
	// +required
	Spec LearnerMessageSpec `json:"spec,omitempty,omitzero"`

	// status says how far its delivery is.
	// +optional
	Status LearnerMessageStatus `json:"status,omitempty,omitzero"`
}

// GetObjectStatus gives the part of the status that all kinds share.
func (m *LearnerMessage) GetObjectStatus() *ObjectStatus { return &m.Status.ObjectStatus }

// IsOf says whether the Contact wrote the message: it is the one that the message names, and the one that owns it. A later one of
// the same name may be somebody else. A message that was made by hand may have no owner.
func (m *LearnerMessage) IsOf(contact *Contact) bool {
	return m.Spec.ContactRef.Name == contact.Name && !slices.ContainsFunc(m.OwnerReferences, func(owner metav1.OwnerReference) bool {
		return owner.Kind == "Contact" && owner.UID != contact.UID
	})
}

// LearnerMessageList is a list of LearnerMessages.
// +kubebuilder:object:root=true
type LearnerMessageList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []LearnerMessage `json:"items"`
}
