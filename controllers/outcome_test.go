package controllers

import (
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rollcall.dev/rollcall/api/v1alpha1"
)

func TestAnOutcomeShowsAsConditionsAndTheOneBeforeLeavesNoTrace(t *testing.T) {
	outcomes := map[string]struct {
		outcome
		ready metav1.ConditionStatus
		also  []string
	}{
		"in step":   {inStep("m", 0), metav1.ConditionTrue, nil},
		"working":   {working(v1alpha1.ReasonRetrying, "m", 0), metav1.ConditionFalse, []string{v1alpha1.ConditionReconciling}},
		"conflict":  {conflict(v1alpha1.ReasonEmailInUse, "m", 0), metav1.ConditionFalse, []string{v1alpha1.ConditionConflict}},
		"stalled":   {stalled(v1alpha1.ReasonAccountRetired, "m", 0), metav1.ConditionFalse, []string{v1alpha1.ConditionStalled}},
		"suspended": {suspended(), metav1.ConditionUnknown, nil},
	}
	for beforeName, before := range outcomes {
		for name, after := range outcomes {
			t.Run(beforeName+" then "+name, func(t *testing.T) {
				var status v1alpha1.ObjectStatus
				before.report(&status, 1, time.Unix(1, 0))
				after.report(&status, 2, time.Unix(2, 0))

				ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
				if ready == nil || ready.Status != after.ready || ready.Reason != after.reason || ready.ObservedGeneration != 2 || status.ObservedGeneration != 2 {
					t.Errorf("Ready = %+v, want %s, %s", ready, after.ready, after.reason)
				}
				var also []string
				for _, condition := range status.Conditions {
					if condition.Type != v1alpha1.ConditionReady {
						also = append(also, condition.Type)
						if condition.Status != metav1.ConditionTrue || condition.Reason != after.reason {
							t.Errorf("condition = %+v, want it True with Ready's reason", condition)
						}
					}
				}
				if !slices.Equal(also, after.also) {
					t.Errorf("conditions besides Ready = %v, want %v", also, after.also)
				}
				moved := before.ready != after.ready
				if got := ready.LastTransitionTime.Equal(new(metav1.NewTime(time.Unix(2, 0)))); got != moved {
					t.Errorf("transition time moved: %v, want %v", got, moved)
				}
			})
		}
	}
}

func TestTheSoonerOfTwoVisitsIsPlanned(t *testing.T) {
	for _, test := range []struct{ planned, other, want time.Duration }{
		{0, 0, 0}, {0, time.Hour, time.Hour}, {time.Hour, 0, time.Hour}, {time.Hour, time.Minute, time.Minute}, {time.Minute, time.Hour, time.Minute},
	} {
		if got := inStep("", test.planned).sooner(test.other).after; got != test.want {
			t.Errorf("%s, sooner than %s = %s, want %s", test.planned, test.other, got, test.want)
		}
	}
}
