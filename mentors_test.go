package main

import (
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// addMentor makes a CourseMentor of the course 1234A, as a test wants it.
func (c *company) addMentor(name string, setUp func(*v1alpha1.CourseMentorSpec)) *v1alpha1.CourseMentor {
	c.t.Helper()
	mentor := &v1alpha1.CourseMentor{ObjectMeta: c.named(name), Spec: v1alpha1.CourseMentorSpec{
		CourseCode: "1234A", MentorProfile: v1alpha1.MentorProfile{DisplayName: "Mentor " + name, Email: name + "@acme.com"}}}
	setUp(&mentor.Spec)
	c.create(mentor)
	return mentor
}

func always(*v1alpha1.CourseMentorSpec) {}

func TestTheOlderOfTwoMentorsWinsUntilItGoes(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	first := c.addMentor("a", always)
	c.waitForState(first, v1alpha1.ReasonSynced)
	second := c.addMentor("b", always)
	c.waitForState(second, v1alpha1.ReasonCourseClaimed)
	if message := readyOf(second).Message; !strings.Contains(message, "The CourseMentor a is older") {
		t.Errorf("message = %s", message)
	}
	must(t, c.Delete(context.Background(), first))
	c.waitForState(second, v1alpha1.ReasonSynced)
}

func TestMentorsTakeTurnsAtMidnightOfThePlatform(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	berlin, err := time.LoadLocation("Europe/Berlin")
	must(t, err)
	c.travelTo(time.Date(2030, 6, 14, 12, 0, 0, 0, berlin))
	first := c.addMentor("a", func(spec *v1alpha1.CourseMentorSpec) { spec.EndDate = "2030-06-14" })
	second := c.addMentor("b", func(spec *v1alpha1.CourseMentorSpec) { spec.StartDate = "2030-06-15" })
	late := c.addMentor("c", func(spec *v1alpha1.CourseMentorSpec) { spec.StartDate = "2030-06-14" })
	c.waitForState(first, v1alpha1.ReasonSynced)
	c.waitForState(second, v1alpha1.ReasonUpcoming)
	c.waitForState(late, v1alpha1.ReasonCourseClaimed)

	c.travelTo(time.Date(2030, 6, 15, 0, 0, 0, 0, berlin).Add(-10 * time.Minute))
	for _, mentor := range []*v1alpha1.CourseMentor{first, second} {
		c.requestCheck(mentor)
		c.eventually("it was looked at shortly before midnight", func() error {
			if err := c.Get(context.Background(), client.ObjectKeyFromObject(mentor), mentor); err != nil {
				return err
			}
			if mentor.Status.LastHandledReconcileAt != mentor.Annotations[v1alpha1.ReconcileRequestedAtAnnotation] {
				return conditionError(readyOf(mentor))
			}
			return nil
		})
	}
	c.waitForState(first, v1alpha1.ReasonSynced)
	c.waitForState(second, v1alpha1.ReasonUpcoming)

	c.travelTo(time.Date(2030, 6, 15, 0, 0, 0, 0, berlin))
	c.waitForState(first, v1alpha1.ReasonEnded)
	c.waitForState(second, v1alpha1.ReasonSynced)
	must(t, c.Delete(context.Background(), second))
	c.waitForState(late, v1alpha1.ReasonSynced)
}

func TestADeputyStandsInForSomeDays(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	c.travelTo(time.Date(2030, 7, 31, 12, 0, 0, 0, time.UTC))
	mentor := c.addMentor("a", func(spec *v1alpha1.CourseMentorSpec) {
		spec.Deputy = v1alpha1.DeputySpec{MentorProfile: v1alpha1.MentorProfile{DisplayName: "Deputy", Email: "deputy@acme.com"},
			StartDate: "2030-08-01", EndDate: "2030-08-02"}
	})
	c.waitForState(mentor, v1alpha1.ReasonSynced)
	shown := func(who string) {
		t.Helper()
		c.eventually("shown: "+who, func() error {
			c.waitForState(mentor, v1alpha1.ReasonSynced)
			if ready := readyOf(mentor); !strings.HasPrefix(ready.Message, "The "+who) {
				return conditionError(ready)
			}
			return nil
		})
	}
	shown("mentor")
	c.travelTo(time.Date(2030, 8, 1, 12, 0, 0, 0, time.UTC))
	shown("deputy")
	c.travelTo(time.Date(2030, 8, 2, 12, 0, 0, 0, time.UTC))
	shown("deputy")
	c.travelTo(time.Date(2030, 8, 3, 12, 0, 0, 0, time.UTC))
	shown("mentor")
}

func TestAnAddressThatAConfigMapHoldsIsCheckedAndHealsAtOnce(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	from := v1alpha1.EmailSource{ConfigMapKeyRef: v1alpha1.ConfigMapKeyReference{Name: "mentors", Key: "ada"}}
	mentor := c.addMentor("a", func(spec *v1alpha1.CourseMentorSpec) { spec.Email, spec.EmailFrom = "", from })
	says := func(reason string, words ...string) {
		t.Helper()
		c.waitForState(mentor, reason)
		for _, word := range words {
			if message := readyOf(mentor).Message; !strings.Contains(message, word) {
				t.Errorf("the message of %s does not say %q: %s", reason, word, message)
			}
		}
	}
	says(v1alpha1.ReasonEmailNotFound, "spec.emailFrom", "There is no ConfigMap mentors")
	addresses := &corev1.ConfigMap{ObjectMeta: c.named("mentors"), Data: map[string]string{"grace": "grace@acme.com"}}
	c.create(addresses)
	c.eventually("the key is missing", func() error {
		says(v1alpha1.ReasonEmailNotFound)
		if ready := readyOf(mentor); !strings.Contains(ready.Message, "no key ada") {
			return conditionError(ready)
		}
		return nil
	})
	change(c, addresses, func(o *corev1.ConfigMap) { o.Data["ada"] = "ada at acme.com" })
	says(v1alpha1.ReasonEmailInvalid, "spec.emailFrom", "mentors", "ada")
	if message := readyOf(mentor).Message; strings.Contains(message, "acme") {
		t.Errorf("the message shows the value: %s", message)
	}
	change(c, addresses, func(o *corev1.ConfigMap) { o.Data["ada"] = "ada@acme.com\n" })
	says(v1alpha1.ReasonSynced)

	change(c, mentor, func(mentor *v1alpha1.CourseMentor) {
		from.ConfigMapKeyRef.Name = "deputies"
		mentor.Spec.Deputy = v1alpha1.DeputySpec{MentorProfile: v1alpha1.MentorProfile{DisplayName: "Deputy", EmailFrom: from}, StartDate: "2099-01-01"}
	})
	says(v1alpha1.ReasonEmailNotFound, "spec.deputy.emailFrom", "deputies")
	c.create(&corev1.ConfigMap{ObjectMeta: c.named("deputies"), Data: map[string]string{"ada": "grace@acme.com"}})
	says(v1alpha1.ReasonSynced)
	must(t, c.Delete(context.Background(), addresses))
	says(v1alpha1.ReasonEmailNotFound, "spec.emailFrom", "There is no ConfigMap mentors")
}

func TestOfficeHoursAreInAZoneThatExists(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	hours := v1alpha1.OfficeHours{TimeZone: "Europe/Atlantis", Hours: []v1alpha1.OfficeHour{{Days: []v1alpha1.Weekday{"Mon"}, From: "09:00", Until: "12:00"}}}
	mentor := c.addMentor("a", func(spec *v1alpha1.CourseMentorSpec) { spec.OfficeHours = hours })
	c.waitForState(mentor, v1alpha1.ReasonInvalidTimeZone)
	change(c, mentor, func(mentor *v1alpha1.CourseMentor) { mentor.Spec.OfficeHours.TimeZone = "Europe/Berlin" })
	c.waitForState(mentor, v1alpha1.ReasonSynced)
}

func TestAMentorWaitsForAPlatformWithATimeZone(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	platform := &v1alpha1.LearningPlatform{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "default"}}
	change(c, platform, func(platform *v1alpha1.LearningPlatform) { platform.Spec.TimeZone = "Europe/Atlantis" })
	mentor := c.addMentor("a", always)
	c.waitForState(mentor, v1alpha1.ReasonPlatformUnavailable)
	change(c, platform, func(platform *v1alpha1.LearningPlatform) { platform.Spec.TimeZone = "Europe/Berlin" })
	c.waitForState(mentor, v1alpha1.ReasonSynced)
}
