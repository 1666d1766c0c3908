package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// rawNamespace and documentNamespace hold what is written directly and what is sent.
	rawNamespace, documentNamespace = "raw", "documents"
	// fillers is how many Contacts are created, or deleted, at a time where that is not measured.
	fillers = 32
	// requestsPerClient is how many requests of a turn each client makes at least.
	requestsPerClient = 3
)

// ingest measures the documents' way into etcd against raw writes of the objects that ingest makes of them.
//
// Rollcall runs all the time and its controllers see both alike, as they would in a cluster. There is no
// LearningPlatform, so that they do the same little for each Contact: they report that it waits. How much of that there
// was meanwhile is printed. Each turn begins when the work of the one before is done, and what a round stored is deleted
// at its end, so that the number of stored Contacts stays.
type ingest struct {
	*bench
	found  *measured
	raw    client.Client
	office *backOffice
	// stored is how many Contacts were there before the round.
	stored int
	// next numbers the learners of the next round.
	next int
	// written is the count of writes when all was quiet last.
	written writes
}

// measureIngest measures at one number of stored Contacts after the other.
func (b *bench) measureIngest(ctx context.Context, site *site) (*measured, error) {
	raw, err := client.New(b.operator, client.Options{Scheme: b.Scheme()})
	if err != nil {
		return nil, err
	}
	if err := b.Create(ctx, namespace(rawNamespace)); err != nil {
		return nil, err
	}
	for i := range b.enrollments { // without its courses a document would conflict
		if err := b.Create(ctx, course(documentNamespace, i)); err != nil {
			return nil, err
		}
	}
	m := &ingest{bench: b, raw: raw, found: &measured{clients: b.clients, series: map[point]*series{}}}
	for _, stored := range b.contacts {
		at := &state{stored: stored}
		m.found.states = append(m.found.states, at)
		err := b.withRollcall(ctx, site, nil, func(ctx context.Context, office *backOffice, _ time.Duration) error {
			m.office = office
			if err := m.fill(ctx, at); err != nil {
				return err
			}
			if err := m.measure(ctx, stored, m.directly(), m.byPut(), m.inBulk()); err != nil {
				return err
			}
			at.loaded = allChildren().memory
			return nil
		})
		if err != nil {
			return nil, err
		}
		progress("Starting Rollcall anew, as one of several replicas")
		err = b.withRollcall(ctx, site, replicated, func(ctx context.Context, office *backOffice, ready time.Duration) error {
			m.office, at.ready = office, ready
			start := time.Now()
			if err := m.settle(ctx); err != nil {
				return err
			}
			at.visited = ready + time.Since(start)
			at.restarted = allChildren().memory
			return m.measure(ctx, stored, m.directlyReplicated(), m.byPutReplicated())
		})
		if err != nil {
			return nil, err
		}
	}
	return m.found, nil
}

// fill creates Contacts until as many are stored as it takes.
func (m *ingest) fill(ctx context.Context, to *state) error {
	progress("Storing %s Contacts", grouped(to.stored))
	first := m.stored
	_, err := measure(ctx, fillers, to.stored-first, func(ctx context.Context, i int) error {
		return m.raw.Create(ctx, m.storedDocument(first+i).contact(documentNamespace))
	})
	if err != nil {
		return err
	}
	m.stored = to.stored
	return m.settle(ctx)
}

// measure has the ways take turns in all rounds, with one number of clients after the other.
func (m *ingest) measure(ctx context.Context, stored int, ways ...way) error {
	for _, clients := range m.clients {
		progress("%s stored, %d at a time", grouped(stored), clients)
		// What the first round finds does not count: it is for connections, caches and code paths.
		for round := range m.rounds + 1 {
			count := max(m.requests, requestsPerClient*clients)
			if round == 0 {
				count = clients
			}
			found, err := m.round(ctx, batch{first: m.next, count: count, clients: clients}, ways)
			if err != nil {
				return err
			}
			m.next += count
			if round > 0 {
				m.found.add(stored, clients, found)
			}
			slices.Reverse(ways) // so that nobody always goes first
		}
	}
	return nil
}

// round has each way take its turns, and deletes what they stored.
func (m *ingest) round(ctx context.Context, b batch, ways []way) (map[kind]series, error) {
	found := map[kind]series{}
	ways = slices.DeleteFunc(slices.Clone(ways), func(w way) bool { return w.upTo > 0 && b.clients > w.upTo })
	for _, w := range ways {
		b.prefix = w.prefix
		for _, t := range w.turns {
			taken, err := m.take(ctx, t, b)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.kind, err)
			}
			found[t.kind] = taken
		}
	}
	for _, w := range ways {
		b.prefix = w.prefix
		if err := m.remove(ctx, w.leaves, b); err != nil {
			return nil, err
		}
	}
	return found, m.settle(ctx)
}

// take measures a turn. It begins and ends when all is quiet.
func (m *ingest) take(ctx context.Context, t turn, b batch) (series, error) {
	before, busy := m.written, allChildren().cpu
	taken, err := t.do(ctx, b)
	if err != nil {
		return series{}, err
	}
	taken.cpu = allChildren().cpu - busy
	meanwhile, err := m.writes(ctx)
	if err != nil {
		return series{}, err
	}
	err = m.settle(ctx)
	return series{
		rounds:  []sample{taken},
		writes:  m.written.since(before),
		company: meanwhile.since(before).count(byControllers),
	}, err
}

func (m *ingest) settle(ctx context.Context) (err error) {
	m.written, err = m.settled(ctx)
	return err
}
