package main

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

// A person's Enrollment outlives its Contact, which cannot change its platform but be made again on another one. There the
// learner has the same username, as it is derived from name and ID.
func TestAnEnrollmentFollowsItsContactToAnotherPlatform(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	there := openedxtest.Start(t, openedxtest.DemoWorld(), openedxtest.WithThrottle(0))
	c.create(&corev1.Secret{ObjectMeta: c.named("there"), StringData: map[string]string{"client-id": clientID, "client-secret": clientSecret}})
	second := &v1alpha1.LearningPlatform{ObjectMeta: c.named("second"), Spec: v1alpha1.LearningPlatformSpec{
		URL: there.URL, CredentialsSecretRef: v1alpha1.SecretReference{Name: "there"}}}
	c.create(second)
	course := &v1alpha1.Course{ObjectMeta: c.named("there"), Spec: v1alpha1.CourseSpec{
		CourseCode: "1234A", CourseKey: courseKey("1234A"), PlatformRef: v1alpha1.PlatformReference{Name: "second"}}}
	c.create(course)
	c.waitForState(course, v1alpha1.ReasonSynced)
	on := func(platform string) *v1alpha1.Contact {
		contact := &v1alpha1.Contact{ObjectMeta: c.named("moving"), Spec: v1alpha1.ContactSpec{
			ContactID: "moving", FirstName: "Joe", LastName: "Smith", Email: "joe.moving@acme.com", PlatformRef: v1alpha1.PlatformReference{Name: platform}}}
		c.create(contact)
		c.waitForState(contact, v1alpha1.ReasonSynced)
		return contact
	}
	before := on("default")
	extra := &v1alpha1.Enrollment{ObjectMeta: c.named("extra"), Spec: v1alpha1.EnrollmentSpec{
		ContactRef: v1alpha1.ContactReference{Name: "moving"}, CourseCode: "1234A", AccessStartDate: "2020-01-01"}}
	c.create(extra)
	c.waitForState(extra, v1alpha1.ReasonSynced)
	must(t, c.Delete(context.Background(), before))
	c.waitForState(extra, v1alpha1.ReasonContactNotReady)

	after := on("second")
	c.waitForState(extra, v1alpha1.ReasonSynced)
	if got, _ := there.Enrollment(after.Status.Learner.Username, courseKey("1234A")); !got.Active {
		t.Error("the learner is not enrolled on the platform of the contact")
	}
	c.waitForLMS("joe.moving@acme.com", "1234A", false)
}
