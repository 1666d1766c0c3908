// Package v1alpha1 is Rollcall's Kubernetes API: what was sold (Contact, Enrollment), where it is carried out
// (LearningPlatform, Course), who looks after a course (CourseMentor) and what learners write to them (LearnerMessage).
//
// +kubebuilder:object:generate=true
// +kubebuilder:ac:generate=true
// +groupName=rollcall.dev
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	// GroupVersion is the API group and version of every kind in this package.
	GroupVersion = schema.GroupVersion{Group: "rollcall.dev", Version: "v1alpha1"}

	// SchemeGroupVersion is GroupVersion under the name that generated code looks for.
	SchemeGroupVersion = GroupVersion

	schemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

	// AddToScheme registers every kind of this package with a scheme.
	AddToScheme = schemeBuilder.AddToScheme
)

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&LearningPlatform{}, &LearningPlatformList{},
		&Course{}, &CourseList{},
		&Contact{}, &ContactList{},
		&Enrollment{}, &EnrollmentList{},
		&CourseMentor{}, &CourseMentorList{},
		&LearnerMessage{}, &LearnerMessageList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
