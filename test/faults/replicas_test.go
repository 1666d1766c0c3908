package faults

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/names"
)

// Two replicas take documents of the same contacts, and nobody loses one, or is told what is not so.
func TestTwoReplicasBehindABalancer(t *testing.T) {
	c := startCluster(t)
	o := newOffice(c)
	c.runReplicas(2)

	ctx, stop := context.WithCancel(t.Context())
	wait := write(ctx, writers(o, c, "mixed", 1))
	t.Cleanup(wait)
	o.waitForStored(500)
	stop()
	wait()
	increments := incrementTogether(o, c)
	creations := createTogether(o, c)

	o.check(c)
	if unsure := o.unsure.Load(); unsure > 0 {
		t.Errorf("%d requests have no answer, although nothing failed", unsure)
	}
	counter := c.contact("counter")
	if got, want := numberOf(&counter.Spec), 1+increments; got != want {
		t.Errorf("the counter stands at %d after %d increments, want %d", got, increments, want)
	}
	// A generation is a change of the spec: each of them was one write.
	if counter.Generation != int64(1+increments) {
		t.Errorf("the counter was written %d times, want %d", counter.Generation, 1+increments)
	}
	for contact, documents := range creations {
		if got := c.contact(contact).Generation; got != int64(documents) {
			t.Errorf("%s was written %d times, want %d: one for each document", contact, got, documents)
		}
	}
}

// incrementTogether has several clients count in one document: each reads the number and stores the next, if nobody did
// meanwhile. It gives the number of increments that were acknowledged.
func incrementTogether(o *office, c *cluster) int {
	const clients, times = 8, 10
	first := freshConnections(c)
	o.put(first, operation{contact: "counter", document: 1, revision: unnumbered}, "")
	var counting sync.WaitGroup
	for range clients {
		counting.Go(func() {
			client := freshConnections(c)
			for done := 0; done < times && !o.t.Failed(); {
				number, etag, ok := o.get(client, "counter")
				if !ok {
					continue // a replica that has not seen it yet
				}
				switch put := o.put(client, operation{contact: "counter", document: number + 1, revision: unnumbered, match: number}, etag); put.answer {
				case replaced, conflicting:
					done++
				case preconditionFailed: // somebody else was faster
				default:
					o.t.Errorf("an increment from %d was answered %q", number, put.answer)
				}
			}
		})
	}
	counting.Wait()
	return clients * times
}

// createTogether has several clients send different documents of new contacts at once. It gives the number of documents
// of each contact.
func createTogether(o *office, c *cluster) map[string]int {
	const contacts, clients = 20, 6
	sent := map[string]int{}
	for i := range contacts {
		contact := fmt.Sprintf("new-%d", i)
		var creating sync.WaitGroup
		for n := range clients {
			creating.Go(func() {
				o.put(freshConnections(c), operation{contact: contact, document: n + 1, revision: unnumbered}, "")
			})
		}
		creating.Wait()
		sent[contact] = clients
	}
	return sent
}

// freshConnections makes a client with a connection for each request, so that each may go to another replica.
func freshConnections(c *cluster) *http.Client {
	transport := c.transport()
	transport.DisableKeepAlives = true
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

// contact reads a Contact from the API server.
func (c *cluster) contact(id string) *v1alpha1.Contact {
	c.t.Helper()
	contact := &v1alpha1.Contact{}
	must(c.t, c.Get(context.Background(), client.ObjectKey{Namespace: "default", Name: names.Contact(id)}, contact))
	return contact
}
