package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
)

func isReady(o conditioned) bool { return readyOf(o).Status == metav1.ConditionTrue }

// waitUntilEmpty waits until no Contact and no Enrollment is left.
func (c *company) waitUntilEmpty() {
	c.t.Helper()
	c.eventually("all Contacts and Enrollments are gone", func() error {
		var contacts v1alpha1.ContactList
		var enrollments v1alpha1.EnrollmentList
		if err := c.List(context.Background(), &contacts, client.InNamespace(c.namespace)); err != nil {
			return err
		}
		if err := c.List(context.Background(), &enrollments, client.InNamespace(c.namespace)); err != nil {
			return err
		}
		if left := len(contacts.Items) + len(enrollments.Items); left > 0 {
			return fmt.Errorf("%d are left", left)
		}
		return nil
	})
}

// versions gives the resource version of every object.
func (c *company) versions() map[string]string {
	c.t.Helper()
	objects, err := c.allObjects()
	must(c.t, err)
	versions := map[string]string{}
	for _, o := range objects {
		versions[fmt.Sprintf("%T %s", o, o.GetName())] = o.GetResourceVersion()
	}
	return versions
}

// jsonHas says whether a JSON object has the value at the path of member names.
func jsonHas(t *testing.T, encoded []byte, pathAndValue ...string) bool {
	t.Helper()
	var value any
	must(t, json.Unmarshal(encoded, &value))
	path, want := pathAndValue[:len(pathAndValue)-1], pathAndValue[len(pathAndValue)-1]
	for _, name := range path {
		members, ok := value.(map[string]any)
		if !ok {
			return false
		}
		value = members[name]
	}
	return value == want
}

func conditionError(condition metav1.Condition) error {
	return fmt.Errorf("it is %s, %s: %s", condition.Status, condition.Reason, condition.Message)
}

func asJSON(value any) string {
	encoded, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(encoded)
}

// waitUntilIdle waits until nothing is worked on or queued. What is planned for later, if soon, is still to come.
func (c *company) waitUntilIdle() {
	c.t.Helper()
	idle := 0
	c.eventually("all work is done", func() error {
		if idle++; !c.clock.idle() {
			idle = 0
		}
		if idle < 3 { // an event may be on its way
			return errors.New("something is worked on")
		}
		return nil
	})
}

// travelTo skips the time until an instant once all work is done: what is worked on plans its next visit from before.
func (c *company) travelTo(until time.Time) {
	c.t.Helper()
	c.waitUntilIdle()
	c.clock.travelTo(until)
}
