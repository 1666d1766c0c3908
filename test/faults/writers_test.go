package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// backOff is what a writer waits after a request without an answer. It is shorter than Retry-After says, so that many are
// under way when things change.
const backOff = 50 * time.Millisecond

// writer sends documents of some contacts, one after the other, as fast as they are answered.
type writer struct {
	office   *office
	client   *http.Client
	random   *rand.Rand
	contacts []string
	send     func(w *writer, contact string) operation
}

// writers are of each kind: two that have their contacts for themselves, and four that share theirs. The names of the
// contacts begin with a prefix.
func writers(o *office, c *cluster, prefix string, seed uint64) []*writer {
	var all []*writer
	for _, kind := range []struct {
		name string
		send func(*writer, string) operation
	}{{"plain", plain}, {"revised", revised}, {"swapped", swapped}} {
		for _, group := range []struct {
			name              string
			writers, contacts int
		}{{"first", 1, 10}, {"second", 1, 10}, {"shared", 4, 5}} {
			var contacts []string
			for i := range group.contacts {
				contacts = append(contacts, fmt.Sprintf("%s-%s-%s-%d", prefix, kind.name, group.name, i))
			}
			for range group.writers {
				all = append(all, &writer{office: o, contacts: contacts, send: kind.send,
					client: &http.Client{Transport: c.transport(), Timeout: time.Minute},
					random: rand.New(rand.NewPCG(seed, uint64(len(all))))})
			}
		}
	}
	return all
}

// write lets writers write until the context ends; then it waits for the last answers.
func write(ctx context.Context, all []*writer) (wait func()) {
	var writing sync.WaitGroup
	for _, w := range all {
		writing.Go(func() {
			defer w.client.CloseIdleConnections()
			for ctx.Err() == nil {
				if w.send(w, w.contacts[w.random.IntN(len(w.contacts))]).answer == unanswered {
					<-time.After(backOff)
				}
			}
		})
	}
	return writing.Wait
}

// plain sends the next document, or now and then the last one again.
func plain(w *writer, contact string) operation {
	return w.office.put(w.client, operation{contact: contact, revision: unnumbered, document: w.number(contact)}, "")
}

// revised numbers its documents for the door too. Those of several writers overtake each other.
func revised(w *writer, contact string) operation {
	n := w.number(contact)
	return w.office.put(w.client, operation{contact: contact, revision: int64(n), document: n}, "")
}

// swapped replaces the document that it has read, if that is still the stored one.
func swapped(w *writer, contact string) operation {
	stored, etag, ok := w.office.get(w.client, contact)
	if !ok {
		return plain(w, contact)
	}
	return w.office.put(w.client, operation{contact: contact, revision: unnumbered, document: w.number(contact),
		match: stored}, etag)
}

// number gives a new number, or in one of ten cases the one before.
func (w *writer) number(contact string) int {
	n := w.office.next(contact)
	if n > 1 && w.random.IntN(10) == 0 {
		n--
	}
	return n
}
