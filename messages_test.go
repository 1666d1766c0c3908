package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/mail/mailtest"
	"rollcall.dev/rollcall/internal/names"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

// newCorrespondence is a company with a learner, 4711, a mentor of the course 1234A, support, and a mail server.
func newCorrespondence(t *testing.T, mail v1alpha1.MailSpec, setUp ...func(*v1alpha1.LearningPlatformSpec)) *company {
	t.Helper()
	lms := openedxtest.Start(t, openedxtest.DemoWorld(), openedxtest.WithThrottle(0))
	c := newCompanyWith(t, lms, &travelClock{}, func(spec *v1alpha1.LearningPlatformSpec) {
		spec.Learners.Mail = mail
		spec.Learners.Support = v1alpha1.SupportSpec{DisplayName: "Learner Services", Email: "services@acme.com"}
		for _, change := range setUp {
			change(spec)
		}
	}, "1234A")
	c.mustPut(joe("4711", "1234A"), 201)
	mentor := mentorOf("1234A", "dana.wells@acme.com")
	mentor.Namespace = c.namespace
	c.create(mentor)
	return c
}

// strictMail has messages go to an Exim, with TLS and a password.
func strictMail(exim *mailtest.Exim) v1alpha1.MailSpec {
	return v1alpha1.MailSpec{
		Host: exim.Host, Port: int32(exim.Port), From: "learning@example.com", CABundle: string(exim.CA),
		CredentialsSecretRef: v1alpha1.SecretReference{Name: "mail"},
	}
}

func (c *company) setMailPassword(password string) {
	secret := &corev1.Secret{ObjectMeta: c.named("mail"), StringData: map[string]string{"username": mailtest.Username, "password": password}}
	if err := c.Create(context.Background(), secret); !apierrors.IsAlreadyExists(err) {
		must(c.t, err)
		return
	}
	must(c.t, c.Update(context.Background(), secret))
}

// easyMail has messages go to a server that fails as the test wants it.
func easyMail(server *mailtest.Server) v1alpha1.MailSpec {
	return v1alpha1.MailSpec{Host: server.Host, Port: int32(server.Port), From: "learning@example.com", Security: v1alpha1.MailSecurityNone}
}

func mentorOf(course, email string) *v1alpha1.CourseMentor {
	mentor := &v1alpha1.CourseMentor{Spec: v1alpha1.CourseMentorSpec{
		CourseCode: course, MentorProfile: v1alpha1.MentorProfile{DisplayName: "Dana Wells", Email: email},
	}}
	mentor.Name = "dana"
	return mentor
}

const text = "Good morning,\n\nwhen does it begin? Gruß\n"

// write stores a message of the learner 4711, as the learner API does.
func (c *company) write(name string, changes ...func(*v1alpha1.LearnerMessage)) *v1alpha1.LearnerMessage {
	c.t.Helper()
	message := &v1alpha1.LearnerMessage{ObjectMeta: c.named(name), Spec: v1alpha1.LearnerMessageSpec{
		ContactRef: v1alpha1.ContactReference{Name: names.Contact("4711")}, Recipient: v1alpha1.RecipientMentor, CourseCode: "1234A", Text: text,
	}}
	for _, change := range changes {
		change(message)
	}
	c.create(message)
	return message
}

// travelUntil lets time pass, step by step, until a message has a state: its next visit may not be planned yet at the first one.
func (c *company) travelUntil(message *v1alpha1.LearnerMessage, reason string, step time.Duration) {
	c.t.Helper()
	c.eventually("in time it is "+reason, func() error {
		must(c.t, c.Get(context.Background(), client.ObjectKeyFromObject(message), message))
		if ready := readyOf(message); ready.Reason != reason {
			c.clock.travelTo(c.clock.Now().Add(step))
			return fmt.Errorf("it is %s", ready.Reason)
		}
		return nil
	})
}

func toSupport(m *v1alpha1.LearnerMessage) {
	m.Spec.Recipient, m.Spec.CourseCode = v1alpha1.RecipientSupport, ""
}

func TestAMessageReachesTheMentorOnce(t *testing.T) {
	t.Parallel()
	exim := mailtest.StartExim(t)
	c := newCorrespondence(t, strictMail(exim))
	c.setMailPassword(mailtest.Password)
	message := c.write("hello", func(m *v1alpha1.LearnerMessage) { m.Spec.Subject = "A question" })
	c.waitForState(message, v1alpha1.ReasonDelivered)
	if status := message.Status; status.To != "mentor/dana" || status.DeliveredTime == nil || status.Attempts != nil {
		t.Errorf("its status is %s", asJSON(status))
	}
	letter := exim.WaitForLetters(1)[0]
	want := map[string]string{
		"Auto-Submitted":     "no",
		"Envelope-To":        "dana.wells@acme.com",
		"Return-Path":        "<learning@example.com>",
		"From":               `"127.0.0.1" <learning@example.com>`,
		"To":                 `"Dana Wells" <dana.wells@acme.com>`,
		"Reply-To":           `"Joe Smith4711" <joe.4711@acme.com>`,
		"Subject":            "[1234A] A question",
		"Message-Id":         fmt.Sprintf("<%s@example.com>", message.UID),
		"X-Rollcall-Message": c.namespace + "/hello",
	}
	got := map[string]string{}
	for name := range want {
		got[name] = letter.Header[name]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("its head (-want +got):\n%s", diff)
	}
	if date, err := mail.ParseDate(letter.Header["Date"]); err != nil || !date.Equal(message.CreationTimestamp.Time) {
		t.Errorf("its date is %s, and it was written on %s", letter.Header["Date"], message.CreationTimestamp)
	}
	if want := strings.TrimSpace(text) + "\n\n-- \nJoe Smith4711 · 4711 · 1234A\n" + c.lms.URL + "\n"; letter.Text != want {
		t.Errorf("its text is %q, want %q", letter.Text, want)
	}

	c.stop()
	c.start()
	another := c.write("another", toSupport)
	c.waitForState(another, v1alpha1.ReasonDelivered)
	for _, letter := range exim.WaitForLetters(2) {
		if letter.Header["Envelope-To"] == "services@acme.com" {
			if to, subject := letter.Header["To"], letter.Header["Subject"]; to != `"Learner Services" <services@acme.com>` || subject != "Joe Smith4711" {
				t.Errorf("support got %q for %s", subject, to)
			}
		}
	}
	c.requestCheck(another)
	c.eventually("that there is nothing to check is told", func() error {
		c.waitForState(another, v1alpha1.ReasonDelivered)
		if got, want := another.Status.LastHandledReconcileAt, another.Annotations[v1alpha1.ReconcileRequestedAtAnnotation]; got != want {
			return fmt.Errorf("the last check is %s, want %s", got, want)
		}
		return nil
	})
	if another.Status.To != "support" || len(exim.Letters()) != 2 {
		t.Errorf("%d messages were delivered, the last one to %s", len(exim.Letters()), another.Status.To)
	}
}

func TestWhatIsOnItsWayWhenRollcallStopsIsNotSentAgain(t *testing.T) {
	t.Parallel()
	server := mailtest.StartServer(t)
	c := newCorrespondence(t, easyMail(server))
	received, answer := make(chan struct{}, 1), make(chan struct{})
	server.Decide(func(stage mailtest.Stage) error {
		if stage == mailtest.Received {
			received <- struct{}{}
			<-answer
		}
		return nil
	})
	message := c.write("hello")
	<-received
	time.AfterFunc(500*time.Millisecond, func() { close(answer) })
	c.stop()
	must(t, c.Get(context.Background(), client.ObjectKeyFromObject(message), message))
	if message.Status.DeliveredTime == nil {
		t.Errorf("that it was delivered was not written down: %s", asJSON(message.Status))
	}
	c.start()
	c.waitForState(c.write("another"), v1alpha1.ReasonDelivered)
	if letters := server.Letters(); len(letters) != 2 {
		t.Errorf("%d messages were delivered, want 2", len(letters))
	}
}

func TestAnAnswerThatIsLostWhileRollcallStopsIsWrittenDown(t *testing.T) {
	t.Parallel()
	server := mailtest.StartServer(t)
	c := newCorrespondence(t, easyMail(server))
	received, lose := make(chan struct{}, 1), make(chan struct{})
	server.Decide(func(stage mailtest.Stage) error {
		if stage == mailtest.Received {
			received <- struct{}{}
			<-lose
			return mailtest.Drop
		}
		return nil
	})
	message := c.write("hello")
	<-received
	time.AfterFunc(500*time.Millisecond, func() { close(lose) })
	c.stop()
	must(t, c.Get(context.Background(), client.ObjectKeyFromObject(message), message))
	if attempts := message.Status.Attempts; attempts == nil || attempts.NextTime == nil || attempts.NextTime.Sub(attempts.LastTime.Time) < 10*time.Minute {
		t.Errorf("that it may have been delivered was not written down: %s", asJSON(message.Status))
	}
	server.Decide(func(mailtest.Stage) error { return nil })
	c.start()
	c.waitForState(c.write("another"), v1alpha1.ReasonDelivered)
	c.travelTo(c.clock.Now().Add(10 * time.Minute))
	c.waitUntilIdle()
	if letters := server.Letters(); len(letters) != 2 {
		t.Errorf("%d messages were sent, want 2", len(letters))
	}
}

func TestWhatIsNotConfirmedGoesOutAgainUnderTheSameMessageID(t *testing.T) {
	t.Parallel()
	server := mailtest.StartServer(t)
	c := newCorrespondence(t, easyMail(server))
	server.Decide(func(stage mailtest.Stage) error {
		if stage == mailtest.Received && len(server.Letters()) == 1 {
			return mailtest.Drop
		}
		return nil
	})
	message := c.write("hello")
	c.waitForState(message, v1alpha1.ReasonRetrying)
	if wait := message.Status.Attempts.NextTime.Sub(message.Status.Attempts.LastTime.Time); wait < 14*time.Minute {
		t.Errorf("it is sent again after %v", wait)
	}
	c.travelUntil(message, v1alpha1.ReasonDelivered, 10*time.Minute)
	letters := server.WaitForLetters(2)
	if a, b := letters[0].Header["Message-Id"], letters[1].Header["Message-Id"]; a != b || a == "" || len(letters) > 2 {
		t.Errorf("%d messages were sent, %s and %s", len(letters), a, b)
	}
}

func TestAMailServerThatNeverConfirmsGetsAMessageAFewTimes(t *testing.T) {
	t.Parallel()
	server := mailtest.StartServer(t)
	c := newCorrespondence(t, easyMail(server))
	server.Decide(refuse(mailtest.Received, mailtest.Drop))
	message := c.write("hello")
	c.travelUntil(message, v1alpha1.ReasonUnconfirmed, 10*time.Minute)
	change(c, &v1alpha1.LearningPlatform{ObjectMeta: c.named("default")}, func(p *v1alpha1.LearningPlatform) { p.Spec.CallsPerMinute = 1000 })
	c.travelTo(c.clock.Now().Add(24 * time.Hour))
	server.Decide(func(mailtest.Stage) error { return nil })
	c.waitForState(c.write("another", toSupport), v1alpha1.ReasonDelivered)
	if letters := server.Letters(); len(letters) != 6 {
		t.Errorf("%d messages were sent, want 5 of the one and 1 of the other", len(letters))
	}
	c.requestCheck(message)
	c.waitForState(message, v1alpha1.ReasonDelivered)
}

func TestWhatIsNotConfirmedWaitsAlsoWhileNothingCanBeWritten(t *testing.T) {
	t.Parallel()
	server := mailtest.StartServer(t)
	log := &syncBuffer{}
	c := newCorrespondence(t, easyMail(server))
	c.stop()
	c.log = log
	c.start()
	lose := make(chan struct{})
	server.Decide(func(stage mailtest.Stage) error {
		if stage == mailtest.Received {
			<-lose
			return mailtest.Drop
		}
		return nil
	})
	message := c.write("hello")
	server.WaitForLetters(1)
	accept := c.refuseStatusOf(message)
	close(lose)
	c.eventually("it was visited again and again", func() error {
		if visits := strings.Count(log.String(), "cannot write the status"); visits < 3 {
			return fmt.Errorf("%d times", visits)
		}
		return nil
	})
	accept()
	c.waitForState(message, v1alpha1.ReasonRetrying)
	if attempts := message.Status.Attempts; len(server.Letters()) != 1 || attempts == nil || attempts.Count != 1 || message.Status.To != "mentor/dana" {
		t.Errorf("it was sent %d times; the status is %s", len(server.Letters()), asJSON(message.Status))
	}
}

// refuseStatusOf has the API server refuse the status of the message, and of all others of the company, until it is to accept
// them.
func (c *company) refuseStatusOf(message *v1alpha1.LearnerMessage) (accept func()) {
	c.t.Helper()
	rules := &admissionregistrationv1.MatchResources{
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: c.namespace}},
		ResourceRules: []admissionregistrationv1.NamedRuleWithOperations{{RuleWithOperations: admissionregistrationv1.RuleWithOperations{
			Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Update},
			Rule:       admissionregistrationv1.Rule{APIGroups: []string{v1alpha1.GroupVersion.Group}, APIVersions: []string{"*"}, Resources: []string{"learnermessages/status"}},
		}}},
	}
	name := metav1.ObjectMeta{Name: c.namespace}
	policy := &admissionregistrationv1.ValidatingAdmissionPolicy{ObjectMeta: name, Spec: admissionregistrationv1.ValidatingAdmissionPolicySpec{
		MatchConstraints: rules, Validations: []admissionregistrationv1.Validation{{Expression: "false"}},
	}}
	binding := &admissionregistrationv1.ValidatingAdmissionPolicyBinding{ObjectMeta: name, Spec: admissionregistrationv1.ValidatingAdmissionPolicyBindingSpec{
		PolicyName: name.Name, ValidationActions: []admissionregistrationv1.ValidationAction{admissionregistrationv1.Deny},
	}}
	c.create(policy)
	c.create(binding)
	accept = sync.OnceFunc(func() {
		must(c.t, c.Delete(context.Background(), binding))
		must(c.t, c.Delete(context.Background(), policy))
	})
	c.t.Cleanup(accept)
	c.eventually("the API server refuses a status", func() error {
		written := message.DeepCopy()
		written.Status.To = "nobody"
		if c.Status().Patch(context.Background(), written, client.MergeFrom(message), client.DryRunAll) == nil {
			return errors.New("it takes it")
		}
		return nil
	})
	return accept
}

func TestAMailServerThatTakesItLaterIsTriedAgain(t *testing.T) {
	t.Parallel()
	server := mailtest.StartServer(t)
	server.Decide(refuse(mailtest.Recipient, mailtest.Reply(451, 4, 7, 1)))
	c := newCorrespondence(t, easyMail(server))
	message := c.write("hello")
	c.eventually("it was tried three times", func() error {
		c.waitForState(message, v1alpha1.ReasonRetrying)
		if attempts := message.Status.Attempts; attempts.Count < 3 {
			return fmt.Errorf("%d times", attempts.Count)
		}
		return nil
	})
	attempts := message.Status.Attempts
	if last := attempts.LastError; string(last.Class) != "Transient" || last.Message != "The mail server does not take the message just now (451)." {
		t.Errorf("the last error is %+v", last)
	}
	if wait := attempts.NextTime.Sub(attempts.LastTime.Time); wait < 2*time.Second || wait > 6*time.Second {
		t.Errorf("the next attempt is %v after the third", wait)
	}
	server.Decide(func(mailtest.Stage) error { return nil })
	c.waitForState(message, v1alpha1.ReasonDelivered)
	if message.Status.Attempts != nil || len(server.Letters()) != 1 {
		t.Errorf("%d were delivered; the status is %s", len(server.Letters()), asJSON(message.Status))
	}
}

func TestAVerdictHoldsUntilTheRecipientIsAnother(t *testing.T) {
	t.Parallel()
	exim := mailtest.StartExim(t)
	c := newCorrespondence(t, strictMail(exim))
	c.setMailPassword(mailtest.Password)
	mentor := &v1alpha1.CourseMentor{ObjectMeta: c.named("dana")}
	change(c, mentor, func(m *v1alpha1.CourseMentor) { m.Spec.Email = "nobody@acme.com" })
	message := c.write("hello")
	c.waitForState(message, v1alpha1.ReasonUndeliverable)
	if attempts := message.Status.Attempts; attempts.Count != 1 || attempts.NextTime != nil || !meta.IsStatusConditionTrue(message.Status.Conditions, v1alpha1.ConditionStalled) {
		t.Errorf("its status is %s", asJSON(message.Status))
	}
	change(c, &corev1.Secret{ObjectMeta: c.named("mail")}, func(s *corev1.Secret) { s.Labels = map[string]string{"team": "mail"} })
	c.waitUntilIdle()
	c.stop()
	c.start()
	c.travelTo(time.Now().Add(25 * time.Hour))
	c.waitForState(c.write("another"), v1alpha1.ReasonUndeliverable)
	if tried := strings.Count(exim.Log(), "rejected RCPT <nobody@acme.com>"); tried != 2 {
		t.Errorf("two messages were tried %d times", tried)
	}
	change(c, mentor, func(m *v1alpha1.CourseMentor) { m.Spec.Email = "dana.wells@acme.com" })
	c.waitForState(message, v1alpha1.ReasonDelivered)
	exim.WaitForLetters(2)
}

func TestACorrectedAddressAndADeputysFirstDayReviveWhatWasRefused(t *testing.T) {
	t.Parallel()
	exim := mailtest.StartExim(t)
	c := newCorrespondence(t, strictMail(exim))
	c.setMailPassword(mailtest.Password)
	addresses := &corev1.ConfigMap{ObjectMeta: c.named("addresses"), Data: map[string]string{"dana": "nobody@acme.com"}}
	c.create(addresses)
	mentor := &v1alpha1.CourseMentor{ObjectMeta: c.named("dana")}
	change(c, mentor, func(m *v1alpha1.CourseMentor) {
		m.Spec.Email, m.Spec.EmailFrom.ConfigMapKeyRef = "", v1alpha1.ConfigMapKeyReference{Name: "addresses", Key: "dana"}
	})
	message := c.write("hello")
	c.waitForState(message, v1alpha1.ReasonUndeliverable)
	change(c, addresses, func(m *corev1.ConfigMap) { m.Data["dana"] = "dana.wells@acme.com" })
	c.waitForState(message, v1alpha1.ReasonDelivered)

	change(c, addresses, func(m *corev1.ConfigMap) { m.Data["dana"] = "nobody@acme.com" })
	change(c, mentor, func(m *v1alpha1.CourseMentor) {
		m.Spec.Deputy = v1alpha1.DeputySpec{StartDate: v1alpha1.Date(time.Now().AddDate(0, 0, 2).Format(time.DateOnly)),
			MentorProfile: v1alpha1.MentorProfile{DisplayName: "Kim Park", Email: "kim.park@acme.com"}}
	})
	another := c.write("another")
	c.waitForState(another, v1alpha1.ReasonUndeliverable)
	c.travelUntil(another, v1alpha1.ReasonDelivered, time.Hour)
	if another.Status.To != "deputy/dana" || len(exim.WaitForLetters(2)) != 2 {
		t.Errorf("it went to %s", another.Status.To)
	}
}

func TestAMessageGoesToWhoeverMentorsTheCourseThen(t *testing.T) {
	t.Parallel()
	exim := mailtest.StartExim(t)
	exim.Stop()
	c := newCorrespondence(t, strictMail(exim))
	c.setMailPassword(mailtest.Password)
	message := c.write("hello")
	c.waitForState(message, v1alpha1.ReasonRetrying)

	mentor := &v1alpha1.CourseMentor{ObjectMeta: c.named("dana")}
	must(t, c.Delete(context.Background(), mentor))
	c.waitForState(message, v1alpha1.ReasonNoRecipient)
	c.create(&corev1.ConfigMap{ObjectMeta: c.named("addresses"), Data: map[string]string{"kim": "kim.park@acme.com\n"}})
	successor := mentorOf("1234A", "lee.chan@acme.com")
	successor.Namespace, successor.Name = c.namespace, "lee"
	successor.Spec.Deputy = v1alpha1.DeputySpec{StartDate: "2026-01-01", MentorProfile: v1alpha1.MentorProfile{DisplayName: "Kim Park",
		EmailFrom: v1alpha1.EmailSource{ConfigMapKeyRef: v1alpha1.ConfigMapKeyReference{Name: "addresses", Key: "kim"}}}}
	c.create(successor)
	exim.Start()
	c.waitForState(message, v1alpha1.ReasonDelivered)
	letter := exim.WaitForLetters(1)[0]
	if to := letter.Header["To"]; to != `"Kim Park" <kim.park@acme.com>` || message.Status.To != "deputy/lee" {
		t.Errorf("it went to %s, as %s", to, message.Status.To)
	}
	change(c, successor, func(m *v1alpha1.CourseMentor) { m.Spec.Deputy = v1alpha1.DeputySpec{} })
	c.waitForState(c.write("another"), v1alpha1.ReasonDelivered)
	c.eventually("the next one goes to the mentor", func() error {
		for _, letter := range exim.Letters() {
			if letter.Header["Envelope-To"] == "lee.chan@acme.com" {
				return nil
			}
		}
		return fmt.Errorf("%d messages are there", len(exim.Letters()))
	})
}

func TestAMessageWaitsForAMailServer(t *testing.T) {
	t.Parallel()
	server := mailtest.StartServer(t)
	c := newCorrespondence(t, v1alpha1.MailSpec{}, func(spec *v1alpha1.LearningPlatformSpec) { spec.Mode = v1alpha1.PlatformModeObserve })
	message := c.write("hello")
	c.waitForState(message, v1alpha1.ReasonMailNotConfigured)
	platform := &v1alpha1.LearningPlatform{ObjectMeta: c.named("default")}
	change(c, platform, func(p *v1alpha1.LearningPlatform) {
		p.Spec.Learners.Mail = easyMail(server)
		p.Spec.Learners.Mail.Security, p.Spec.Learners.Mail.CredentialsSecretRef.Name = v1alpha1.MailSecurityStartTLS, "mail"
	})
	c.eventually("it waits for the Secret", func() error {
		c.waitForState(message, v1alpha1.ReasonMailNotConfigured)
		if got, want := readyOf(message).Message, "There is no Secret mail with the credentials for the mail server."; got != want {
			return fmt.Errorf("it says: %s", got)
		}
		return nil
	})
	c.setMailPassword("any")
	c.waitForState(message, v1alpha1.ReasonMailMisconfigured) // The server has no STARTTLS.
	change(c, platform, func(p *v1alpha1.LearningPlatform) { p.Spec.Learners.Mail = easyMail(server) })
	c.waitForState(message, v1alpha1.ReasonDelivered)
	server.WaitForLetters(1) // also while the platform is only observed: a message changes nothing on the LMS
}

func TestAWrongPasswordIsTriedOnceForAllMessages(t *testing.T) {
	t.Parallel()
	exim := mailtest.StartExim(t)
	c := newCorrespondence(t, strictMail(exim))
	c.setMailPassword("wrong")
	var messages []*v1alpha1.LearnerMessage
	for i := range 10 {
		messages = append(messages, c.write(fmt.Sprint("message-", i)))
	}
	for _, message := range messages {
		c.waitForState(message, v1alpha1.ReasonMailMisconfigured)
	}
	if tried := strings.Count(exim.Log(), "535 Incorrect authentication data"); tried != 1 {
		t.Errorf("the password was tried %d times", tried)
	}
	c.setMailPassword(mailtest.Password)
	for _, message := range messages {
		c.waitForState(message, v1alpha1.ReasonDelivered)
	}
	if delivered := len(exim.WaitForLetters(len(messages))); delivered != len(messages) {
		t.Errorf("%d messages were delivered, want %d", delivered, len(messages))
	}
}

func TestAMessageThatWaitsForHowTheFirstOneEndsSaysSo(t *testing.T) {
	t.Parallel()
	server := mailtest.StartServer(t)
	c := newCorrespondence(t, easyMail(server))
	goOn := make(chan struct{})
	server.Decide(func(stage mailtest.Stage) error {
		if stage == mailtest.Received {
			<-goOn
		}
		return nil
	})
	first := c.write("first")
	server.WaitForLetters(1)
	second := c.write("second")
	c.waitForState(second, v1alpha1.ReasonQueued)
	close(goOn)
	c.waitForState(first, v1alpha1.ReasonDelivered)
	c.waitForState(second, v1alpha1.ReasonDelivered)
}

func TestACheckThatIsAskedForTriesAMailServerInTroubleOnce(t *testing.T) {
	t.Parallel()
	server := mailtest.StartServer(t)
	var tried atomic.Int64
	server.Decide(func(stage mailtest.Stage) error {
		if stage == mailtest.Sender {
			tried.Add(1)
			return mailtest.Drop
		}
		return nil
	})
	c := newCorrespondence(t, easyMail(server))
	var messages []*v1alpha1.LearnerMessage
	for i := range 5 {
		messages = append(messages, c.write(fmt.Sprint("message-", i)))
	}
	for _, message := range messages {
		c.waitForState(message, v1alpha1.ReasonRetrying)
		c.requestCheck(message)
		before := message.Status.Attempts
		c.eventually("the check is tried", func() error {
			must(t, c.Get(context.Background(), client.ObjectKeyFromObject(message), message))
			if now := message.Status.Attempts; now == nil || before != nil && now.Basis == before.Basis {
				return fmt.Errorf("the attempts are %s", asJSON(now))
			}
			return nil
		})
	}
	c.travelTo(c.clock.Now().Add(time.Hour))
	c.waitUntilIdle()
	before := tried.Load()
	c.travelTo(c.clock.Now().Add(2 * time.Minute))
	c.waitUntilIdle()
	if again := tried.Load() - before; again != 1 {
		t.Errorf("later it is tried by %d messages at a time, want 1", again)
	}
}

func TestAllMessagesAreDeliveredAfterAnOutage(t *testing.T) {
	t.Parallel()
	exim := mailtest.StartExim(t)
	exim.Stop()
	c := newCorrespondence(t, strictMail(exim))
	c.setMailPassword(mailtest.Password)
	var messages []*v1alpha1.LearnerMessage
	for i := range 20 {
		messages = append(messages, c.write(fmt.Sprint("message-", i)))
	}
	for _, message := range messages {
		c.waitForState(message, v1alpha1.ReasonRetrying)
	}
	exim.Start()
	for _, message := range messages {
		c.waitForState(message, v1alpha1.ReasonDelivered)
	}
	if delivered := len(exim.WaitForLetters(len(messages))); delivered != len(messages) {
		t.Errorf("%d messages were delivered, want %d", delivered, len(messages))
	}
}

func TestAMessageOfALearnerWhoIsGoneIsGivenUpUntilTheyAreBack(t *testing.T) {
	t.Parallel()
	server := mailtest.StartServer(t)
	c := newCorrespondence(t, easyMail(server))
	message := c.write("hello", func(m *v1alpha1.LearnerMessage) { m.Spec.ContactRef.Name = names.Contact("4712") })
	c.waitForState(message, v1alpha1.ReasonLearnerGone)
	if len(server.Letters()) > 0 {
		t.Error("it was sent all the same")
	}
	c.mustPut(joe("4712", "1234A"), 201)
	c.waitForState(message, v1alpha1.ReasonDelivered)
}

func TestAMessageIsNotSentInTheNameOfALaterContact(t *testing.T) {
	t.Parallel()
	server := mailtest.StartServer(t)
	c := newCorrespondence(t, easyMail(server))
	message := c.write("hello", func(m *v1alpha1.LearnerMessage) {
		m.OwnerReferences = []metav1.OwnerReference{{
			APIVersion: v1alpha1.GroupVersion.String(), Kind: "Contact", Name: names.Contact("4711"), UID: "an-earlier-one",
		}}
	})
	c.waitForState(message, v1alpha1.ReasonLearnerGone)
	c.requestCheck(message)
	c.waitForState(c.write("another"), v1alpha1.ReasonDelivered)
	c.waitUntilIdle()
	if letters := server.Letters(); len(letters) != 1 {
		t.Errorf("%d messages were sent, want that of the Contact alone", len(letters))
	}
}

func TestWhatHasEndedIsDeletedAfterItsTime(t *testing.T) {
	t.Parallel()
	server := mailtest.StartServer(t)
	c := newCorrespondence(t, easyMail(server), func(spec *v1alpha1.LearningPlatformSpec) { spec.Learners.MessageRetentionDays = new(int32(30)) })
	delivered := c.write("delivered")
	c.waitForState(delivered, v1alpha1.ReasonDelivered)
	server.Decide(refuse(mailtest.Received, mailtest.Reply(554)))
	refused := c.write("refused")
	c.waitForState(refused, v1alpha1.ReasonUndeliverable)
	server.Decide(refuse(mailtest.Received, mailtest.Reply(451)))
	waiting := c.write("waiting")
	c.waitForState(waiting, v1alpha1.ReasonRetrying)

	c.travelTo(time.Now().AddDate(0, 0, 29))
	c.waitForState(delivered, v1alpha1.ReasonDelivered)
	c.waitForState(refused, v1alpha1.ReasonUndeliverable)
	c.travelTo(time.Now().AddDate(0, 0, 30).Add(time.Hour))
	c.eventually("what has ended is deleted, and nothing else", func() error {
		var list v1alpha1.LearnerMessageList
		must(t, c.List(context.Background(), &list, client.InNamespace(c.namespace)))
		if len(list.Items) != 1 || list.Items[0].Name != waiting.Name {
			return fmt.Errorf("%d are left", len(list.Items))
		}
		return nil
	})
	change(c, &v1alpha1.LearningPlatform{ObjectMeta: c.named("default")}, func(p *v1alpha1.LearningPlatform) { p.Spec.Learners.MessageRetentionDays = new(int32(0)) })
	server.Decide(func(mailtest.Stage) error { return nil })
	c.requestCheck(waiting)
	c.eventually("with no retention, a message goes when it is delivered", func() error {
		err := c.Get(context.Background(), client.ObjectKeyFromObject(waiting), waiting)
		if !apierrors.IsNotFound(err) {
			return fmt.Errorf("it is there, %v", readyOf(waiting))
		}
		return nil
	})
}

func TestWhatWasNotDeliveredIsKeptForADayAlsoWithoutRetention(t *testing.T) {
	t.Parallel()
	server := mailtest.StartServer(t)
	server.Decide(refuse(mailtest.Received, mailtest.Reply(554)))
	c := newCorrespondence(t, easyMail(server), func(spec *v1alpha1.LearningPlatformSpec) { spec.Learners.MessageRetentionDays = new(int32(0)) })
	refused := c.write("refused")
	orphan := c.write("orphan", func(m *v1alpha1.LearnerMessage) { m.Spec.ContactRef.Name = names.Contact("4712") })
	c.waitForState(refused, v1alpha1.ReasonUndeliverable)
	c.waitForState(orphan, v1alpha1.ReasonLearnerGone)
	c.travelTo(time.Now().Add(23 * time.Hour))
	c.waitUntilIdle()
	c.waitForState(refused, v1alpha1.ReasonUndeliverable)
	c.waitForState(orphan, v1alpha1.ReasonLearnerGone)
	c.travelTo(time.Now().Add(25 * time.Hour))
	c.eventually("they are deleted then", func() error {
		var list v1alpha1.LearnerMessageList
		must(t, c.List(context.Background(), &list, client.InNamespace(c.namespace)))
		if len(list.Items) > 0 {
			return fmt.Errorf("%d are left", len(list.Items))
		}
		return nil
	})
}

func TestNothingThatALearnerWroteIsToldElsewhere(t *testing.T) {
	t.Parallel()
	server := mailtest.StartServer(t)
	server.Decide(refuse(mailtest.Recipient, mailtest.Reply(550, 5, 1, 1)))
	log := &syncBuffer{}
	c := newCorrespondence(t, easyMail(server))
	c.stop()
	c.log = log
	c.start()
	message := c.write("hello", func(m *v1alpha1.LearnerMessage) { m.Spec.Subject = "Private" })
	c.waitForState(message, v1alpha1.ReasonUndeliverable)
	mentor := &v1alpha1.CourseMentor{ObjectMeta: c.named("dana")}
	change(c, mentor, func(m *v1alpha1.CourseMentor) {
		m.Spec.Email, m.Spec.EmailFrom.ConfigMapKeyRef = "", v1alpha1.ConfigMapKeyReference{Name: "addresses", Key: "kim"}
	})
	c.waitForState(message, v1alpha1.ReasonNoRecipient)
	var events eventsv1.EventList
	c.eventually("events tell it", func() error {
		must(t, c.List(context.Background(), &events, client.InNamespace(c.namespace)))
		for _, event := range events.Items {
			if event.Regarding.Kind == "LearnerMessage" && event.Reason == v1alpha1.ReasonNoRecipient {
				return nil
			}
		}
		return fmt.Errorf("%d do not", len(events.Items))
	})
	families, err := metrics.Registry.Gather()
	must(t, err)
	var told strings.Builder
	told.WriteString(log.String())
	for _, event := range events.Items {
		told.WriteString(asJSON(event))
	}
	for _, family := range families {
		_, err := expfmt.MetricFamilyToText(&told, family)
		must(t, err)
	}
	message.Spec = v1alpha1.LearnerMessageSpec{}
	told.WriteString(asJSON(message))
	for _, want := range []string{"Undeliverable", "rollcall_message_attempts_total", "rollcall_messages_oldest_waiting_timestamp_seconds"} {
		if !strings.Contains(told.String(), want) {
			t.Errorf("nothing is told of %s", want)
		}
	}
	for _, secret := range []string{"Private", "Good morning", "dana.wells", "Dana Wells", "joe.4711", "Smith4711", "secret.person"} {
		if at := strings.Index(told.String(), secret); at >= 0 {
			t.Errorf("%s is told: %s", secret, told.String()[max(0, at-200):at+50])
		}
	}
}

// refuse gives the answer of a server at one stage.
func refuse(at mailtest.Stage, answer error) func(mailtest.Stage) error {
	return func(stage mailtest.Stage) error {
		if stage == at {
			return answer
		}
		return nil
	}
}

type syncBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}
