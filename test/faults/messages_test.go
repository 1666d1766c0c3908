package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/mail/mailtest"
)

// messagesAtOnce is how many messages a Rollcall hands in at a time: as many may go out twice when it is killed.
const messagesAtOnce = 4

// Every message that is stored is delivered, whatever is killed when. One goes out twice only if a Rollcall was killed that was
// handing it in, and then under the same Message-ID.
func TestEveryMessageIsDeliveredAndNoneTwiceButByAKill(t *testing.T) {
	t.Logf("-faults.seed=%d", *seed)
	random := rand.New(rand.NewPCG(*seed, 0))
	server := mailtest.StartServer(t)
	server.Decide(func(stage mailtest.Stage) error {
		if stage == mailtest.Received {
			time.Sleep(10 * time.Millisecond) //nolint:forbidigo // It takes its time, so that kills find messages on their way.
		}
		return nil
	})
	c := startCluster(t)
	c.prepareMessages(server)
	c.runReplicas(1)

	written := 0
	for round, victim := range []string{"rollcall", "kube-apiserver", "rollcall", "etcd", "rollcall"} {
		begun := len(server.Letters())
		for range 60 {
			message := &v1alpha1.LearnerMessage{
				ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: fmt.Sprint("message-", written)},
				Spec: v1alpha1.LearnerMessageSpec{
					ContactRef: v1alpha1.ContactReference{Name: "learner"}, Recipient: v1alpha1.RecipientSupport, Text: "Hello",
				},
			}
			must(t, c.Create(t.Context(), message))
			written++
		}
		server.WaitForLetters(begun + 1 + random.IntN(40))
		unit := c.named(victim, random)
		eventually(t, unit.name+" is killed", func() error { return unit.kill(time.Duration(random.Int64N(int64(time.Second)))) })
		c.waitForAPIServer()
		c.waitForReplicas()
		t.Logf("round %d: %s killed", round+1, victim)
	}
	eventually(t, "all messages are delivered", func() error {
		var list v1alpha1.LearnerMessageList
		must(t, c.List(context.Background(), &list, client.InNamespace("default")))
		delivered := 0
		for i := range list.Items {
			if list.Items[i].Status.DeliveredTime != nil {
				delivered++
			}
		}
		if delivered != written {
			return fmt.Errorf("%d of %d are", delivered, written)
		}
		return nil
	})

	times := map[string]int{}
	for _, letter := range server.Letters() {
		times[letter.Header["Message-Id"]]++
	}
	twice := 0
	for _, count := range times {
		twice += count - 1
	}
	t.Logf("%d messages, %d of them sent again", written, twice)
	if len(times) != written || twice > 3*messagesAtOnce {
		t.Errorf("of %d messages %d arrived, with %d doubles by 3 kills", written, len(times), twice)
	}
	if err := c.replicas[0].died(); err != nil {
		t.Error(err)
	}
}

// prepareMessages makes a learner, and a platform whose messages go to the mail server. There is no LMS, which they do not need.
func (c *cluster) prepareMessages(server *mailtest.Server) {
	c.t.Helper()
	platform := &v1alpha1.LearningPlatform{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "default"}, Spec: v1alpha1.LearningPlatformSpec{
		URL: "https://learn.example.com", CredentialsSecretRef: v1alpha1.SecretReference{Name: "none"},
	}}
	platform.Spec.Learners.Support = v1alpha1.SupportSpec{DisplayName: "Support", Email: "support@acme.com"}
	platform.Spec.Learners.Mail = v1alpha1.MailSpec{
		Host: server.Host, Port: int32(server.Port), From: "learning@example.com", Security: v1alpha1.MailSecurityNone,
	}
	learner := &v1alpha1.Contact{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "learner"}, Spec: v1alpha1.ContactSpec{
		ContactID: "learner", FirstName: "Joe", LastName: "Smith", Email: "joe.smith@acme.com",
	}}
	for _, o := range []client.Object{platform, learner} {
		must(c.t, c.Create(context.Background(), o))
	}
}
