package main

import (
	"context"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/names"
)

// kind is a kind of request that is measured.
type kind string

const (
	rawCreate     kind = "raw create"
	rawUpdate     kind = "raw update"
	putNew        kind = "PUT, new"
	putUpdate     kind = "PUT, update"
	putUnchanged  kind = "PUT, unchanged"
	bulkNew       kind = "bulk, new"
	bulkUnchanged kind = "bulk, unchanged"

	// These are for a Rollcall that shares the work with replicas, where a document that seems to be unchanged is confirmed.
	rawCreateReplicated    kind = "raw create, replicated"
	putUnchangedReplicated kind = "PUT, unchanged, replicated"
)

// kinds are all of them, in the order of the report.
var kinds = []kind{rawCreate, rawUpdate, putNew, putUpdate, putUnchanged, bulkNew, bulkUnchanged, rawCreateReplicated, putUnchangedReplicated}

// unchanged are those whose documents are stored already.
var unchanged = []kind{putUnchanged, bulkUnchanged, putUnchangedReplicated}

// A turn sends that many more documents that are stored already, so that requests that are that much faster are measured for
// about as long as the others.
const unchangedTimes, confirmedTimes = 10, 3

// way is one way to store a batch of documents: its turns follow one another, each on what the one before left.
type way struct {
	// prefix begins the IDs of its learners.
	prefix string
	turns  []turn
	// leaves is the namespace of the Contacts that its turns make; empty if they make none.
	leaves string
	// upTo is how many clients it makes sense for; 0 is any number.
	upTo int
}

// turn is a kind of request that takes turns with others.
type turn struct {
	kind kind
	do   func(context.Context, batch) (sample, error)
}

// batch is what a turn works on: numbered learners who are not stored before the round, and as many clients.
type batch struct {
	prefix                string
	first, count, clients int
}

func (m *ingest) directly() way {
	return way{prefix: "r", turns: []turn{{rawCreate, m.rawCreate}, {rawUpdate, m.rawUpdate}}, leaves: rawNamespace}
}

func (m *ingest) byPut() way {
	return way{prefix: "d", turns: []turn{{putNew, m.putNew}, {putUpdate, m.putUpdate}, {putUnchanged, m.putUnchanged}}, leaves: documentNamespace}
}

// inBulk has a stream for each client.
func (m *ingest) inBulk() way {
	return way{prefix: "b", turns: []turn{{bulkNew, m.bulkNew}, {bulkUnchanged, m.bulkUnchanged}}, leaves: documentNamespace, upTo: 8}
}

// directlyReplicated and byPutReplicated have no more turns, as replicas differ in nothing else.
func (m *ingest) directlyReplicated() way {
	return way{prefix: "r", turns: []turn{{rawCreateReplicated, m.rawCreate}}, leaves: rawNamespace}
}

func (m *ingest) byPutReplicated() way {
	return way{turns: []turn{{putUnchangedReplicated, m.putConfirmed}}}
}

func (m *ingest) rawCreate(ctx context.Context, b batch) (sample, error) {
	return measure(ctx, b.clients, b.count, func(ctx context.Context, i int) error {
		return m.raw.Create(ctx, m.learner(b, i).contact(rawNamespace))
	})
}

// rawUpdate has the objects at hand, as ingest has them in its cache.
func (m *ingest) rawUpdate(ctx context.Context, b batch) (sample, error) {
	var contacts v1alpha1.ContactList
	if err := m.raw.List(ctx, &contacts, client.InNamespace(rawNamespace)); err != nil {
		return sample{}, err
	}
	return measure(ctx, b.clients, len(contacts.Items), func(ctx context.Context, i int) error {
		contact := &contacts.Items[i]
		contact.Spec.Enrollments[0].AccessEndDate = renewedLastDay
		return m.raw.Update(ctx, contact)
	})
}

func (m *ingest) putNew(ctx context.Context, b batch) (sample, error) {
	return measure(ctx, b.clients, b.count, func(ctx context.Context, i int) error {
		return m.office.put(ctx, m.learner(b, i), http.StatusCreated)
	})
}

func (m *ingest) putUpdate(ctx context.Context, b batch) (sample, error) {
	return measure(ctx, b.clients, b.count, func(ctx context.Context, i int) error {
		return m.office.put(ctx, m.learner(b, i).renewed(), http.StatusOK)
	})
}

func (m *ingest) putUnchanged(ctx context.Context, b batch) (sample, error) {
	return measure(ctx, b.clients, unchangedTimes*b.count, m.putStored)
}

func (m *ingest) putConfirmed(ctx context.Context, b batch) (sample, error) {
	return measure(ctx, b.clients, confirmedTimes*b.count, m.putStored)
}

func (m *ingest) putStored(ctx context.Context, i int) error {
	return m.office.put(ctx, m.anyStored(i), http.StatusOK)
}

func (m *ingest) bulkNew(ctx context.Context, b batch) (sample, error) {
	return m.measureBulk(ctx, b.clients, b.count, http.StatusCreated, func(i int) document { return m.learner(b, i) })
}

func (m *ingest) bulkUnchanged(ctx context.Context, b batch) (sample, error) {
	return m.measureBulk(ctx, b.clients, unchangedTimes*b.count, http.StatusOK, m.anyStored)
}

// measureBulk sends documents in so many streams at a time.
func (m *ingest) measureBulk(ctx context.Context, streams, count, want int, numbered func(i int) document) (sample, error) {
	tasks, ctx := errgroup.WithContext(ctx)
	start := time.Now()
	for stream := range streams {
		tasks.Go(func() error {
			var documents []document
			for i := stream; i < count; i += streams {
				documents = append(documents, numbered(i))
			}
			return m.office.bulk(ctx, documents, want)
		})
	}
	err := tasks.Wait()
	return sample{count: count, took: time.Since(start)}, err
}

func (m *ingest) learner(b batch, i int) document {
	return newDocument(b.prefix, b.first+i, m.enrollments)
}

// storedDocument gives the document of a Contact that is stored all the time.
func (m *ingest) storedDocument(i int) document { return newDocument("s", i, m.enrollments) }

// anyStored gives such documents all over the place.
func (m *ingest) anyStored(i int) document {
	const prime = 7919
	return m.storedDocument(i * prime % m.stored)
}

// remove deletes the Contacts of a batch.
func (m *ingest) remove(ctx context.Context, namespace string, b batch) error {
	if namespace == "" {
		return nil
	}
	_, err := measure(ctx, fillers, b.count, func(ctx context.Context, i int) error {
		name := names.Contact(m.learner(b, i).ContactID)
		return m.Delete(ctx, &v1alpha1.Contact{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}})
	})
	return err
}
