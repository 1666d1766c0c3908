package ingest

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// heldBack is a client with a cache that can be held back: it then gives a Contact as it was.
type heldBack struct {
	client.Client
	contact atomic.Pointer[v1alpha1.Contact]
}

func (h *heldBack) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	old := h.contact.Load()
	if contact, ok := object.(*v1alpha1.Contact); ok && old != nil {
		old.DeepCopyInto(contact)
		return nil
	}
	return h.Client.Get(ctx, key, object, options...)
}

// A cache that is behind is no proof: the newer document of another replica is not taken for the older one.
func TestPutIsNotToldUnchangedByACacheThatIsBehind(t *testing.T) {
	d := open(t)
	held := &heldBack{}
	other := d.replica(func(c client.Client) client.Client {
		held.Client = c
		return held
	})
	for id, test := range map[string]struct {
		meanwhile func()
		result    string
		status    int
		calls     map[string]int
	}{
		"untouched": {func() {}, "Unchanged", 200, map[string]int{}},
		"replaced":  {func() { d.put("replaced", learner("replaced", "Berta")) }, "Replaced", 200, map[string]int{"PUT contacts": 1}},
		"and-back": {func() {
			d.put("and-back", learner("and-back", "Berta"))
			d.put("and-back", learner("and-back", "Anna"))
		}, "Unchanged", 200, map[string]int{}},
		"deleted": {func() {
			contact := d.contact("deleted")
			contact.Finalizers = nil
			must(t, d.admin.Update(context.Background(), contact))
			must(t, d.admin.Delete(context.Background(), contact))
		}, "Created", 201, map[string]int{"POST contacts": 1}},
	} {
		t.Run(id, func(t *testing.T) {
			d.put(id, learner(id, "Anna"))
			other.put(id, learner(id, "Anna")) // the reviews of token and permission are remembered
			held.contact.Store(d.contact(id))
			defer held.contact.Store(nil)
			test.meanwhile()

			var a answer
			calls := other.wire.during(func() { a = other.put(id, learner(id, "Anna")) })
			if a.status != test.status || a.body != `{"Result":"`+test.result+`"}` {
				t.Errorf("PUT = %d %s, want %d %s", a.status, a.body, test.status, test.result)
			}
			if got := d.contact(id).Spec.FirstName; got != "Anna" {
				t.Errorf("%s is stored, Anna was acknowledged", got)
			}
			if diff := cmp.Diff(test.calls, calls); diff != "" {
				t.Errorf("calls to the API server (-want +got):\n%s", diff)
			}
		})
	}
}

// A back office that is sent to the other replica with every request is told the truth all the same: what a replica stored
// two requests ago is in force no more, whether its cache has seen that or not.
func TestReplicasTellTheTruthInTurns(t *testing.T) {
	d := open(t)
	replicas := []*door{d, d.replica(func(c client.Client) client.Client { return c })}
	d.put("shared", learner("shared", "Carla"))
	for i := range 300 {
		name := []string{"Berta", "Anna"}[i%2]
		if a := replicas[i%2].put("shared", learner("shared", name)); a.status != http.StatusOK || a.body != `{"Result":"Replaced"}` {
			t.Fatalf("round %d: PUT = %d %s, want 200 Replaced", i, a.status, a.body)
		}
	}
}
