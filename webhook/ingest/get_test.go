package ingest

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/names"
)

func TestGetGivesTheDocumentAndWhereItStands(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Date(2018, time.June, 1, 12, 0, 0, 0, time.UTC))
	d := open(t, func(o *Options) { o.Clock = clock })
	ctx := context.Background()
	if a := d.get("000123"); a.status != http.StatusNotFound || a.problem(t).Type != "/problems/not-found" {
		t.Errorf("GET = %d %s of an unknown contact, want 404", a.status, a.body)
	}
	document := `{"Contact": {"ContactID": "000123", "FirstName": "Joe", "LastName": "Smith", "Email": "Joe.Smith@acme.com", "Enrollments": [
		{"CourseCode": "B", "AccessStartDate": "2017-10-01", "AccessEndDate": "2018-09-30"}, {"CourseCode": "A", "AccessStartDate": "2017-10-01", "AccessEndDate": "2018-03-31"}]}}`
	d.put("000123", document)
	check := func(what, status string) {
		t.Helper()
		a := d.get("000123")
		if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/json" || a.header.Get("Cache-Control") != "no-store" {
			t.Fatalf("GET = %d %v %s", a.status, a.header, a.body)
		}
		want := jsontext.Value(document[:len(document)-1] + `, "Status": ` + status + "}")
		got := jsontext.Value(a.body)
		must(t, want.Compact())
		must(t, got.Compact())
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	check("just stored", `{"State": "Queued", "Ready": false, "Message": "Stored; the work on it has not begun.", "Enrollments": [
		{"CourseCode": "B", "State": "Queued", "Enrolled": false}, {"CourseCode": "A", "State": "Queued", "Enrolled": false}]}`)

	// The controllers' part.
	contact := d.contact("000123")
	contact.Status.Learner = v1alpha1.LearnerStatus{Username: "joe_smith", ProvisionedBy: v1alpha1.ProvisionedByCreation}
	ready(&contact.Status.ObjectStatus, contact.Generation, metav1.ConditionFalse, "Retrying", "The LMS does not answer.")
	must(t, d.admin.Status().Update(ctx, contact))
	for code, state := range map[string]string{"B": "Synced", "dropped": "Deleting"} {
		enrollment := &v1alpha1.Enrollment{
			ObjectMeta: metav1.ObjectMeta{Namespace: d.namespace, Name: names.Enrollment("000123", code)},
			Spec: v1alpha1.EnrollmentSpec{ContactRef: v1alpha1.ContactReference{Name: contact.Name},
				CourseCode: code, AccessStartDate: "2017-10-01", AccessEndDate: "2018-09-30"},
		}
		must(t, d.admin.Create(ctx, enrollment))
		enrollment.Status.Access = v1alpha1.AccessOpen
		enrollment.Status.Enrolled = new(true)
		enrollment.Status.Mode = "audit"
		ready(&enrollment.Status.ObjectStatus, enrollment.Generation, metav1.ConditionTrue, state, "All is well.")
		must(t, d.admin.Status().Update(ctx, enrollment))
		d.seen(enrollment)
	}
	d.seen(contact)
	extra := `{"CourseCode": "dropped", "State": "Deleting", "Access": "Open", "Enrolled": true, "Mode": "audit", "Message": "All is well."}`
	b := `{"CourseCode": "B", "State": "Synced", "Access": "Open", "Enrolled": true, "Mode": "audit", "Message": "All is well."}`
	check("at work", `{"State": "Retrying", "Ready": false, "Message": "The LMS does not answer.", "Username": "joe_smith", "Enrollments": [
		`+b+`, {"CourseCode": "A", "State": "Queued", "Enrolled": false}, `+extra+`]}`)

	// A ended, and no Enrollment of it is kept. That is so whether the Contact is in step or not.
	platform := &v1alpha1.LearningPlatform{
		ObjectMeta: metav1.ObjectMeta{Namespace: d.namespace, Name: "default"},
		Spec: v1alpha1.LearningPlatformSpec{URL: "https://learn.example.com",
			CredentialsSecretRef: v1alpha1.SecretReference{Name: "open-edx"}, EndedEnrollmentRetentionDays: new(int32(30))},
	}
	must(t, d.admin.Create(ctx, platform))
	d.seen(platform)
	check("A ended, but not before the contact came", `{"State": "Retrying", "Ready": false, "Message": "The LMS does not answer.", "Username": "joe_smith", "Enrollments": [
		`+b+`, {"CourseCode": "A", "State": "Queued", "Enrolled": false}, `+extra+`]}`)
	clock.SetTime(contact.CreationTimestamp.AddDate(0, 0, 30))
	check("A ended long ago", `{"State": "Retrying", "Ready": false, "Message": "The LMS does not answer.", "Username": "joe_smith", "Enrollments": [
		`+b+`, {"CourseCode": "A", "State": "Synced", "Access": "Ended", "Enrolled": false}, `+extra+`]}`)
	ready(&contact.Status.ObjectStatus, contact.Generation, metav1.ConditionTrue, "Synced", "In step.")
	must(t, d.admin.Status().Update(ctx, contact))
	d.seen(contact)
	check("in step", `{"State": "Synced", "Ready": true, "Message": "In step.", "Username": "joe_smith", "Enrollments": [
		`+b+`, {"CourseCode": "A", "State": "Synced", "Access": "Ended", "Enrolled": false}, `+extra+`]}`)

	// What was said of the old document is not said of the new one.
	document = joe("1234A", "B", "2018-09-30", "2019-09-30")
	d.put("000123", document)
	b = `{"CourseCode": "B", "State": "Queued", "Access": "Open", "Enrolled": true, "Mode": "audit", "Message": "Stored; the work on it has not begun."}`
	check("replaced", `{"State": "Queued", "Ready": false, "Message": "Stored; the work on it has not begun.", "Username": "joe_smith", "Enrollments": [`+b+`, `+extra+`]}`)
}

func ready(status *v1alpha1.ObjectStatus, generation int64, is metav1.ConditionStatus, reason, message string) {
	meta.SetStatusCondition(&status.Conditions, metav1.Condition{Type: v1alpha1.ConditionReady, Status: is,
		ObservedGeneration: generation, Reason: reason, Message: message})
}
