package controllers

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"rollcall.dev/rollcall/api/v1alpha1"
)

func TestTheWriterOfAMessageIsItsOwnerAlsoWhenTheCacheIsBehind(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	// having gives what has the Contact with a UID; none without one.
	having := func(uid types.UID) client.Client {
		builder := fake.NewClientBuilder().WithScheme(scheme)
		if uid != "" {
			builder.WithObjects(&v1alpha1.Contact{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "joe", UID: uid}})
		}
		return builder.Build()
	}
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
			r := &learnerMessageReconciler{reconciler: reconciler{Client: having(test.cached)}, live: having(test.live)}
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
