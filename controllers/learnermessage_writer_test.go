package controllers

import (
	"context"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// acquaintance knows one Contact, by its UID, or nobody.
type acquaintance struct {
	client.Client
	of types.UID
}

func (a acquaintance) Get(_ context.Context, key client.ObjectKey, o client.Object, _ ...client.GetOption) error {
	if a.of == "" {
		return apierrors.NewNotFound(v1alpha1.GroupVersion.WithResource("contacts").GroupResource(), key.Name)
	}
	o.SetNamespace(key.Namespace)
	o.SetName(key.Name)
	o.SetUID(a.of)
	return nil
}

func TestTheWriterOfAMessageIsItsOwnerAlsoWhenTheCacheIsBehind(t *testing.T) {
	for name, test := range map[string]struct{ owner, cached, live, want types.UID }{
		"the cache has it":              {owner: "1", cached: "1", live: "1", want: "1"},
		"the cache does not have it":    {owner: "1", live: "1", want: "1"},
		"the cache has an earlier one":  {owner: "2", cached: "1", live: "2", want: "2"},
		"it is gone":                    {owner: "1"},
		"another one has its name":      {owner: "1", cached: "2", live: "2"},
		"nobody owns the message":       {cached: "1", live: "1", want: "1"},
		"nobody owns it, and it is new": {live: "1", want: "1"},
	} {
		t.Run(name, func(t *testing.T) {
			message := &v1alpha1.LearnerMessage{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "hello"}}
			message.Spec.ContactRef.Name = "joe"
			if test.owner != "" {
				message.OwnerReferences = []metav1.OwnerReference{{APIVersion: v1alpha1.GroupVersion.String(), Kind: "Contact", Name: "joe", UID: test.owner}}
			}
			r := &learnerMessageReconciler{reconciler: reconciler{Client: acquaintance{of: test.cached}}, live: acquaintance{of: test.live}}
			contact, err := r.writerOf(t.Context(), message)
			if err != nil {
				t.Fatal(err)
			}
			if (contact == nil) != (test.want == "") || contact != nil && contact.UID != test.want {
				t.Errorf("it is %v, want %q", contact, test.want)
			}
		})
	}
}
