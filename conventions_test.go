package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// conditioned is what every kind offers.
type conditioned interface {
	client.Object
	GetObjectStatus() *v1alpha1.ObjectStatus
}

func readyOf(o conditioned) metav1.Condition {
	if ready := meta.FindStatusCondition(o.GetObjectStatus().Conditions, v1alpha1.ConditionReady); ready != nil {
		return *ready
	}
	return metav1.Condition{}
}

// checkConventions checks every object of the test against the rules of kstatus and of the Kubernetes API conventions.
func checkConventions(t *testing.T, c *company) {
	t.Helper()
	var personal []string
	c.eventually("every object is sound", func() error {
		objects, err := c.allObjects()
		if err != nil {
			return err
		}
		for _, o := range objects {
			if contact, ok := o.(*v1alpha1.Contact); ok {
				personal = append(personal, contact.Spec.FirstName, contact.Spec.LastName, contact.Spec.Email)
			}
		}
		for _, o := range objects {
			if err := unsound(o, personal); err != nil {
				return fmt.Errorf("%T %s: %w", o, o.GetName(), err)
			}
		}
		return nil
	})
}

// unsound gives the first rule that an object breaks.
func unsound(o conditioned, personal []string) error {
	status := o.GetObjectStatus()
	is := func(kind string) bool { return meta.IsStatusConditionTrue(status.Conditions, kind) }
	ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
	switch {
	case ready == nil:
		return fmt.Errorf("Ready is missing")
	case status.ObservedGeneration != o.GetGeneration():
		return fmt.Errorf("generation %d was not observed (%d was)", o.GetGeneration(), status.ObservedGeneration)
	case is(v1alpha1.ConditionReconciling) && is(v1alpha1.ConditionStalled):
		return fmt.Errorf("both Reconciling and Stalled")
	case is(v1alpha1.ConditionStalled) && ready.Status != metav1.ConditionFalse:
		return fmt.Errorf("Stalled, but Ready is %s", ready.Status)
	case ready.Status == metav1.ConditionTrue && (is(v1alpha1.ConditionReconciling) || is(v1alpha1.ConditionConflict)):
		return fmt.Errorf("Ready, but not all is well")
	case ready.Status == metav1.ConditionFalse && !is(v1alpha1.ConditionReconciling) && !is(v1alpha1.ConditionStalled) && !is(v1alpha1.ConditionConflict):
		return fmt.Errorf("not Ready, and nothing says what is going on")
	}
	for _, condition := range status.Conditions {
		if condition.ObservedGeneration > o.GetGeneration() || condition.Reason == "" || condition.Message == "" || condition.LastTransitionTime.IsZero() {
			return fmt.Errorf("incomplete condition %+v", condition)
		}
		mayBeFalse := slices.Contains([]string{v1alpha1.ConditionReady, v1alpha1.ConditionProfileInSync, v1alpha1.ConditionSSOLinked}, condition.Type)
		if !mayBeFalse && condition.Status != metav1.ConditionTrue {
			return fmt.Errorf("%s is there, but %s", condition.Type, condition.Status)
		}
		for _, secret := range personal {
			if strings.Contains(strings.ToLower(condition.Message), strings.ToLower(secret)) {
				return fmt.Errorf("personal data in the message of %s", condition.Type)
			}
		}
	}
	return nil
}

func (c *company) allObjects() ([]conditioned, error) {
	var objects []conditioned
	for _, list := range []client.ObjectList{
		&v1alpha1.LearningPlatformList{}, &v1alpha1.CourseList{}, &v1alpha1.ContactList{}, &v1alpha1.EnrollmentList{}, &v1alpha1.CourseMentorList{},
		&v1alpha1.LearnerMessageList{},
	} {
		if err := c.List(context.Background(), list, client.InNamespace(c.namespace)); err != nil {
			return nil, err
		}
		items, err := meta.ExtractList(list)
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			objects = append(objects, item.(conditioned))
		}
	}
	return objects, nil
}
