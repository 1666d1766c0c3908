package claim

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rollcall.dev/rollcall/api/v1alpha1"
)

func contact(name string, age time.Duration, learner string) v1alpha1.Contact {
	c := v1alpha1.Contact{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(time.Unix(1_000_000, 0).Add(-age))}}
	c.Status.Learner.Username = learner
	return c
}

func sentAt(at string, c v1alpha1.Contact) v1alpha1.Contact {
	c.Annotations = map[string]string{v1alpha1.DocumentReceivedAnnotation: at}
	return c
}

func deleted(c v1alpha1.Contact) v1alpha1.Contact {
	c.DeletionTimestamp = &metav1.Time{Time: time.Unix(1_000_000, 0)}
	return c
}

func TestEmailHolder(t *testing.T) {
	for name, test := range map[string]struct {
		claimants []v1alpha1.Contact
		want      string
	}{
		"nobody":                  {nil, ""},
		"the older":               {[]v1alpha1.Contact{contact("b", 1, ""), contact("a", 2, "")}, "a"},
		"the one with an account": {[]v1alpha1.Contact{contact("a", 2, ""), contact("b", 1, "joe")}, "b"},
		"the first to be sent in a second": {[]v1alpha1.Contact{
			sentAt("2026-01-01T00:00:00.25Z", contact("a", 1, "")), sentAt("2026-01-01T00:00:00.123456Z", contact("b", 1, ""))}, "b"},
		"the first name among equals":        {[]v1alpha1.Contact{contact("b", 1, ""), contact("a", 1, "")}, "a"},
		"not one that is being deleted":      {[]v1alpha1.Contact{deleted(contact("a", 2, "joe")), contact("b", 1, "")}, "b"},
		"nobody when all are being deleted ": {[]v1alpha1.Contact{deleted(contact("a", 2, ""))}, ""},
	} {
		got := ""
		if holder := EmailHolder(test.claimants); holder != nil {
			got = holder.Name
		}
		if got != test.want {
			t.Errorf("%s: %q holds it, want %q", name, got, test.want)
		}
	}
}

func TestOldest(t *testing.T) {
	if got := Oldest([]v1alpha1.Contact{contact("b", 1, "joe"), contact("a", 2, "")}); got.Name != "a" {
		t.Errorf("%q is taken for the oldest", got.Name)
	}
}
