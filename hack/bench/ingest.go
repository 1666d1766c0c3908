package main

import (
	"context"
	"fmt"
	"net/http"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// warmUp is how many requests of each kind go ahead of the measured ones: for connections, caches and code paths.
	warmUp = 100
	// unchangedTimes is how often each document is sent again, so that requests that are that much faster are measured
	// for about as long as the others.
	unchangedTimes = 10
	// rawNamespace and documentNamespace hold what is created and what is sent.
	rawNamespace, documentNamespace = "raw", "documents"
)

// measureIngest compares the PUT of documents with the raw create of the objects that ingest makes of them.
//
// Rollcall runs all the time and its controllers see both alike, as they would in a cluster. There is no
// LearningPlatform, so that they do the same little for each Contact: they report that it waits. What is compared is
// the way of the document into etcd, with the same company; how much of that there was meanwhile is printed. Each turn
// begins when the work of the one before is done.
func (b *bench) measureIngest(ctx context.Context) error {
	return b.withRollcall(ctx, documentNamespace, func(ctx context.Context, office *backOffice) error {
		if err := b.prepareIngest(ctx); err != nil {
			return err
		}
		raw, err := client.New(b.operator, client.Options{Scheme: b.Scheme()})
		if err != nil {
			return err
		}
		create := &turn{series: series{name: "raw create"}, times: 1, do: func(ctx context.Context, i int) error {
			return raw.Create(ctx, newDocument("r", i, b.enrollments).contact(rawNamespace))
		}}
		putNew := &turn{series: series{name: "PUT, new"}, times: 1, do: func(ctx context.Context, i int) error {
			return office.put(ctx, newDocument("d", i, b.enrollments), http.StatusCreated)
		}}
		putUnchanged := &turn{series: series{name: "PUT, unchanged"}, times: unchangedTimes, do: func(ctx context.Context, i int) error {
			return office.put(ctx, newDocument("d", i, b.enrollments), http.StatusOK)
		}}

		progress("Warming up")
		for _, t := range []*turn{create, putNew, putUnchanged} {
			if err := b.take(ctx, t, 0, warmUp); err != nil {
				return err
			}
			t.series = series{name: t.name}
		}
		first := warmUp
		for round := range b.rounds {
			progress("Ingest, round %d of %d", round+1, b.rounds)
			count := (b.contacts*(round+1))/b.rounds - (b.contacts*round)/b.rounds
			order := []*turn{create, putNew, putUnchanged}
			if round%2 == 1 { // so that nobody always goes first
				order = []*turn{putNew, putUnchanged, create}
			}
			for _, t := range order {
				if err := b.take(ctx, t, first, count); err != nil {
					return err
				}
			}
			first += count
		}
		reportIngest(&create.series, &putNew.series, &putUnchanged.series)
		return nil
	})
}

// turn is a kind of request that takes turns with others.
type turn struct {
	series
	do func(ctx context.Context, i int) error
	// times is how often it is made for each contact.
	times int
}

// take measures a turn: the contacts from first on. It begins and ends when all is quiet.
func (b *bench) take(ctx context.Context, t *turn, first, count int) error {
	before, err := b.writes(ctx)
	if err != nil {
		return err
	}
	measured, err := measure(ctx, b.concurrency, count*t.times, func(ctx context.Context, i int) error {
		return t.do(ctx, first+i%count)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	meanwhile, err := b.writes(ctx)
	if err != nil {
		return err
	}
	after, err := b.settled(ctx)
	if err != nil {
		return err
	}
	t.rounds = append(t.rounds, measured)
	t.company += meanwhile.since(before).count(byOthers)
	t.writes = t.writes.plus(after.since(before))
	return nil
}

// prepareIngest makes the courses, without which documents would conflict, and a place for the raw creates.
func (b *bench) prepareIngest(ctx context.Context) error {
	if err := b.Create(ctx, namespace(rawNamespace)); err != nil {
		return err
	}
	for i := range b.enrollments {
		if err := b.Create(ctx, course(documentNamespace, i)); err != nil {
			return err
		}
	}
	_, err := b.settled(ctx)
	return err
}
