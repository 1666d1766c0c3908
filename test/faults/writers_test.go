package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// A writer without an answer waits, longer each time, but less than Retry-After says, so that many requests are under way
// when things change.
const (
	firstWait = 50 * time.Millisecond
	lastWait  = time.Second
)

// writer sends documents of some contacts, one after the other, as fast as they are answered.
type writer struct {
	office   *office
	client   *http.Client
	random   *rand.Rand
	contacts []string
	// alone says that nobody else writes to them.
	alone bool
	// send sends something, and is true if all of it was answered.
	send func(*writer) bool
	// wait is how long it waited for that the last time.
	wait time.Duration
}

// writers are of each kind: one that has its contacts for itself, and three that share theirs. The names of the contacts
// begin with a prefix.
func writers(o *office, c *cluster, prefix string, seed uint64) []*writer {
	var all []*writer
	for _, kind := range []struct {
		name string
		send func(*writer) bool
	}{{"plain", plain}, {"revised", revised}, {"swapped", swapped}, {"bulk", bulk}, {"bulk-revised", bulkRevised}} {
		for _, group := range []struct {
			name              string
			writers, contacts int
		}{{"own", 1, 10}, {"shared", 3, 5}} {
			var contacts []string
			for i := range group.contacts {
				contacts = append(contacts, fmt.Sprintf("%s-%s-%s-%d", prefix, kind.name, group.name, i))
			}
			for range group.writers {
				all = append(all, &writer{office: o, contacts: contacts, alone: group.writers == 1, send: kind.send,
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
				if w.send(w) {
					w.wait = 0
					continue
				}
				w.wait = min(max(2*w.wait, firstWait), lastWait)
				<-time.After(w.wait)
			}
		})
	}
	return writing.Wait
}

// plain sends the next document, or now and then the last one again.
func plain(w *writer) bool { return w.put(w.next(w.any()), "") }

// revised numbers its documents for the door too. Those of several writers overtake each other.
func revised(w *writer) bool { return w.put(w.nextRevised(w.any()), "") }

// swapped replaces the document that it has read, if that is still the stored one.
func swapped(w *writer) bool {
	next := w.next(w.any())
	stored, etag, ok := w.office.get(w.client, next.contact)
	if ok {
		next.match = stored
	}
	return w.put(next, etag)
}

// bulk sends many documents in one request.
func bulk(w *writer) bool { return w.post(w.next) }

// bulkRevised does so with their numbers.
func bulkRevised(w *writer) bool { return w.post(w.nextRevised) }

func (w *writer) put(o operation, etag string) bool {
	return w.office.put(w.client, o, etag).answer != unanswered
}

// post sends documents of some of its contacts, each once; who is alone with them, many documents. While there are no
// answers it sends one. In one of ten cases it hangs up before it has read all answers.
func (w *writer) post(next func(contact string) operation) bool {
	contacts := slices.Clone(w.contacts)
	if w.alone {
		contacts = slices.Repeat(contacts, 5)
	}
	w.random.Shuffle(len(contacts), func(i, j int) { contacts[i], contacts[j] = contacts[j], contacts[i] })
	if w.wait > 0 {
		contacts = contacts[:1]
	}
	var lines []operation
	for _, contact := range contacts {
		lines = append(lines, next(contact))
	}
	patience := len(lines) + 1 // one more than there are answers: to their end
	if w.random.IntN(10) == 0 {
		patience = w.random.IntN(len(lines))
	}
	return w.office.post(w.client, lines, patience)
}

// any is one of the writer's contacts.
func (w *writer) any() string { return w.contacts[w.random.IntN(len(w.contacts))] }

// next is the next document of a contact, or in one of ten cases the one before.
func (w *writer) next(contact string) operation {
	number := w.office.next(contact)
	if number > 1 && w.random.IntN(10) == 0 {
		number--
	}
	return operation{contact: contact, document: number, revision: unnumbered}
}

func (w *writer) nextRevised(contact string) operation {
	o := w.next(contact)
	o.revision = int64(o.document)
	return o
}
