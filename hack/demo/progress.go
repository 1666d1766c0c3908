package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
)

const (
	inStepTimeout = 3 * time.Minute
	// For this long nothing may move. A conflict can already be over and its healing still be on the way.
	calm = time.Second
)

// waitUntilInStep waits until every object has come to rest: synced, or in a conflict that waits for a person.
func (d *demo) waitUntilInStep(ctx context.Context) error {
	api, err := d.client()
	if err != nil {
		return err
	}
	var moving []string
	var calmSince time.Time
	err = wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, inStepTimeout, true, func(ctx context.Context) (bool, error) {
		if moving, err = stillMoving(ctx, api); err != nil {
			return false, err
		}
		if len(moving) > 0 {
			calmSince = time.Time{}
			return false, nil
		}
		if calmSince.IsZero() {
			calmSince = time.Now()
		}
		return time.Since(calmSince) >= calm, nil
	})
	if err != nil {
		return fmt.Errorf("not in step after %s:\n  %s\nSee %s", inStepTimeout, strings.Join(moving, "\n  "), d.path("rollcall.log"))
	}
	return nil
}

// stillMoving lists the objects that Rollcall has not yet looked at or still works on.
func stillMoving(ctx context.Context, api client.Client) ([]string, error) {
	var moving []string
	for _, list := range []client.ObjectList{
		&v1alpha1.LearningPlatformList{}, &v1alpha1.CourseList{}, &v1alpha1.CourseMentorList{},
		&v1alpha1.ContactList{}, &v1alpha1.EnrollmentList{},
	} {
		if err := api.List(ctx, list); err != nil {
			return nil, err
		}
		if err := meta.EachListItem(list, func(item runtime.Object) error {
			object := item.(interface { //nolint:forcetypeassert // so are all kinds of the API
				client.Object
				GetObjectStatus() *v1alpha1.ObjectStatus
			})
			status := object.GetObjectStatus()
			if !atRest(status, object.GetGeneration()) {
				moving = append(moving, fmt.Sprintf("%s %s: %s", kind(object), object.GetName(), state(status)))
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return moving, nil
}

func atRest(status *v1alpha1.ObjectStatus, generation int64) bool {
	conditions := status.Conditions
	return status.ObservedGeneration == generation &&
		!meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionReconciling) &&
		(meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionReady) ||
			meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionConflict))
}

func state(status *v1alpha1.ObjectStatus) string {
	ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
	if ready == nil {
		return "Rollcall has not looked at it yet"
	}
	return ready.Reason + ": " + ready.Message
}

func kind(object runtime.Object) string {
	return strings.TrimPrefix(fmt.Sprintf("%T", object), "*v1alpha1.")
}
